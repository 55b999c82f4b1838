"""Which test runs which line of the mutated code: found out once, kept, and renewed where something changed."""

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import coverage

from tests.mutants.reach_plugin import SETTINGS

# What starts neither the mutated code nor its tests' servers is left out: it could kill nothing.
FOLDERS = (
    "tests/unit",
    *(
        f"tests/integration/{name}"
        for name in (
            *("accounts", "audit", "invoices", "jobs", "notifications"),
            *("payments", "portal", "pricing", "tenants", "usage"),
        )
    ),
)
NOTHING: dict[str, dict[str, Any]] = {"sources": {}, "files": {}, "tests": {}}
COVERAGE_SETTINGS = """[run]
branch = false
parallel = true
data_file = {data}
context = ${{PYTEST_CURRENT_TEST-}}
include = {included}
disable_warnings = no-data-collected, module-not-measured, already-imported, couldnt-parse
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What one test needs and runs: seconds, and the lines of each file."""

    seconds: float
    lines: Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Every passing test by its node id."""

    tests: Mapping[str, Reached]

    def of(self, file: str, lines: Iterable[int]) -> set[str]:
        """The tests that run at least one of the lines."""
        wanted = set(lines)
        return {name for name, test in self.tests.items() if not wanted.isdisjoint(test.lines.get(file, ()))}


class Collector:
    """Runs tests under coverage in a copy of the repository, on both cores."""

    def __init__(self, copy: Path, kept: Path, included: Sequence[str]) -> None:
        """``included`` are the patterns of the files that matter, from the repository's root."""
        self._copy = copy
        self._kept = kept
        self._folder = kept.parent
        self._folder.mkdir(parents=True, exist_ok=True)
        self._included = included
        self._failed: set[str] = set()

    def reach(self) -> Reach:
        """What is kept; found out again for files of tests that changed, or that run a file that changed."""
        known = json.loads(self._kept.read_text()) if self._kept.is_file() else NOTHING
        sources = self._digests(path for pattern in self._included for path in self._copy.glob(pattern))
        present = self._digests(
            path for folder in FOLDERS for path in (self._copy / folder).rglob("test_*.py")
        )
        kept = {name: test for name, test in known["tests"].items() if _file(name) in present}
        changed = {file for file, digest in known["sources"].items() if sources.get(file) != digest}
        stale = {file for file, digest in present.items() if known["files"].get(file) != digest}
        stale |= {_file(name) for name, test in kept.items() if not changed.isdisjoint(test["lines"])}
        if stale:
            print(f"· which test runs which line: {len(stale)} of {len(present)} files of tests", flush=True)
            found = self._collect(FOLDERS if len(stale) == len(present) else sorted(stale))
            kept = {name: test for name, test in kept.items() if _file(name) not in stale} | found
        # Files with a test that failed are run again the next time.
        known_files = {file: digest for file, digest in present.items() if file not in self._failed}
        self._kept.write_text(json.dumps({"sources": sources, "files": known_files, "tests": kept}))
        return Reach({name: _reached(test) for name, test in kept.items()})

    def _digests(self, paths: Iterable[Path]) -> dict[str, str]:
        return {
            str(path.relative_to(self._copy)): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for path in paths
        }

    def _collect(self, tests: Sequence[str]) -> dict[str, Any]:
        data, xml, settings = (self._folder / name for name in ("coverage", "tests.xml", "reach.ini"))
        for old in self._folder.glob("coverage*"):
            old.unlink()
        included = ", ".join(f"**/{pattern}" for pattern in self._included)
        settings.write_text(COVERAGE_SETTINGS.format(data=data, included=included))
        argv = [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--no-loadscope-reorder"),
            *("-p", "tests.mutants.reach_plugin", "-p", "no:cacheprovider"),
            *("--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report="),
            *(f"--junitxml={xml}", *tests),
        ]
        log = self._folder / "reach.log"
        with log.open("w") as output:
            run = subprocess.run(
                argv,
                cwd=self._copy,
                env={**os.environ, SETTINGS: str(settings)},
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        seconds = passed(xml) if run.returncode in {0, 1} else {}
        # Also a single file that cannot be collected lets no test run.
        if not seconds:
            raise SystemExit(f"The tests could not be run:\n{log.read_text()[-2000:]}")
        self._failed = failed_files(xml)
        if run.returncode:
            # A test that fails without a mutant tells of none: the figures would be too low in silence.
            print(f"  not all of them pass without a mutant: {_last_line(log)} (see {log})", flush=True)
        return _joined(seconds, self._lines(data))

    def _lines(self, data: Path) -> dict[str, dict[str, list[int]]]:
        """The lines that each test ran, by file."""
        found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        measured = coverage.CoverageData(str(data))
        measured.read()
        for path in measured.measured_files():
            # A test may build a copy of the product, which nobody mutates.
            if not Path(path).is_relative_to(self._copy):
                continue
            file = str(Path(path).relative_to(self._copy))
            for line, contexts in measured.contexts_by_lineno(path).items():
                for test in {_test(context) for context in contexts if context}:
                    found[test][file].append(line)
        return found


def _last_line(log: Path) -> str:
    return log.read_text().strip().rpartition("\n")[2]


def passed(xml: Path) -> dict[str, float]:
    """The seconds of each test that passed, by node id, from pytest's report."""
    return {
        f"{case.attrib['classname'].replace('.', '/')}.py::{case.attrib['name']}": float(case.attrib["time"])
        for case in ET.parse(xml).iter("testcase")  # noqa: S314 (our own report)
        if not len(case)
    }


def failed_files(xml: Path) -> set[str]:
    """The files of tests of which a test did not pass, or that could not be collected, from pytest's report."""
    return {
        f"{(case.attrib['classname'] or case.attrib['name']).replace('.', '/')}.py"
        for case in ET.parse(xml).iter("testcase")  # noqa: S314 (our own report)
        if case.find("failure") is not None or case.find("error") is not None
    }


def _joined(seconds: Mapping[str, float], lines: Mapping[str, Mapping[str, list[int]]]) -> dict[str, Any]:
    return {
        name: {"seconds": seconds[name], "lines": lines[name]}
        for name in sorted(seconds.keys() & lines.keys())
    }


def _reached(test: Mapping[str, Any]) -> Reached:
    lines = {file: frozenset(numbers) for file, numbers in test["lines"].items()}
    return Reached(seconds=test["seconds"], lines=lines)


def _test(context: str) -> str:
    """A node id from ``node id|run`` of a test's own process or ``node id (call)`` of one that it started."""
    return context.rpartition("|")[0] or context.rpartition(" (")[0]


def _file(test: str) -> str:
    return test.partition("::")[0]
