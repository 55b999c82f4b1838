"""Builds of the images: by Docker where its engine answers, else by buildah, which needs none."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import SandboxError

PARTS = ("web", "jobs", "sandbox")
# What a machine behind a proxy or a mirror of its own has, and a build needs as well.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_SETTINGS = Path("/etc/pip.conf")
# Docker keeps the health check in its own format, and OCI has none.
_BUILDAH = ("buildah", "bud", "--isolation", "chroot", "--format", "docker", "--layers")


def name_of(part: str) -> str:
    """The image's name without a tag."""
    return f"docuchat/portal-{part}"


def build_with_docker(part: str, arguments: Sequence[str]) -> list[str]:
    """The command that builds a part by Docker."""
    return ["docker", "build", "--target", part, "--tag", name_of(part), *arguments, str(REPOSITORY)]


def build_with_buildah(part: str, *, bases: dict[str, str]) -> list[str]:
    """The command that builds a part by buildah, on bases of one's own."""
    given = bases | ({"NODE_EXTRA_CA_CERTS": str(CERTIFICATES)} if CERTIFICATES.is_file() else {})
    return [
        *_BUILDAH,
        *(f"--volume={each}:{each}:ro" for each in _mounts()),
        *(f"--build-arg={name}={value}" for name, value in given.items()),
        *("--pull-never", "--target", part, "--tag", name_of(part), str(REPOSITORY)),
    ]


def _mounts() -> list[Path]:
    return [each for each in (CERTIFICATES.parent, PIP_SETTINGS) if each.exists()]


def run(argv: Sequence[str], log: Path) -> None:
    """Run a command to its end, all that it says in a file.

    Raises:
        SandboxError: it failed, with its last words.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        done = subprocess.run(
            argv, stdout=file, stderr=file, check=False, env={**os.environ, "STORAGE_DRIVER": driver()}
        )
    if done.returncode:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise SandboxError(f"`{' '.join(argv[:2])}` ended with {done.returncode} ({log}):\n{last}")


def driver() -> str:
    """The storage of buildah: overlay takes seconds where the other one takes minutes."""
    return os.environ.get("STORAGE_DRIVER", "overlay")


def missing(*programs: str) -> list[str]:
    """Those of the programs that this machine does not have."""
    return [name for name in programs if not shutil.which(name)]
