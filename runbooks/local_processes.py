"""Runs as detached processes of this machine: each leads a group of its own, and outlives whoever started it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

from backend.config import settings
from backend.errors import Refused
from backend.runbooks.types import RunbookRun
from runbooks.launching_types import Fate, FoundProcess

COMMAND = (sys.executable, "-m", "runbooks")
_PARTS = 3
# Between its start and its first instruction a process shows no command: milliseconds on a loaded machine.
COMMAND_S = 1.0


class LocalProcesses:
    """Starts ``python -m runbooks run RUN_ID``, with the runner's account for Kubernetes."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        """Name the command that gets ``run RUN_ID``; no process is known yet."""
        self.command = command
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, run: RunbookRun) -> str:
        """Start a process; it takes the run only if no other has. Raises Refused when there can be none."""
        try:
            started = subprocess.Popen(  # noqa: S603 - our own command, no word of anybody else in it
                [*self.command, "run", str(run.id)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None,
                env=_environment(os.environ),
                start_new_session=True,
            )
        except OSError as wrong:
            raise Refused(reason="runner_not_started", words=str(wrong.strerror)) from wrong
        self._children.append(started)
        return f"{socket.gethostname()}:{started.pid}:{psutil.Process(started.pid).create_time():.2f}"

    def find(self, run: RunbookRun) -> FoundProcess:
        """Whether the process, and every other of its group, is gone. Of another machine's nothing is known."""
        pid = _pid_here(run.process)
        if pid is None:
            return FoundProcess(fate=Fate.UNKNOWN)
        fate = Fate.ALIVE if _lives(pid, run) else Fate.GONE
        self.reap()  # afterwards, so that nobody is told gone and left behind
        return FoundProcess(fate=fate)

    def end(self, run: RunbookRun, *, by_force: bool) -> None:
        """Tell the whole group to end, or end it by force."""
        pid = _pid_here(run.process)
        if pid is not None and _lives(pid, run):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL if by_force else signal.SIGTERM)

    def reap(self) -> int:
        """Let ended children go: until then they would look alive to whoever counts processes. How many are left."""
        self._children = [child for child in self._children if child.poll() is None]
        return len(self._children)


def _pid_here(process: str) -> int | None:
    """The number of a process of this machine; None for one of another machine, and for a Job."""
    parts = process.rsplit(":", 2)
    return int(parts[1]) if len(parts) == _PARTS and parts[0] == socket.gethostname() else None


def _lives(pid: int, run: RunbookRun) -> bool:
    """Whether the leader lives, or any process of its group: a child that is still at work is no end.

    While a group has members, its number is given to no other process: where another has it, the group is gone.
    """
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return _is_of(process, run)
    return _has_group(pid)


def _is_of(process: psutil.Process, run: RunbookRun) -> bool:
    """Whether a process is a run's: by its birth or, since a clock that is set moves every birth, by its command."""
    if f"{process.create_time():.2f}" == run.process.rpartition(":")[2]:
        return True
    with suppress(psutil.AccessDenied):
        return str(run.id) in _command(process)
    return False


def _command(process: psutil.Process) -> list[str]:
    """The words that started a process. One that has just begun has none for an instant, the kernel's for ever."""
    deadline = time.monotonic() + COMMAND_S
    words: list[str] = process.cmdline()
    while not words and time.monotonic() < deadline:
        time.sleep(0.01)
        words = process.cmdline()
    return words


def _has_group(pid: int) -> bool:
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    account = settings().runner_kubeconfig
    return {**own, "KUBECONFIG": account} if account else dict(own)
