"""A plugin of pytest that, instead of running tests once, runs for each mutant of a plan the tests that may kill it.

What tests share for a whole session, such as PostgreSQL, is started once, without a mutant.
"""

import fcntl
import gc
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.notes import Notes, Verdict
from tests.mutants.trial import End, Trial, run_here, run_in_fork

PLAN = "MUTANTS_PLAN"
DEADLINE = "MUTANTS_DEADLINE"
NO_MUTANT = ""


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of the usual loop over the tests."""
    config.pluginmanager.register(Worker(Path(os.environ[PLAN]), float(os.environ[DEADLINE])))


class Worker:
    """One of several that share a plan."""

    def __init__(self, plan: Path, deadline: float) -> None:
        """The deadline is a time of the clock, in seconds."""
        self._plan: Mapping[str, Any] = json.loads(plan.read_text())
        self._next = plan.with_suffix(".next")
        self._notes = Notes(Path(self._plan["notes"]), Path(self._plan["tests_root"]))
        self._seconds: Mapping[str, float] = self._plan["seconds"]
        self._deadline = deadline
        # What killed a neighbour in the same function is the first to try.
        self._killers: dict[str, list[str]] = defaultdict(list)
        self._prepared: set[str] = set()
        self._sound: set[str] = set()
        self._trusted: dict[str, bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try mutants until there are none, or no time."""
        self._session = session
        self._items = {item.nodeid: item for item in session.items}
        for mutant in self._turns():
            started = time.monotonic()
            tests = self._in_order(mutant)
            self._prepare(tests)
            verdict, by = self._try(mutant, tests)
            self._notes.add(mutant["digest"], verdict, by, time.monotonic() - started)
        return True

    def _turns(self) -> Iterator[Mapping[str, Any]]:
        mutants = self._plan["mutants"]
        while time.time() < self._deadline and (turn := self._claim()) < len(mutants):
            yield mutants[turn]

    def _claim(self) -> int:
        """The place of the next mutant that no worker has taken."""
        with self._next.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            turn = int(file.read())
            file.seek(0)
            file.write(str(turn + 1))
        return turn

    def _in_order(self, mutant: Mapping[str, Any]) -> list[str]:
        tests = [name for name in mutant["tests"] if name in self._items and self._trusted.get(name, True)]
        killers = [name for name in self._killers[mutant["function"]] if name in tests]
        return [*killers, *(name for name in tests if name not in killers)]

    def _prepare(self, tests: Sequence[str]) -> None:
        """Start what the session shares, by a run of the first test that needs it."""
        for name in tests:
            shared = _shared_by(self._items[name])
            if not shared <= self._prepared:
                run_here([self._items[name]], self._session)
                self._prepared |= shared
                gc.collect()
                gc.freeze()

    def _try(self, mutant: Mapping[str, Any], tests: Sequence[str]) -> tuple[Verdict, Sequence[str]]:
        left = list(tests)
        while left:
            trial = self._run(left, mutant["name"])
            if trial.end is End.PASSED:
                break
            culprit, left = left[trial.place], left[trial.place :]
            if self._is_sound(culprit):
                known = self._killers[mutant["function"]]
                known[:] = [culprit, *(name for name in known if name != culprit)]
                return (Verdict.KILLED if trial.end is End.FAILED else Verdict.TIMED_OUT), [culprit]
            self._renew(culprit)
            left = [name for name in left if self._trusted.get(name, True)]
        return Verdict.SURVIVED, mutant["tests"]

    def _is_sound(self, name: str) -> bool:
        """Whether a test passes here without a mutant; only then its failure says something of the mutant."""
        # A test of pure rules that passed once passes again; a server may have had a bad moment.
        return (name in self._sound and name.startswith("tests/unit/")) or self._passes(name)

    def _passes(self, name: str) -> bool:
        if self._run([name], NO_MUTANT).end is not End.PASSED:
            return False
        self._sound.add(name)
        return True

    def _renew(self, name: str) -> None:
        """Start all that the session shares anew: a mutant may have left it in disorder, however it ended."""
        self._session._setupstate.teardown_exact(None)
        self._prepared.clear()
        self._prepare([name])
        self._trusted[name] = self._passes(name)
        state = "passes again" if self._trusted[name] else "fails without a mutant, and is left out"
        print(f"\nafter a new start {state}: {name}", flush=True)

    def _run(self, tests: Sequence[str], mutant: str) -> Trial:
        items = [self._items[name] for name in tests]
        seconds = [self._seconds[name] for name in tests]
        return run_in_fork(items, self._session, mutant=mutant, seconds=seconds)


def _shared_by(item: pytest.Item) -> set[str]:
    """The names of what a test needs that lives as long as the session."""
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 (pytest's own, without a type)
    return {f"{each[-1].baseid}::{name}" for name, each in fixtures.items() if each[-1].scope == "session"}
