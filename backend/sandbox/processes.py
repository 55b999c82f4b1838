"""Child processes of the laptop stack: each in its own group, with a log file, and ended without a trace."""

import atexit
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import AnyStr

from backend.sandbox import keeper
from backend.sandbox.keeper import Kept, birth, kill_group

STOP_TIMEOUT_S = 10.0
# Below those that systems give to outgoing connections, which would take a port before its server does.
PORTS = range(20_000, 32_768)
KEPT_CLAIMS = 50

_claims: deque[int] = deque()
_telling = Lock()


class SandboxError(Exception):
    """A sentence for the person at the keyboard: what could not be started, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system user a child runs as, when that is not our own."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command to run: argv, the complete environment, folder, log file and user."""

    name: str
    argv: Sequence[str]
    log_path: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = STOP_TIMEOUT_S


class Child:
    """A running process and its descendants."""

    def __init__(self, command: Command) -> None:
        """Start the command at once, its output appended to the log file."""
        self.command = command
        command.log_path.parent.mkdir(parents=True, exist_ok=True)
        account = command.account
        with command.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.env),
                cwd=command.cwd,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        _keep(self.pid, command.stop_signal, leads_group=True)

    @property
    def pid(self) -> int:
        """Process id, which is also the id of the group."""
        return self.process.pid

    def is_running(self) -> bool:
        """Whether the process itself still lives."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End the process politely, then by force, with all that is left of its group. Twice is harmless."""
        if self.is_running():
            self.process.send_signal(self.command.stop_signal)
            try:
                self.process.wait(self.command.stop_timeout_s)
            except subprocess.TimeoutExpired:
                kill_group(self.pid)
                self.process.wait()
        kill_group(self.pid)
        _tell(forget=self.pid)

    def finish(self, timeout_s: float | None = None) -> int:
        """Wait until the process has ended by itself; its exit code. What is left of its group is killed."""
        try:
            return self.process.wait(timeout_s)
        finally:
            self.stop()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines the process wrote."""
        return tail(self.command.log_path, lines)


def keep(process: subprocess.Popen[AnyStr], *, leads_group: bool = False) -> subprocess.Popen[AnyStr]:
    """Have a process that is no ``Child`` ended, too, when this process ends in whatever way."""
    _keep(process.pid, signal.SIGTERM, leads_group=leads_group)
    return process


def let_go(pid: int) -> None:
    """A process that was kept has ended by itself."""
    _tell(forget=pid)


def delete_at_end(folder: Path) -> None:
    """Have a folder deleted when this process has ended in whatever way, and its children too."""
    _tell(delete=str(folder))


def _keep(pid: int, stop_signal: signal.Signals, *, leads_group: bool) -> None:
    kept = Kept(pid=pid, born=birth(pid), stop_signal=stop_signal, leads_group=leads_group)
    _tell(keep=kept._asdict())


def _tell(**message: object) -> None:
    with _telling:
        pipe = _keeper().stdin
        assert pipe is not None
        # A line this short goes into a pipe whole or not at all.
        pipe.write(json.dumps(message).encode() + b"\n")


@lru_cache(maxsize=1)
def _keeper() -> subprocess.Popen[bytes]:
    """The process that outlives this one, and ends what it leaves behind."""
    started = subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        # A Ctrl-C at the keyboard goes to the whole group of the terminal.
        start_new_session=True,
    )
    atexit.register(_let_go, started)
    return started


def _let_go(started: subprocess.Popen[bytes]) -> None:
    assert started.stdin is not None
    started.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        started.wait(2 * keeper.PATIENCE_S)


def tail(path: Path, lines: int) -> str:
    """The last lines of a text file, or an empty string when there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 400 * lines))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def free_port() -> int:
    """A loopback TCP port that nobody listens on, and that no other process was given by this function of late."""
    while True:
        port = secrets.choice(PORTS)
        if port_is_free(port) and _claim(port):
            return port


def _claim(port: int) -> bool:
    """Hold the UDP port of the same number, which tells other processes that a server is on its way."""
    with socket.socket(type=socket.SOCK_DGRAM) as claim:
        try:
            claim.bind(("127.0.0.1", port))
        except OSError:
            return False
        _claims.append(claim.detach())
    if len(_claims) > KEPT_CLAIMS:
        os.close(_claims.popleft())
    return True


def port_is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether something answers a TCP connection on the loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(
    ready: Callable[[], bool], *, child: Child, timeout_s: float = 30.0, interval_s: float = 0.05
) -> None:
    """Return once `ready` holds; raise with the log's end when the child dies or the time is over."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not child.is_running():
            message = f"{child.command.name} ended with code {child.process.returncode}:\n{child.log_tail()}"
            raise SandboxError(message)
        if time.monotonic() > deadline:
            message = f"{child.command.name} is not ready after {timeout_s:.0f} s:\n{child.log_tail()}"
            raise SandboxError(message)
        time.sleep(interval_s)
