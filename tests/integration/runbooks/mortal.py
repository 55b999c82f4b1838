"""Processes of runs that stop before and after each step, so that a test decides who dies there.

``python -m tests.integration.runbooks.mortal`` has read the whole product, and for each run it is asked for it starts
a copy of itself that works on it as ``python -m runbooks run RUN_ID`` does. At a barrier the copy says where it is, and
waits for a word: meanwhile the test may kill it, or whatever it needs. The product knows nothing of all this.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from backend.actor import Actor
from backend.config import settings
from backend.log import configure_logging
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunId, StepTraces
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import keep
from runbooks import engine, registry


class Moment(StrEnum):
    """Places at which a process waits."""

    BEGUN = "begun"  # the step is recorded as begun, and has done nothing yet
    NOTED = "noted"  # the step has done something, and is about to note it
    DONE = "done"  # the step has done its work, and that is not recorded yet


KILLED = -signal.SIGKILL
Barrier = Callable[[Moment, str], bool]
"""Called at each barrier with the step; whether the process may live on."""


def always(_moment: Moment, _step: str) -> bool:
    """Let the process live on."""
    return True


@dataclass
class Mortals:
    """Processes of runs, copied from one that has read the whole product."""

    process: subprocess.Popen[str]

    def work(
        self,
        run_id: RunId,
        barrier: Barrier = always,
        *,
        environment: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> int:
        """Let a process work on a run until it ends or dies; its exit code.

        ``environment`` is added to this process's, ``values`` are other values of the product's constants.
        """
        self._say(
            {
                "run": str(run_id),
                "environment": {**os.environ, **(environment or {})},
                "values": dict(values or {}),
            }
        )
        pid = int(self._hear()[1])
        while (told := self._hear())[0] != "ended":
            if self._may_live(pid, barrier, told):
                self._say("go")
        return int(told[1])

    def _may_live(self, pid: int, barrier: Barrier, told: list[str]) -> bool:
        """Ask at a barrier. Who may not live is killed; a test that fails there leaves nothing behind."""
        try:
            lives = barrier(Moment(told[0]), told[1])
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            while self._hear()[0] != "ended":
                pass
            raise
        if not lives:
            os.kill(pid, signal.SIGKILL)
        return lives

    def _say(self, what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(what)}\n")
        self.process.stdin.flush()

    def _hear(self) -> list[str]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process of mortals is dead"
        return line.split()


@contextmanager
def mortals(log_path: Path) -> Iterator[Mortals]:
    """The process that copies itself, ended on leaving; what its copies log stands in a file."""
    command = [sys.executable, "-m", __name__]
    with log_path.open("w") as log:
        process = keep(
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=REPOSITORY
            )
        )
        with process:
            yield Mortals(process)
            process.kill()


def _tell(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def _heard() -> str:
    """A line, and nothing of the next one: that may be for another copy."""
    line = b""
    while not line.endswith(b"\n"):
        if not (more := os.read(0, 1)):
            return ""
        line += more
    return line.decode()


def _stop_at(moment: Moment, step: str) -> None:
    _tell(moment.value, step)
    if not _heard():
        os._exit(0)


def _install_barriers() -> None:
    start_step, remember, end_step = runs.start_step, runs.remember, runs.end_step
    taken = [""]

    def start(actor: Actor, run: RunbookRun, position: int, name: str) -> bool:
        begins = start_step(actor, run, position, name)
        taken[0] = name
        _stop_at(Moment.BEGUN, name)
        return begins

    def note(actor: Actor, run: RunbookRun, left: StepTraces) -> None:
        _stop_at(Moment.NOTED, taken[0])
        remember(actor, run, left)

    def end(actor: Actor, run: RunbookRun, position: int, name: str, left: StepTraces) -> None:
        _stop_at(Moment.DONE, name)
        end_step(actor, run, position, name, left)

    runs.start_step, runs.remember, runs.end_step = start, note, end


def _live(wanted: Mapping[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(wanted["environment"])
    settings.cache_clear()
    for path, value in wanted["values"].items():
        module, _, name = path.rpartition(".")
        old = getattr(import_module(module), name)
        setattr(import_module(module), name, type(old)(value))
    _install_barriers()
    engine.work_on(RunId(UUID(wanted["run"])))


def main() -> None:
    """Copy this process for each run that is asked for."""
    configure_logging()
    list(registry.actions().values())
    while line := _heard():
        if (pid := os.fork()) == 0:
            _tell("pid", os.getpid())
            try:
                _live(json.loads(line))
            finally:
                os._exit(0)
        _tell("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()
