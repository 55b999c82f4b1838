"""The web server: uvicorn, with limits on what a connection may leave unfinished.

An application only sees whole requests and whole messages. What is still on its way is kept by the server, so only the
server can limit it: how long a request may take to arrive, how much of a message may be unfinished, and how long a
client may read nothing of what waits for it.
"""

import asyncio
import resource
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from portal.ending import LastingServer
from portal.http.endless import is_endless
from portal.starting import NOT_STARTED, ServerConfig, told_start
from portal.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

# Our largest honest message is a browser's report of its own error, of a few thousand letters.
LARGEST_MESSAGE_BYTES = 65_536
# Browsers send a message of this size in one piece.
MOST_FRAGMENTS = 16
REQUEST_DEADLINE_S = 15.0
# A client that takes nothing for this long has gone: even a slow phone reads the 48 KiB that are needed.
STALLED_READER_S = 30.0
KEEP_ALIVE_S = 20
# How long a browser may take to agree to the end of a websocket.
CLOSE_ANSWER_S = 3.0
DRAIN_S = 8
_MOST_CONNECTIONS = 4_000
_SPARE_FILES = 1_000
_REQUEST_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def run(*, host: str, port: int, workers: int, hold_s: float = 0, app: str = "portal.portal:app") -> None:
    """Serve until a signal ends it, and ``hold_s`` seconds longer.

    One worker is this process itself. Several are children (``portal.workers``). A start that fails says why and ends
    the process with ``NOT_STARTED``, or with the exit code that the application chose.
    """
    allow_files(_MOST_CONNECTIONS + _SPARE_FILES)
    config = ServerConfig(app, factory=True, host=host, port=port, workers=workers, **limits())
    if workers > 1:
        sys.exit(Workers(config, [config.bind_socket()], hold_s).run())
    server = LastingServer(config, hold_s)
    with suppress(KeyboardInterrupt), told_start(server):
        server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


def limits() -> dict[str, Any]:
    """Options of uvicorn besides its address."""
    return {
        "http": DeadlineHTTP,
        "ws": BoundedWebSocket,
        "ws_max_size": LARGEST_MESSAGE_BYTES,
        # Socket.IO asks by itself whether a browser is still there; compression costs each tab memory.
        "ws_ping_interval": None,
        "ws_per_message_deflate": False,
        "limit_concurrency": _MOST_CONNECTIONS,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": DRAIN_S,
        # The portal reads the forwarded address itself, and only as many hops as PROXY_HOPS says.
        "proxy_headers": False,
        "server_header": False,
        # Otherwise an application whose start fails in an unusual way would be served without it.
        "lifespan": "on",
        "access_log": False,
        "log_config": None,
    }


def allow_files(count: int) -> None:
    """Let the process open as many files as it may need for connections, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


class _Clock:
    """A deadline that can be started, stopped and started again."""

    def __init__(self, work: "Callable[[], None]") -> None:
        self._work = work
        self._timer: asyncio.TimerHandle | None = None

    def start(self, delay_s: float) -> None:
        """Begin to wait, unless it is waiting already."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._end)

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._timer = None
        self._work()


class DeadlineHTTP(H11Protocol):
    """HTTP/1.1 with deadlines for incoming requests and for reading the answers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin without a connection."""
        super().__init__(*args, **kwargs)
        self._arrival = _Clock(self._refuse_slow_request)
        self._reader = _Clock(self._end)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Start the clock for the first request."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._arrival.stop()
        self._reader.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the clock stops when the request is whole."""
        super().data_received(data)
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over; its clocks are other ones."""
        self._arrival.stop()
        self._reader.stop()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Go on with the next request, a part of which may be here already."""
        super().on_response_complete()
        self._watch()

    def shutdown(self) -> None:
        """Answer what was asked before; an answer without an end is cut, and its reader comes back by itself."""
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete and is_endless(self.cycle.scope):
            self.transport.close()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self._reader.start(STALLED_READER_S)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._reader.stop()

    def _watch(self) -> None:
        waits_for_head = self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._arrival.stop()
        elif waits_for_head or self.conn.their_state is h11.SEND_BODY:
            self._arrival.start(REQUEST_DEADLINE_S)
        else:
            self._arrival.stop()

    def _refuse_slow_request(self) -> None:
        is_answered = self.cycle is not None and self.cycle.response_started
        if self.conn.their_state is h11.SEND_BODY and not is_answered:
            self.transport.write(_REQUEST_TIMEOUT)
        self.transport.close()

    def _end(self) -> None:
        self.transport.abort()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A websocket with a limit on unfinished messages and a deadline for reading the answers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin without a connection."""
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_ANSWER_S
        self._reader = _Clock(self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._reader.stop()
        super().connection_lost(exc)

    def handle_cont(self, event: Frame) -> None:
        """Take another part of a message. Empty parts have no size, so the parts are counted too."""
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.frames = []
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()

    def pause_writing(self) -> None:
        """Wait for the client to read, and read nothing of it meanwhile: each ping that is read adds an answer."""
        super().pause_writing()
        self._reader.start(STALLED_READER_S)
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._reader.stop()
        if not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> Any:
        """The next message for the application."""
        message = await super().receive()
        if not self.writable.is_set():
            self.transport.pause_reading()
        return message

    def _end(self) -> None:
        self.transport.abort()
