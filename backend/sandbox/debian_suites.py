"""Packages of a Debian release that this machine does not run: merely unpacked, and nothing is installed."""

import shutil
from pathlib import Path

from backend.sandbox.tools import run_program
from backend.sandbox.trials import said

DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def unpack_from_suite(suite: str, name: str, *, into: Path, with_dependencies: bool) -> str | None:
    """Unpack a package, perhaps with all that it needs, as if nothing were installed here.

    ``None`` when it went well, else what went wrong.
    """
    mirror = debian_mirror()
    if mirror is None:
        return "this machine's apt knows no Debian"
    apt = into.with_name(f"{into.name}.apt")
    try:
        return _fetch(apt, mirror, suite, name, with_dependencies=with_dependencies) or _unpack(apt, into)
    finally:
        shutil.rmtree(apt, ignore_errors=True)


def debian_mirror() -> str | None:
    """The Debian mirror of this machine's own apt, if it has one."""
    asked = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    for line in (said(asked) or "").splitlines():
        label, _, address = line.partition(" ")
        if label == "Debian":
            return address
    return None


def _fetch(apt: Path, mirror: str, suite: str, name: str, *, with_dependencies: bool) -> str | None:
    archives = apt / "cache" / "archives"
    for folder in (apt / "lists" / "partial", archives / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    keys = f"[signed-by={DEBIAN_KEYS}] " if DEBIAN_KEYS.exists() else ""
    (apt / "sources.list").write_text(f"deb {keys}{mirror} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Install-Recommends": "false",
        "Debug::NoLocking": "true",
    }
    get = ["apt-get", *(f"-o{option}={value}" for option, value in options.items())]
    fetch = ["install", "-y", "--download-only"] if with_dependencies else ["download"]
    return run_program([*get, "update"]) or run_program([*get, *fetch, name], cwd=archives)


def _unpack(apt: Path, into: Path) -> str | None:
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        if problem := run_program(["dpkg-deb", "-x", str(package), str(into)]):
            return problem
    return None
