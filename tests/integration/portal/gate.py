"""A way to a server that a test can shut or close: whoever asks then waits, or finds nobody."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

_BUFFER_BYTES = 65_536


class Gate:
    """A loopback port that leads to another one."""

    def __init__(self, upstream: int) -> None:
        self._upstream = ("127.0.0.1", upstream)
        self._open = _opened()
        self._lost: list[Event] = []
        self._delay_s = 0.0
        self._sockets: list[socket.socket] = []
        self._server, self._thread = self._listen(0)
        self.port: int = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def shut(self) -> None:
        """Take connections, and let whoever asks wait, on old connections too."""
        self._open.clear()

    def slow(self, delay_s: float) -> None:
        """Let each piece of an answer wait."""
        self._delay_s = delay_s

    def open(self) -> None:
        """Let everything through, what has waited first."""
        self._delay_s = 0.0
        self._open.set()

    def lose(self) -> None:
        """Let new connections through; those that were shut are never heard of again."""
        self._lost.append(self._open)
        self._open = _opened()

    def stop(self) -> None:
        """End every connection and take no more, as a server that was stopped."""
        # A socket that is only closed stays open for as long as a thread reads it.
        for each in (self._server, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def start(self) -> None:
        """Take connections again at the same port."""
        self._server, self._thread = self._listen(self.port)

    def close(self) -> None:
        """End for good."""
        self.open()
        self.stop()
        for each in self._lost:
            each.set()

    def _listen(self, port: int) -> tuple[socket.socket, Thread]:
        server = socket.create_server(("127.0.0.1", port), backlog=64)
        thread = Thread(target=self._accept, args=(server,), daemon=True)
        thread.start()
        return server, thread

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
                upstream = socket.create_connection(self._upstream)
            except OSError:
                return
            self._sockets += [client, upstream]
            for source, target, is_answer in ((client, upstream, False), (upstream, client, True)):
                Thread(target=self._pump, args=(source, target, is_answer), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        opened = self._open
        with suppress(OSError):
            while data := source.recv(_BUFFER_BYTES):
                if is_answer:
                    time.sleep(self._delay_s)
                opened.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def _opened() -> Event:
    event = Event()
    event.set()
    return event


@contextmanager
def gate_to(url: str) -> Iterator[Gate]:
    """A gate in front of a server, open."""
    gate = Gate(int(url.rpartition(":")[2].partition("/")[0]))
    try:
        yield gate
    finally:
        gate.close()
