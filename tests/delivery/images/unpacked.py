"""An image without an engine: the folders that the Dockerfile names, made read-only, and its command lines."""

import os
import re
import shutil
import sys
import venv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from backend.sandbox.postgres import binaries
from backend.sandbox.processes import Child, Command
from delivery.dockerfile import Copied, Stage
from tests.guards.rules import ROOT

# Root writes where nobody may, unless it gives that up first.
_WITHOUT_OVERRIDE = """
import ctypes, os, sys
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24
if os.geteuid() == 0:
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_LOCKED = re.compile(r"^([\w.-]+==.*?) \\$", re.MULTILINE)


def locked_in(lock: Path) -> set[str]:
    """The packages of a lock file that this machine would get."""
    wanted = (Requirement(line) for line in _LOCKED.findall(lock.read_text()))
    return {canonicalize_name(each.name) for each in wanted if each.marker is None or each.marker.evaluate()}


def environment_of(lock: Path, folder: Path) -> Path:
    """A virtual environment with the packages of a lock file and no other, linked from the present one; its Python."""
    venv.create(folder, symlinks=True)
    [target] = folder.glob("lib/python*/site-packages")
    wanted, owners = locked_in(lock), defaultdict(set)
    found = {canonicalize_name(each.metadata["Name"]): each for each in distributions()}
    for name, each in found.items():
        for file in each.files or ():
            owners[file.parts[0]].add(name)
    if wanted - found.keys():
        raise PackageNotFoundError(", ".join(sorted(wanted - found.keys())))
    for name in wanted:
        for file in found[name].files or ():
            # A namespace that others share is linked file by file.
            part = file if owners[file.parts[0]] - wanted else Path(file.parts[0])
            if ".." not in file.parts:
                _link(Path(str(found[name].locate_file(part))), target / part)
    return folder / "bin" / "python"


def _link(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)


class Unpacked:
    """The files of an image, and its processes, which may write into ``writable`` alone."""

    def __init__(self, stage: Stage, folder: Path, *, python: Path, front_end: Path) -> None:
        """Copy what the stage copies."""
        self.stage = stage
        self.writable = folder / "writable"
        self.writable.mkdir()
        self._python = python
        self._root = folder / "root"
        self._front_end = front_end
        self.folder = self._root / stage.folder.strip("/")
        for copied in stage.copies:
            self._copy(copied)
        for path in [self.folder, *self.folder.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
        self._before = self._state()

    def forget(self) -> None:
        """Delete all of it."""
        for path in [self.folder, *self.folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(self._root)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was written into the tree: no file, and no folder whose content changed in between."""
        return self._state() == self._before

    def argv(self, *arguments: str, port: int | None = None) -> list[str]:
        """The image's command line, with other arguments where some are given, on another port where one is."""
        entrypoint = self.stage.entrypoint
        # The init is the image's own: nothing hangs on it but signals to, and orphans of, process 1.
        assert entrypoint[:2] == ["tini", "--"]
        words = [*entrypoint[2:], *(arguments or self.stage.command)]
        ports = {str(each) for each in self.stage.ports} if port else set()
        program, *rest = [str(port) if word in ports else word for word in words]
        assert program == "python"
        return [sys.executable, "-c", _WITHOUT_OVERRIDE, str(self._python), *rest]

    def env(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The image's own settings, and those that are given; nothing of this machine."""
        own = dict(self.stage.env)
        for name in ("HOME", "TMPDIR"):
            assert own[name] in self.stage.volumes
            own[name] = str(self.writable)
        own["PATH"] = f"{self._python.parent}{os.pathsep}{os.defpath}"
        if "POSTGRES_TOOLS_DIR" in own:
            own["POSTGRES_TOOLS_DIR"] = str(binaries())
        return own | settings

    @contextmanager
    def started(
        self, *arguments: str, settings: Mapping[str, str], port: int | None = None
    ) -> Iterator[Child]:
        """The process, ended with the block."""
        command = Command(
            name=self.stage.name,
            argv=self.argv(*arguments, port=port),
            env=self.env(settings),
            cwd=self.folder,
            log_path=self.writable.parent / f"{'-'.join((self.stage.name, *arguments[:1]))}.log",
        )
        child = Child(command)
        try:
            yield child
        finally:
            child.stop()

    def _copy(self, copied: Copied) -> None:
        if copied.stage in {"packages", "postgresql"}:
            return  # the environment and the tools of this machine stand in
        target = self.folder / copied.target
        if copied.stage == "front-end":
            for part in ("build", "backend"):
                shutil.copytree(self._front_end / part, target / part)
            return
        source = ROOT / copied.source.removeprefix(f"{self.stage.folder}/")
        if source.is_file():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        else:
            left_out = shutil.ignore_patterns("__pycache__", "sandbox")
            shutil.copytree(source, target, ignore=left_out)

    def _state(self) -> dict[str, float]:
        return {str(path): path.stat().st_mtime for path in [self.folder, *self.folder.rglob("*")]}
