"""Runs as detached processes of this machine: each leads a group of its own, and outlives whoever started it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

from backend.config import settings
from backend.errors import Refused
from backend.runbooks.types import RunbookRun
from runbooks.launching_types import Fate, FoundProcess

COMMAND = (sys.executable, "-m", "runbooks")


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
        host, pid, born = run.process.rsplit(":", 2)
        if host != socket.gethostname():
            return FoundProcess(fate=Fate.UNKNOWN)
        self.reap()
        return FoundProcess(fate=Fate.ALIVE if _lives(int(pid), born) else Fate.GONE)

    def end(self, run: RunbookRun, *, by_force: bool) -> None:
        """Tell the whole group to end, or end it by force."""
        host, pid, born = run.process.rsplit(":", 2)
        if host == socket.gethostname() and _lives(int(pid), born):
            with suppress(ProcessLookupError):
                os.killpg(int(pid), signal.SIGKILL if by_force else signal.SIGTERM)

    def reap(self) -> int:
        """Let ended children go: until then they would look alive to whoever counts processes. How many are left."""
        self._children = [child for child in self._children if child.poll() is None]
        return len(self._children)


def _lives(pid: int, born: str) -> bool:
    """Whether the leader lives, or any process of its group: a child that is still at work is no end."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if f"{process.create_time():.2f}" == born and process.status() != psutil.STATUS_ZOMBIE:
            return True
    return _has_group(pid)


def _has_group(pid: int) -> bool:
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    account = settings().runner_kubeconfig
    return {**own, "KUBECONFIG": account} if account else dict(own)
