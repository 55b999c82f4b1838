"""A way to a server that a test can shut: connections are taken, and nothing goes through until it opens again."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


class Gate:
    """A loopback port that leads to another one."""

    def __init__(self, upstream: int) -> None:
        self._upstream = ("127.0.0.1", upstream)
        self._open = Event()
        self._open.set()
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def shut(self) -> None:
        """Let whoever asks wait, on old connections too."""
        self._open.clear()

    def open(self) -> None:
        """Let everything through, what has waited first."""
        self._open.set()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()
        self._open.set()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                server = socket.create_connection(self._upstream)
            except OSError:
                return
            self._sockets += [client, server]
            for source, target in ((client, server), (server, client)):
                Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def gate_to(url: str) -> Iterator[Gate]:
    """A gate in front of a server, open."""
    gate = Gate(int(url.rpartition(":")[2].partition("/")[0]))
    try:
        yield gate
    finally:
        gate.close()
