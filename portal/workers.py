"""Several web workers behind one port: the first one proves that a start succeeds, lost ones are replaced.

uvicorn's own supervisor starts a worker again for ever that fails before it serves, takes one that is slow to import
for a hung one, and leaves its workers behind when it is killed. Of it only the process of a worker is used.
"""

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from socket import socket
from threading import Thread

from uvicorn.supervisors.multiprocess import Process

from backend.log import configure_logging, get_logger
from portal.ending import LastingServer
from portal.starting import NOT_STARTED, ServerConfig, tell, told_start

LOOK_S = 0.25
# A worker that answers no question for this long hangs.
ANSWER_S = 5.0
# Ten times what a start takes on a busy machine of two cores.
START_S = 120.0
PAUSE_S = 2.0
# The README promises ten seconds; a server drains for eight.
END_S = 9.5

log = get_logger(__name__)


class Worker(Process):
    """A process that serves on the common port, and ends when its parent does."""

    def __init__(self, config: ServerConfig, sockets: list[socket], hold_s: float) -> None:
        """Make it; it is not started yet."""
        super().__init__(config, sockets)
        self._hold_s = hold_s
        self.has_served = False
        self._late_at = time.monotonic() + START_S

    def target(self, sockets: list[socket] | None = None) -> None:
        """Serve in the new process until its parent ends or it is stopped."""
        self._server = LastingServer(self.config, self._hold_s)
        Thread(target=_end_with_parent, args=(self._server,), daemon=True).start()
        configure_logging()
        with told_start(self.server):
            super().target(sockets)

    def lives(self) -> bool:
        """Whether it serves or may still come to serve."""
        if not self.process.is_alive():
            return False
        if self.has_served:
            return self.ping(ANSWER_S)
        with suppress(OSError, EOFError):
            self.parent_conn.send(b"ping")
            while self.parent_conn.poll():
                self.has_served = self.parent_conn.recv() or self.has_served
        return self.has_served or time.monotonic() < self._late_at

    def bury(self) -> str:
        """End it by force if it still lives; how it ended, in words."""
        is_hung = self.process.is_alive()
        self.kill()
        self.process.join()
        code = self.process.exitcode or 0
        if is_hung:
            return "did not answer in time"
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


class Workers:
    """As many workers as were asked for, kept alive until a signal ends them."""

    def __init__(self, config: ServerConfig, sockets: list[socket], hold_s: float) -> None:
        """Start nothing yet."""
        self._config = config
        self._sockets = sockets
        self._hold_s = hold_s
        self._workers: list[Worker] = []
        self._not_before = 0.0
        self._code = 0
        self._is_ending = False

    def run(self) -> int:
        """Serve until a signal; the exit code, which is not 0 when no worker can be started."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)
        while not self._is_ending:
            self._look()
            self._fill()
            time.sleep(LOOK_S)
        self._end()
        return self._code

    def _hear(self, _number: int, _frame: object) -> None:
        if self._is_ending:
            # Whoever asks twice does not want to wait.
            self._ask_to_end()
        self._is_ending = True

    def _ask_to_end(self) -> None:
        for worker in self._workers:
            worker.terminate()

    def _look(self) -> None:
        for worker in [each for each in self._workers if not each.lives()]:
            self._workers.remove(worker)
            how = worker.bury()
            if worker.has_served:
                log.error("web.worker_lost", pid=worker.pid, how=how)
            else:
                self._note_failed_start(worker, how)

    def _note_failed_start(self, worker: Worker, how: str) -> None:
        """Go on with those that serve. Where none does, the next start would fail as well."""
        if any(each.has_served for each in self._workers):
            self._not_before = time.monotonic() + PAUSE_S
            log.error("web.worker_not_started", pid=worker.pid, how=how, again_in_s=PAUSE_S)
            return
        self._is_ending = True
        self._code = max(worker.exitcode or 0, 0)
        # Whoever ends with a code has said why.
        if not self._code:
            tell(f"a worker {how} before it served")
            self._code = NOT_STARTED

    def _fill(self) -> None:
        is_proven = any(each.has_served for each in self._workers)
        missing = (self._config.workers if is_proven else 1) - len(self._workers)
        if self._is_ending or time.monotonic() < self._not_before:
            return
        for _ in range(missing):
            worker = Worker(self._config, self._sockets, self._hold_s)
            worker.start()
            self._workers.append(worker)

    def _end(self) -> None:
        deadline = time.monotonic() + self._hold_s + END_S
        self._ask_to_end()
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()


def _end_with_parent(server: LastingServer) -> None:
    """Wait for the parent's end, however it comes, and end without more ado; a worker that hangs is not asked."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    server.should_exit = True
    time.sleep(END_S)
    os._exit(NOT_STARTED)
