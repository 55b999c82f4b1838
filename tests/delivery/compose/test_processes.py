"""The commands and settings of `compose.yaml` start what is ours, and its health checks see when it is well.

Plain processes take the place of containers: addresses become loopback ports, and volumes folders.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import Child, Command, free_port, wait_until
from backend.sandbox.serve import STAND_INS
from backend.sandbox.site import own_environment
from portal import routes
from tests.delivery.compose.model import services

WEB = {"REFLEX_ENV_MODE": "prod", "__REFLEX_SKIP_COMPILE": "true", "REFLEX_TELEMETRY_ENABLED": "false"}
# The commands that the images give; those of the stand-ins stand in the file.
OF_THE_IMAGES = {"portal": ["portal", "--host", "0.0.0.0", "--port", "3000"], "jobs": ["jobs"]}
# Other people's programs, and the state of tabs that needs one of them.
NOT_OURS = ("REDIS_URL", "BACKUP_DIR")


class Containers:
    """Processes in the place of containers, each with a port and a folder of its own."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.ports = {f"{name}:{one.port}": free_port() for name, one in STAND_INS.items()}
        self.ports |= {name: free_port() for name in ("portal:3000", "jobs:9102", "mail:1025")}
        self._children = ExitStack()

    def here(self, text: str) -> str:
        """A word of the file as it is on this machine."""
        for container, port in self.ports.items():
            text = text.replace(container, f"127.0.0.1:{port}")
        gateway, portal = self.ports["gateway:8090"], self.ports["portal:3000"]
        text = text.replace("127.0.0.1:8090", f"127.0.0.1:{gateway}").replace(
            "portal:8090", f"127.0.0.1:{gateway}"
        )
        text = text.replace("127.0.0.1:3000", f"127.0.0.1:{portal}")
        text = text.replace("127.0.0.1:9102", f"127.0.0.1:{self.ports['jobs:9102']}")
        return text.replace("/run/kubernetes", str(self.folder / "kubernetes"))

    def environment(self, name: str) -> dict[str, str]:
        given = {key: self.here(str(value)) for key, value in services()[name].get("environment", {}).items()}
        given["DATABASE_URL"] = self.database
        if "JOBS_METRICS_PORT" in given:
            given["JOBS_METRICS_PORT"] = str(self.ports["jobs:9102"])
        return own_environment() | WEB | {key: value for key, value in given.items() if key not in NOT_OURS}

    def command(self, name: str) -> list[str]:
        words = services()[name].get("command") or OF_THE_IMAGES[name]
        folder = self.folder / name
        more = self._more(name) if name in STAND_INS else []
        rest = [
            self.here(word).replace("0.0.0.0", "127.0.0.1").replace("/state", str(folder)) for word in words
        ]
        at_port = [str(self.ports["portal:3000"]) if word == "3000" else word for word in rest]
        return [sys.executable, "-m", *at_port, *more]

    def _more(self, name: str) -> list[str]:
        one = STAND_INS[name]
        more = ["--port", str(self.ports[f"{name}:{one.port}"])]
        if name == "mail":
            more += ["--smtp-port", str(self.ports["mail:1025"])]
        return [*more, "--public-host", "127.0.0.1"] if one.is_tls else more

    def start(self, name: str) -> Child:
        child = Child(
            Command(
                name=name,
                argv=self.command(name),
                log_path=self.folder / f"{name}.log",
                env=self.environment(name),
                cwd=REPOSITORY,
                # DocuChat stays to be scraped when it is asked politely; here nobody scrapes.
                stop_signal=signal.SIGINT if name == "docuchat" else signal.SIGTERM,
            )
        )
        self._children.callback(child.stop)
        return child

    def is_healthy(self, name: str) -> bool:
        """What the health check of the file says."""
        _, program, *words = services()[name]["healthcheck"]["test"]
        assert program == "python"
        more = self._more(name)[:2] if name in STAND_INS else []
        check = [sys.executable, *(self.here(word) for word in words), *more]
        return subprocess.run(check, capture_output=True, check=False, cwd=REPOSITORY).returncode == 0

    def close(self) -> None:
        self._children.close()


@pytest.fixture
def containers(database: str, tmp_path: Path) -> Iterator[Containers]:
    made = Containers(tmp_path, database)
    try:
        yield made
    finally:
        made.close()


def healthy(containers: Containers, names: Sequence[str]) -> None:
    started = {name: containers.start(name) for name in names}
    for name, child in started.items():
        wait_until(is_well(containers, name), child=child, timeout_s=120, interval_s=0.5)


def is_well(containers: Containers, name: str) -> Callable[[], bool]:
    return lambda: containers.is_healthy(name)


def test_stand_ins_web_and_jobs_start_in_the_files_order_and_somebody_signs_in(
    containers: Containers,
) -> None:
    assert not any(containers.is_healthy(name) for name in ("mail", "kubernetes"))

    healthy(containers, list(STAND_INS))
    assert containers.start("migrations").finish(60) == 0
    people = containers.start("people")
    assert people.finish(120) == 0
    healthy(containers, ["portal", "jobs"])

    operator = next(line for line in people.log_tail(30).splitlines() if line.startswith("operator: "))
    email, password = operator.removeprefix("operator: ").split()
    url = containers.here("http://127.0.0.1:3000")
    with httpx.Client(base_url=url, headers={"origin": url}, timeout=30) as browser:
        answer = browser.post(routes.POST_SIGN_IN, data={"email": email, "password": password})
    assert (answer.status_code, urlsplit(answer.headers["location"]).path) == (303, "/overview")
    metrics = containers.here("http://docuchat:8080/api/v1/metrics")
    token = {"authorization": f"Bearer {services()['docuchat']['environment']['METRICS_TOKEN']}"}
    assert [httpx.get(metrics, headers=each).status_code for each in ({}, token)] == [401, 200]
