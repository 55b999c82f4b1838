"""A container without an engine: the image's own command line, as its user, on a root that cannot be written."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from backend.sandbox.processes import Child, Command
from delivery.images.building import driver, name_of

# Everything but the volumes is read-only. Nothing of this machine is seen but its network and its devices.
_ENTER = """
root=$1; user=$2; folder=$3; volumes=$4; shift 4
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for volume in $volumes; do mount -t tmpfs -o mode=1777 tmpfs "$root$volume"; done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot --userspec="$user" --groups= "$root" /usr/bin/env --ignore-environment --chdir="$folder" "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built image: its files, and what its configuration says."""

    part: str
    root: Path
    config: Mapping[str, Any]

    def argv(self, arguments: Sequence[str], settings: Mapping[str, str]) -> list[str]:
        """The command that starts a container with other arguments than its own, where some are given."""
        env = [*self.config["Env"], *(f"{name}={value}" for name, value in settings.items())]
        words = [*self.config["Entrypoint"], *(arguments or self.config["Cmd"])]
        where = [str(self.root), self.config["User"], self.config["WorkingDir"]]
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", _ENTER, "enter"]
        return [*enter, *where, " ".join(self.config["Volumes"]), *env, *words]

    def run(self, *arguments: str, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a container to its end."""
        return subprocess.run(
            self.argv(arguments, settings), capture_output=True, text=True, check=False, timeout=300
        )

    @contextmanager
    def started(self, *arguments: str, settings: Mapping[str, str], log: Path) -> Iterator[Child]:
        """A container for the block."""
        child = Child(Command(name=self.part, argv=self.argv(arguments, settings), log_path=log))
        try:
            yield child
        finally:
            child.stop()


def ask_to_end(child: Child) -> None:
    """Send the first process of a container what an engine sends."""
    [first] = psutil.Process(child.pid).children()
    first.send_signal(signal.SIGTERM)


@contextmanager
def opened(part: str) -> Iterator[Image]:
    """A built image, with its files mounted for the block."""
    working = _said("buildah", "from", "--pull-never", f"localhost/{name_of(part)}")
    try:
        root = Path(_said("buildah", "mount", working))
        told = json.loads(_said("buildah", "inspect", "--type", "image", f"localhost/{name_of(part)}"))
        yield Image(part=part, root=root, config=told["Docker"]["config"])
    finally:
        _said("buildah", "rm", working)


def _said(*argv: str) -> str:
    env = {**os.environ, "STORAGE_DRIVER": driver()}
    return subprocess.run(argv, capture_output=True, text=True, check=True, env=env).stdout.strip()
