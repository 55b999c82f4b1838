"""The last seconds of a web process that is asked to end.

It goes on serving while balancers turn to others, tells open tabs to come back, and stays until Prometheus has read its
last figures. A second signal, or Ctrl-C, ends it at once.
"""

import signal
import time
from dataclasses import dataclass
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from backend.log import get_logger
from portal.http.endless import is_endless

SERVICE = "end"
# Of thirty seconds five, in which a balancer that asks each two seconds has turned to others.
_TURN_SHARE = 1 / 6

log = get_logger(__name__)


@dataclass(slots=True)
class _End:
    began_at: float | None = None
    turn_s: float = 0


_end = _End()


def is_under_way() -> bool:
    """Whether this process was asked to end: nobody new should be sent here."""
    return _end.began_at is not None


def takes_sockets() -> bool:
    """Whether a tab that connects now would be served for a while."""
    return _end.began_at is None or time.monotonic() < _end.began_at + _end.turn_s


class LastingServer(uvicorn.Server):
    """A server that stays for ``hold_s`` seconds after it was asked to end; 0 ends it at once."""

    def __init__(self, config: uvicorn.Config, hold_s: float) -> None:
        """Make it; it does not serve yet."""
        super().__init__(config)
        self._hold_s = hold_s
        self._are_tabs_sent = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at a first SIGTERM; end at any other signal."""
        if sig != signal.SIGTERM or is_under_way() or not self.started or not self._hold_s:
            super().handle_exit(sig, frame)
            return
        _end.turn_s = self._hold_s * _TURN_SHARE
        _end.began_at = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        """Go on with the end, ten times a second."""
        if _end.began_at is not None and not self.should_exit:
            self._go_on(time.monotonic() - _end.began_at)
        return await super().on_tick(counter)

    def _go_on(self, since_s: float) -> None:
        if not self._are_tabs_sent and since_s >= _end.turn_s:
            self._are_tabs_sent = True
            self._send_tabs_on()
        if since_s >= self._hold_s:
            self.handle_exit(signal.SIGTERM, None)

    def _send_tabs_on(self) -> None:
        """End what is open without an end of its own, and what is idle: a reload must not come back here.

        Browsers connect again, to a process that stays. A request that is under way is answered first.
        """
        open_ones = list(self.server_state.connections)
        tabs = sum(map(_has_no_end, open_ones))
        for connection in open_ones:
            connection.shutdown()
        log.info("web.tabs_sent_on", tabs=tabs, stays_s=self._hold_s)


def _has_no_end(connection: object) -> bool:
    if isinstance(connection, H11Protocol):
        return connection.cycle is not None and is_endless(connection.cycle.scope)
    return isinstance(connection, WebSocketsSansIOProtocol)
