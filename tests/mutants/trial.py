"""Run tests in a fork of this process, with or without a mutant: what a mutant breaks ends with the fork."""

import os
import resource
import select
import signal
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

import pytest

from tests.mutants import leftovers

MUTANT = "MUTANT_UNDER_TEST"
# What a test may take: so many times what it took without a mutant, and time for what only happens on a busy machine.
PATIENCE = 5
PATIENCE_S = 20.0
# A mutant that fills a list for ever ends before the machine's memory does.
MOST_BYTES = 3 << 30


class End(Enum):
    """How a trial ended."""

    PASSED = auto()
    FAILED = auto()
    STUCK = auto()


@dataclass(frozen=True, slots=True)
class Trial:
    """The end, and the place of the test that brought it about."""

    end: End
    place: int


class Failures:
    """The tests that failed in this process."""

    def __init__(self) -> None:
        """None so far."""
        self.any = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure of a test, of what it needs, or of what comes after it."""
        self.any = self.any or report.failed


def run_here(items: Sequence[pytest.Item], session: pytest.Session) -> None:
    """Run tests in this very process; what the whole session shares stays for the trials."""
    for item, following in pairwise([*items, session]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def run_in_fork(
    items: Sequence[pytest.Item], session: pytest.Session, *, mutant: str, seconds: Sequence[float]
) -> Trial:
    """Run tests until one fails; ``seconds`` are what they take without a mutant."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of threads that a fork does not have; they serve from this process all the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.close(reading)
        _run_as_child(items, session, mutant, writing)
    os.close(writing)
    try:
        return _watch(pid, reading, seconds)
    finally:
        os.close(reading)
        _end(pid)


def _run_as_child(items: Sequence[pytest.Item], session: pytest.Session, mutant: str, writing: int) -> None:
    code = 1
    try:
        os.setsid()
        leftovers.mark(os.getpid())
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, most))
        os.environ[MUTANT] = mutant
        failures = Failures()
        session.config.pluginmanager.register(failures)
        for item, following in pairwise([*items, session]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            os.write(writing, b"f" if failures.any else b"p")
            if failures.any:
                break
        code = 0
    except BaseException:  # noqa: BLE001 (whatever it was, it must not become a second session)
        # What the whole session shares belongs to the parent and stays.
        with suppress(BaseException):
            session._setupstate.teardown_exact(session)
    finally:
        os._exit(code)


def _watch(pid: int, reading: int, seconds: Sequence[float]) -> Trial:
    for place, usual in enumerate(seconds):
        ready, _, _ = select.select([reading], [], [], PATIENCE_S + PATIENCE * usual)
        if not ready:
            os.kill(pid, signal.SIGINT)
            select.select([reading], [], [], PATIENCE_S / 4)
            return Trial(End.STUCK, place)
        # Nothing to read means that the child ended without a word: a crash, or no memory.
        if os.read(reading, 1) != b"p":
            return Trial(End.FAILED, place)
    return Trial(End.PASSED, len(seconds))


def _end(pid: int) -> None:
    """Wait a moment for the last clean-up, then end the child with all that it left behind."""
    until = time.monotonic() + PATIENCE_S / 4
    ended = False
    while not ended and time.monotonic() < until:
        ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        if not ended:
            time.sleep(0.005)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not ended:
        os.waitpid(pid, 0)
    leftovers.end_all(pid)
