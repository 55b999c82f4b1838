"""A copy of the repository in which mutmut works; what it has found out stays there for the next run."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from backend.sandbox.tools import LOCAL, TOOLS

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("backend", "jobs", "portal", "tests", "assets", "reflex.lock", "docs")
COPIED_FILES = ("rxconfig.py", "README.md", "ARCHITECTURE.md", "DECISIONS.md", "Makefile", "requirements.txt")
# What `mutmut run` does first, without the tests that it would run next.
GENERATE = """
from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants, setup_source_paths
copy_src_dir(), copy_also_copy_files(), setup_source_paths(), create_mutants(2)
"""
# What `mutmut show` says of each mutant that standard input names, as JSON.
SHOW = """
import json, sys
from mutmut.mutation.diff_apply import get_diff_for_mutant
json.dump({name: get_diff_for_mutant(name) for name in sys.stdin.read().split()}, sys.stdout)
"""


class Workplace:
    """One selection of mutants and of the tests that should kill them."""

    def __init__(
        self, name: str, *, mutate: Sequence[str], spare: Sequence[str], tests: Sequence[str]
    ) -> None:
        """Copy the repository's present state; results of functions that did not change are kept."""
        self.name = name
        self._folder = LOCAL / "mutants" / name
        self.log = self._folder / "run.log"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget_old_copies()
        ignore = shutil.ignore_patterns("__pycache__")
        for folder in COPIED:
            shutil.copytree(ROOT / folder, self._folder / folder, dirs_exist_ok=True, ignore=ignore)
        for file in COPIED_FILES:
            shutil.copy2(ROOT / file, self._folder / file)
        own = _settings(mutate, spare, tests)
        (self._folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + own)
        tools = self._folder / "mutants" / ".local" / "tools"
        tools.parent.mkdir(parents=True, exist_ok=True)
        if not tools.is_symlink():
            tools.symlink_to(TOOLS)
        self._python("-c", GENERATE)

    def _forget_old_copies(self) -> None:
        """Remove all but what mutmut found out, because it copies only what is missing."""
        for folder in COPIED:
            shutil.rmtree(self._folder / folder, ignore_errors=True)
        for path in (self._folder / "mutants").rglob("*"):
            if path.is_file() and not path.is_symlink() and path.suffix not in {".meta", ".json"}:
                path.unlink()
        # Which tests run which function is found out again: they may have changed.
        (self._folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)

    def results(self) -> dict[str, str]:
        """What became of every mutant, by its name; ``not checked`` before its turn."""
        lines = self._mutmut("results", "--all", "true").splitlines()
        return dict(line.strip().rsplit(": ", 1) for line in lines if ": " in line)

    def run(self, mutants: Sequence[str], *, within_s: float) -> bool:
        """Try mutants on both cores; tells whether it got through all of them in time."""
        argv = [sys.executable, "-m", "mutmut", "run", "--max-children", "2", *mutants]
        with self.log.open("w") as log:
            child = subprocess.Popen(
                argv, cwd=self._folder, env=self._env(), stdout=log, stderr=subprocess.STDOUT
            )
            try:
                code = child.wait(max(1, within_s))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGINT)
                child.wait()
                return False
        if code != 0:
            raise SystemExit(f"mutmut failed:\n{self.log.read_text()[-2000:]}")
        return True

    def changes_of(self, mutants: Sequence[str]) -> dict[str, str]:
        """The lines before and after of each mutant, as ``- before`` and ``+ after``."""
        diffs: dict[str, str] = json.loads(self._python("-c", SHOW, given=" ".join(mutants)))
        return {name: _changed_lines(diff) for name, diff in diffs.items()}

    def _mutmut(self, *argv: str) -> str:
        return self._python("-m", "mutmut", *argv)

    def _python(self, *argv: str, given: str = "") -> str:
        run = subprocess.run(
            [sys.executable, *argv],
            cwd=self._folder,
            env=self._env(),
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise SystemExit(f"mutmut failed in {self._folder}:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}")
        return run.stdout

    def _env(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": "", "TERM": "dumb"}


def _changed_lines(diff: str) -> str:
    lines = [line for line in diff.splitlines() if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"}]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines)


def _settings(mutate: Sequence[str], spare: Sequence[str], tests: Sequence[str]) -> str:
    copied = [*COPIED, *COPIED_FILES]
    return f"""
[tool.mutmut]
source_paths = ["backend"]
only_mutate = {list(mutate)}
do_not_mutate = {list(spare)}
also_copy = {copied[1:]}
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = {list(tests)}
process_isolation = "forkserver"
use_git_change_detection = false
track_dependencies = false
"""
