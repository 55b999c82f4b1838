"""The newest Python that can be had, with the locked packages: `python -m backend.sandbox.newest ARGUMENTS` runs it.

It is one on PATH, else that of Debian's next release: merely unpacked, and started by that release's own loader,
because it needs a newer C library than this machine has.
"""

import os
import shutil
import sys
from pathlib import Path

from backend.sandbox.debian_suites import unpack_from_suite
from backend.sandbox.locks import alone
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import SandboxError
from backend.sandbox.tools import TOOLS, run_program
from backend.sandbox.trials import first_that_works, in_folders, said

NAMES = ("python3.14", "python3.13")
DEBIAN_SUITE, DEBIAN_NAME = "trixie", "python3.13"
HOME = TOOLS / "newest"
ROOT = HOME / "debian"
STARTER = ROOT / "usr" / "portal" / DEBIAN_NAME
REQUIREMENTS = REPOSITORY / "requirements.txt"

START = """#!/bin/sh
exec {loader} --library-path {libraries} --argv0 "$0" {program} "$@"
"""


def newest_python() -> Path:
    """A Python newer than the oldest that we promise, ready to run our tests."""
    with alone(HOME / ".lock"):
        return _on_path() or _debians()


def _on_path() -> Path | None:
    def makes_environments(python: Path) -> bool:
        return said([str(python), "-c", "import venv, ensurepip"]) is not None

    candidates = [each for name in NAMES for each in in_folders([name], os.get_exec_path())]
    found = first_that_works(candidates, makes_environments, HOME / "tried.json")
    if found is None:
        return None
    home = HOME / f"venv-{found.name}"
    if not (home / "bin" / "python").exists():
        _must(run_program([str(found), "-m", "venv", str(home)]))
    _install(home / "bin" / "python", [str(home / "bin" / "pip")], home)
    return home / "bin" / "python"


def _debians() -> Path:
    if not STARTER.exists():
        shutil.rmtree(ROOT, ignore_errors=True)
        _must(unpack_from_suite(DEBIAN_SUITE, DEBIAN_NAME, into=ROOT, with_dependencies=True))
        _write_starter()
    # Debian's Python brings no pip; ours is plain Python and installs for whoever runs it.
    pip = Path(sys.prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages", "pip")
    target = ROOT / "usr" / "lib" / "python3" / "dist-packages"
    _install(STARTER, [str(STARTER), str(pip)], ROOT, "--target", str(target), "--upgrade")
    return STARTER


def _install(python: Path, pip: list[str], home: Path, *where: str) -> None:
    installed = home / ".requirements"
    if installed.exists() and installed.read_bytes() == REQUIREMENTS.read_bytes():
        return
    print(f"· installing the locked packages for {python.name} (some minutes)", flush=True)
    locked = ["--require-hashes", "--no-deps", "-r", str(REQUIREMENTS)]
    _must(run_program([*pip, "install", "-qq", "--disable-pip-version-check", *where, *locked]))
    shutil.copy(REQUIREMENTS, installed)


def _write_starter() -> None:
    loader = next(ROOT.glob("usr/lib*/ld-linux-*.so.*"))
    libraries = next(ROOT.glob("usr/lib/*-linux-gnu"))
    STARTER.parent.mkdir(parents=True, exist_ok=True)
    program = ROOT / "usr" / "bin" / DEBIAN_NAME
    STARTER.write_text(START.format(loader=loader, libraries=libraries, program=program))
    STARTER.chmod(0o755)


def _must(problem: str | None) -> None:
    if problem is not None:
        raise SandboxError(f"A newer Python cannot be had: {problem}")


if __name__ == "__main__":
    try:
        python = newest_python()
    except SandboxError as error:
        sys.exit(str(error))
    os.execv(python, [str(python), *sys.argv[1:]])  # noqa: S606 (the arguments are the caller's own)
