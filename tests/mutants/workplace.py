"""A copy of the repository in which mutmut writes its mutants, beside what was found out about them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from backend.sandbox.tools import LOCAL, TOOLS
from tests.mutants.mutant import Mutant, MutatedFile

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "backend",
    "jobs",
    "portal",
    "tests",
    "assets",
    "charts",
    "delivery",
    "docs",
    "reflex.lock",
    "runbooks",
)
COPIED_FILES = (
    "rxconfig.py",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "DECISIONS.md",
    "Makefile",
    "requirements.txt",
)
OF_MUTMUT = (".py", ".meta", ".spans")
# What `mutmut run` does first, without the tests that it would run next.
GENERATE = """
from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants, setup_source_paths
copy_src_dir(), copy_also_copy_files(), setup_source_paths(), create_mutants(2)
"""


class Workplace:
    """The source in ``source``, every mutant switched off in ``mutated``, and a folder for what is kept."""

    def __init__(self, mutated_files: Sequence[str]) -> None:
        """Copy the repository's present state; files that did not change keep their mutants."""
        self.kept = LOCAL / "mutants"
        self.source = self.kept / "copy"
        self.mutated = self.source / "mutants"
        self._mutated_files = mutated_files
        self.mutated.mkdir(parents=True, exist_ok=True)
        self._copy()
        for folder in (self.source, self.mutated):
            _link_tools(folder)
        self._generate()

    def mutants(self) -> dict[str, Mutant]:
        """Every mutant by its name."""
        # mutmut finds its own files from the folder it works in.
        before = Path.cwd()
        os.chdir(self.source)
        try:
            files = [file for file in self._files() if (self.mutated / f"{file}.spans").is_file()]
            found = [mutant for file in files for mutant in MutatedFile(self.source, file).mutants()]
        finally:
            os.chdir(before)
        return {mutant.name: mutant for mutant in found}

    def _files(self) -> list[str]:
        found = {path for pattern in self._mutated_files for path in self.source.glob(pattern)}
        return sorted(str(path.relative_to(self.source)) for path in found)

    def _copy(self) -> None:
        """Bring both copies up to date; what is equal keeps its time, by which mutmut knows it."""
        for folder in COPIED:
            _mirror(ROOT / folder, self.source / folder)
            # The code there is mutmut's own to write.
            _mirror(ROOT / folder, self.mutated / folder, leave=OF_MUTMUT if folder == "backend" else ())
        for file in COPIED_FILES:
            for copy in (self.source, self.mutated):
                shutil.copy2(ROOT / file, copy / file)
        settings = (ROOT / "pyproject.toml").read_text() + _settings(self._files())
        for copy in (self.source, self.mutated):
            (copy / "pyproject.toml").write_text(settings)

    def _generate(self) -> None:
        for path in (self.mutated / "backend").rglob("*.py"):
            if not (self.source / path.relative_to(self.mutated)).is_file():
                path.unlink()
        run = subprocess.run(
            [sys.executable, "-c", GENERATE],
            cwd=self.source,
            env={**os.environ, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise SystemExit(f"mutmut failed in {self.source}:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}")
        for path in (self.mutated / "backend").rglob("__main__.py"):
            _name_module(path, ".".join(path.relative_to(self.mutated).with_suffix("").parts))


def _name_module(path: Path, module: str) -> None:
    """Tell the functions of a command their module: Python calls it ``__main__``, by which no mutant is found."""
    text = path.read_text()
    naming = (
        'for _each in [each for each in globals().values() if hasattr(each, "__wrapped__")]:\n'
        f'    _each.__wrapped__.__module__ = "{module}"\n'
    )
    start = 'if __name__ == "__main__":'
    if naming not in text and "__mutmut_orig" in text:
        path.write_text(text.replace(start, naming + start))


def _mirror(source: Path, copy: Path, *, leave: Sequence[str] = ()) -> None:
    """Make a folder equal to another, but for files that end so; what is equal is not touched."""
    wanted = _files_in(source, leave)
    for path in wanted:
        old, new = copy / path, (source / path).read_bytes()
        if not old.is_file() or old.read_bytes() != new:
            old.parent.mkdir(parents=True, exist_ok=True)
            old.write_bytes(new)
    for path in _files_in(copy, leave) - wanted:
        (copy / path).unlink()


def _files_in(folder: Path, leave: Sequence[str]) -> set[Path]:
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in leave
    }


def _link_tools(folder: Path) -> None:
    tools = folder / ".local" / "tools"
    tools.parent.mkdir(parents=True, exist_ok=True)
    # In a clean clone no test has brought any yet, and a link to nothing stands in their way.
    TOOLS.mkdir(parents=True, exist_ok=True)
    if not tools.is_symlink():
        tools.symlink_to(TOOLS)


def _settings(mutated_files: Sequence[str]) -> str:
    return f"""
[tool.mutmut]
source_paths = ["backend"]
only_mutate = {list(mutated_files)}
also_copy = []
use_git_change_detection = false
track_dependencies = false
"""
