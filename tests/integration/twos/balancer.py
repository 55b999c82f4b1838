"""One address before several processes: each connection goes to the next one that takes it."""

import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

HOST = "127.0.0.1"
_PIECE_BYTES = 65_536


class Balancer(socketserver.ThreadingTCPServer):
    """Hands connections on in turns. A process that takes none is passed over."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), _Connection)
        self.ports: Sequence[int] = ()
        self.taken: list[int] = []
        """The ports that took a connection, in their order."""
        self._turns = count()

    @contextmanager
    def only(self, port: int) -> Iterator[None]:
        """New connections inside the block go to one process."""
        before, self.ports = self.ports, [port]
        try:
            yield
        finally:
            self.ports = before

    def next_one(self) -> socket.socket | None:
        """A connection to the next process that takes one."""
        turn = next(self._turns)
        for offset in range(len(self.ports)):
            port = self.ports[(turn + offset) % len(self.ports)]
            with suppress(OSError):
                found = socket.create_connection((HOST, port), timeout=5)
                found.settimeout(None)
                self.taken.append(port)
                return found
        return None


class _Connection(socketserver.BaseRequestHandler):
    server: Balancer

    def handle(self) -> None:
        behind = self.server.next_one()
        if behind is None:
            return
        with behind:
            answers = threading.Thread(target=_pass_on, args=(behind, self.request), daemon=True)
            answers.start()
            _pass_on(self.request, behind)
            answers.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            target.sendall(piece)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def balanced(port: int) -> Iterator[Balancer]:
    """A balancer on a port, which knows no process yet."""
    with Balancer(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
