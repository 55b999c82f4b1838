"""A browser's websocket without a browser: what an attacker can send, frame by frame."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from websockets import Origin
from websockets.sync.client import ClientConnection, connect

from portal.guard import HYDRATE
from tests.waiting import PATIENCE_S

QUIET_S = 1.0
# How the first event of a page ends.
_HYDRATED_OR_NOT = (
    '"is_hydrated_rx_state_":true',
    '"is_rushed_rx_state_":true',
    '"is_state_store_lost_rx_state_":true',
)
# What Socket.IO says to a page that joins.
_JOINED_OR_REFUSED = ("40/_event,", "44/_event,")
LOADED = '"phase_rx_state_":"ready"'


def event_address(tab: str) -> str:
    """Where a tab's websocket leads to."""
    return f"/_event/?EIO=4&transport=websocket&token={tab}"


def _event(name: str, payload: dict[str, Any], path: str, **claims: Any) -> dict[str, Any]:
    router_data = {"pathname": path, "asPath": path, "query": {}, **claims}
    return {"name": name, "payload": payload, "router_data": router_data}


class RawSocket:
    """One connection to the portal's event socket, with any headers and any tab token."""

    def __init__(
        self,
        url: str,
        *,
        cookie: str = "",
        origin: str | None = None,
        tab: str | None = None,
        build: str = "",
        opens: str = "",
    ) -> None:
        """``opens`` is the address of a page whose first event comes with the connection, as browsers send it."""
        self.greeting = ""
        """All that was told until the socket was open."""
        says = {
            **({"state_schema": build} if build else {}),
            **({"event": _event(HYDRATE, {}, opens)} if opens else {}),
        }
        self._says = json.dumps(says) if says else ""
        self.tab = tab or str(uuid4())
        self._address = url.replace("http", "ws", 1) + event_address(self.tab)
        self._headers = {"cookie": cookie} if cookie else {}
        self._origin = origin if origin is not None else url
        self._open = ExitStack()
        self._connection: ClientConnection | None = None

    def __enter__(self) -> Self:
        self._connection = self._open.enter_context(
            connect(
                self._address,
                additional_headers=self._headers,
                origin=Origin(self._origin),
                open_timeout=PATIENCE_S,
            )
        )
        self._receive()
        self.raw(f"40/_event,{self._says}")
        self.greeting = self._told_patiently(lambda frame: frame.startswith(_JOINED_OR_REFUSED))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def send(
        self, name: str, payload: dict[str, Any] | None = None, *, path: str = "/", **claims: Any
    ) -> None:
        """Send an event with any claim about the page it comes from."""
        self.raw(f"42/_event,{json.dumps(['event', _event(name, payload or {}, path, **claims)])}")

    def hydrate(self, path: str = "/", **claims: Any) -> str:
        """Do what a page does first, and read what comes of it."""
        self.send(HYDRATE, path=path, **claims)
        first = self._told_patiently(lambda frame: any(end in frame for end in _HYDRATED_OR_NOT))
        return first + self.told()

    def told(self, until: Any = None) -> str:
        """Everything that arrives until it is quiet for a while, or until a frame fits."""
        frames: list[str] = []
        deadline = time.monotonic() + 10
        with suppress(TimeoutError):
            while time.monotonic() < deadline:
                frame = self._receive(QUIET_S)
                if frame == "2":
                    self.raw("3")
                    continue
                frames.append(frame)
                if until is not None and until(frame):
                    break
        return "\n".join(frames)

    def tells(self, words: str) -> bool:
        """Whether the browser is told this, however long the server thinks about it."""
        return words in self._told_patiently(lambda frame: words in frame)

    def _told_patiently(self, until: Callable[[str], bool]) -> str:
        told, deadline = "", time.monotonic() + PATIENCE_S
        while not any(map(until, told.splitlines())) and time.monotonic() < deadline:
            told += f"{self.told(until)}\n"
        return told

    def raw(self, *frames: str) -> None:
        """Send frames as they are."""
        assert self._connection is not None
        for frame in frames:
            self._connection.send(frame)

    def _receive(self, timeout_s: float = 10) -> str:
        assert self._connection is not None
        return str(self._connection.recv(timeout=timeout_s))
