"""What the images do when they run."""

import signal
from dataclasses import replace
from pathlib import Path

import httpx
from websockets import Origin
from websockets.sync.client import connect

from backend.sandbox.processes import Child, SandboxError, accepts, free_port, wait_until
from delivery.images.bases import HOME
from delivery.images.container import Image, ask_to_end

HOST = "127.0.0.1"
LIVE, READY, METRICS = "/healthz", "/readyz", "/api/v1/metrics"
_TOKEN = "local-metrics-token"  # noqa: S105 (known on purpose)
_BEARER = {"authorization": f"Bearer {_TOKEN}"}
# tini ends as a shell says it of its child.
_BY_SIGTERM = 128 + signal.SIGTERM
_END_S = 30.0
_WRITE = "import os; print(os.getuid()); open('/tmp/w', 'w'); open('/srv/portal/w', 'w')"
_NAMES = "from importlib.metadata import distributions as d; print(*(each.metadata['Name'] for each in d()))"

# By part: what an image must have, below its root, and what it must not.
PRESENT = {
    "web": ("srv/portal/.web/backend/csp.json", "srv/portal/portal/__pycache__"),
    "jobs": ("opt/postgresql/bin/pg_dump", "opt/postgresql/bin/pg_restore", "srv/portal/runbooks/pages"),
    "sandbox": ("srv/portal/backend/sandbox/zibal",),
}
_NO_TOOLS = tuple(
    f"{folder}/{name}"
    for folder in ("usr/bin", "usr/local/bin", "opt/portal/bin")
    for name in ("pip", "pip3", "gcc", "cc", "make", "node", "npm", "bun", "git")
)
ABSENT = {
    "web": (*_NO_TOOLS, "build", "srv/portal/backend/sandbox", "srv/portal/jobs", "srv/portal/tests"),
    "jobs": (
        *_NO_TOOLS,
        "build",
        "srv/portal/backend/sandbox",
        "srv/portal/portal",
        "opt/postgresql/bin/postgres",
    ),
    "sandbox": ("srv/portal/tests", "usr/bin/gcc"),
}
# Folders that a volume takes its owner from.
OWN = {"jobs": ("backups",), "sandbox": ("state",)}
ACCOUNT = 10_001


def holds(image: Image) -> str:
    """The image has what it needs, and neither tools that build nor what only others need; its folders are its own."""
    for path in OWN.get(image.part, ()):
        _require((image.root / path).stat().st_uid == ACCOUNT, f"/{path} belongs to another account")
    lacking = [path for path in PRESENT[image.part] if not (image.root / path).exists()]
    unwanted = [path for path in ABSENT[image.part] if (image.root / path).exists()]
    _require(not lacking and not unwanted, f"lacks {lacking}, has {unwanted}")
    return f"{len(PRESENT[image.part])} there, {len(ABSENT[image.part])} not"


def cannot_write(image: Image) -> str:
    """A process is nobody, writes into /tmp, and nowhere else."""
    done = _python(image).run(_WRITE, settings={})
    _require(done.stdout == "10001\n" and "Read-only file system" in done.stderr, done.stdout + done.stderr)
    return "uid 10001"


def packages(image: Image, locked: set[str]) -> str:
    """The image holds locked packages, and no other."""
    done = _python(image).run(_NAMES, settings={})
    there = {name.lower().replace("_", "-").replace(".", "-") for name in done.stdout.split()}
    _require(bool(there) and there <= locked, f"not locked: {sorted(there - locked)} {done.stderr}")
    return f"{len(there)}, all locked"


def migrates(image: Image, settings: dict[str, str]) -> str:
    """The jobs image brings an empty database to the newest schema."""
    done = image.run("backend.db", "upgrade", settings=settings)
    _require(done.returncode == 0, done.stderr)
    return done.stdout.strip()


def serves(image: Image, settings: dict[str, str]) -> str:
    """Pages, their scripts and the websocket come from the address that is told at the start."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    own = [str(port) if word == "3000" else word for word in image.config["Cmd"]]
    with image.started(*own, settings={**settings, "PUBLIC_URL": url}, log=_log("web")) as child:
        wait_until(lambda: answers(url + READY, 200), child=child, timeout_s=90)
        page = httpx.get(f"{url}/sign-in").text
        script = page.partition('src="/assets/')[2].partition('"')[0] or "manifest.js"
        _require("localhost:8000" not in page, "the page names the address of its build")
        with connect(
            f"ws://{HOST}:{port}/_event/?EIO=4&transport=websocket&token=trial", origin=Origin(url)
        ) as tab:
            _require(str(tab.recv()).startswith("0{"), "the websocket says nothing")
        return f"scripts {script[:20]}, " + _leaves(child, url)


def _leaves(child: Child, url: str) -> str:
    ask_to_end(child)
    wait_until(lambda: answers(url + READY, 503), child=child)
    _require(httpx.get(url + METRICS, headers=_BEARER).is_success, "the last figures cannot be read")
    # A second signal ends it without waiting for scrapes.
    ask_to_end(child)
    code = child.process.wait(_END_S)
    _require(code == _BY_SIGTERM, f"it ended with {code}")
    return "ended when asked"


def leads(image: Image, settings: dict[str, str]) -> str:
    """The scheduler answers on its port, and ends when it is asked to."""
    port = free_port()
    own = {**settings, "JOBS_METRICS_PORT": str(port)}
    with image.started(settings=own, log=_log("jobs")) as child:
        wait_until(lambda: answers(f"http://{HOST}:{port}{LIVE}", 200), child=child, timeout_s=60)
        wait_until(lambda: "scheduler.leads" in child.log_tail(), child=child)
        ask_to_end(child)
        wait_until(lambda: "scheduler.ended" in child.log_tail(), child=child)
        ask_to_end(child)
        code = child.process.wait(_END_S)
    _require(code == 0, f"it ended with {code}")
    return "ended when asked"


def backs_up(image: Image, settings: dict[str, str]) -> str:
    """The tools of PostgreSQL write a backup and read it to its end."""
    done = image.run("backend.backups", "create", settings={**settings, "BACKUP_DIR": "/backups"})
    _require(done.returncode == 0, done.stdout + done.stderr)
    return done.stdout.strip().splitlines()[-1]


def stands_in(image: Image) -> str:
    """The stand-in for the gateway answers."""
    port = free_port()
    own = [str(port) if word == "8000" else word for word in image.config["Cmd"]]
    with image.started(*own, settings={}, log=_log("sandbox")) as child:
        wait_until(lambda: accepts(port), child=child)
    return "the gateway"


def answers(url: str, status: int) -> bool:
    """Whether a GET is answered so."""
    try:
        return httpx.get(url, timeout=5).status_code == status
    except httpx.TransportError:
        return False


def _python(image: Image) -> Image:
    return replace(image, config={**image.config, "Entrypoint": ["tini", "--", "python", "-c"]})


def _log(part: str) -> Path:
    path = HOME / f"run-{part}.log"
    path.unlink(missing_ok=True)
    return path


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise SandboxError(why)
