"""Browsers' frames through all of Socket.IO and Reflex without a network, so that what stays behind can be counted."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from reflex.istate.manager.memory import StateManagerMemory
from reflex_base.event.processor.base_state_processor import BaseStateEventProcessor

from portal.guard import HYDRATE
from portal.notes import Notes
from portal.rate_limiter import RateLimiter
from portal.socket_filter import log

SETTLED_WITHIN_S = 60


class Exchange:
    """The portal's event socket, of which browsers hold the other ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

        self._monkeypatch = monkeypatch
        self.app = app
        self.socket_filter = app.event_namespace
        for buckets in ("_events", "_connections"):
            monkeypatch.setattr(self.socket_filter, buckets, RateLimiter())
        monkeypatch.setattr(self.socket_filter, "_notes", Notes(log))
        self.socket = app.sio
        self.told: dict[str, list[str]] = {}
        self.processor: Any = None
        self.manager: Any = None
        if "sign-in" not in app._load_events:
            app._apply_decorated_pages()

    def run(self, steps: Callable[[], Awaitable[Any]]) -> Any:
        """Run the steps of a test within one event loop."""

        async def within() -> Any:
            self.manager = StateManagerMemory()
            self.processor = BaseStateEventProcessor(
                middleware=self.app, backend_exception_handler=self.app.backend_exception_handler
            )
            self.processor.configure(state_manager=self.manager, event_namespace=self.app.event_namespace)
            self._monkeypatch.setattr(self.app, "_event_processor", self.processor)
            self._monkeypatch.setattr(self.app, "_state_manager", self.manager)
            self._monkeypatch.setattr(self.socket.eio, "send_packet", self._send)
            with self.app.set_contexts():
                async with self.processor:
                    try:
                        return await steps()
                    finally:
                        for browser in list(self.told):
                            await self.socket.eio._trigger_event(
                                "disconnect", browser, "over", run_async=False
                            )

        return asyncio.run(within())

    async def _send(self, browser: str, packet: Any) -> None:
        self.told[browser].append(str(packet.data))

    async def dial(
        self,
        *,
        cookie: str = "",
        address: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> "Line":
        """Open a socket; nothing is joined yet."""
        line = Line(self, query or f"token={uuid4()}")
        named = {"origin": "http://127.0.0.1:8000", "cookie": cookie, **(headers or {})}
        environ = {
            "QUERY_STRING": f"EIO=4&transport=websocket&{line.query}",
            "asgi.scope": {
                "headers": [(name.encode(), value.encode()) for name, value in named.items() if value],
                "client": (address, 1),
            },
        }
        self.told[line.browser] = []
        await self.socket.eio._trigger_event("connect", line.browser, environ, run_async=False)
        return line

    async def join(self, *, path: str = "/nowhere", **who: Any) -> "Line":
        """Open a socket and do what a page does first."""
        line = await self.dial(**who)
        await line.join(path)
        await self.settled()
        return line

    async def settled(self) -> None:
        """Wait until every event that was let in has come to its end."""
        async with asyncio.timeout(SETTLED_WITHIN_S):
            await self.processor.join()
            while tasks := list(self.processor._tasks.values()):
                await asyncio.wait(tasks)

    @property
    def kept(self) -> list[Any]:
        """The states that are kept, one for each tab."""
        return list(self.manager.states.values())


class Line:
    """One browser's connection, and all that it was told."""

    def __init__(self, exchange: Exchange, query: str) -> None:
        self.exchange = exchange
        self.query = query
        self.browser = uuid4().hex

    async def frame(self, frame: str | bytes) -> None:
        """Send one frame as it is."""
        await self.exchange.socket.eio._trigger_event("message", self.browser, frame, run_async=False)

    async def join(self, path: str = "/nowhere") -> None:
        """Join the event socket, with the page's first event in the same frame."""
        await self.frame(f"0/_event,{json.dumps({'event': _event(HYDRATE, {}, path, {})})}")

    async def send(
        self, name: str, payload: Mapping[str, Any] | None = None, *, path: str = "/nowhere", **claims: Any
    ) -> str:
        """Send an event, wait until it has ended, and read what was told meanwhile."""
        before = len(self.exchange.told[self.browser])
        await self.frame(f"2/_event,{json.dumps(['event', _event(name, payload or {}, path, claims)])}")
        await self.exchange.settled()
        return "\n".join(self.exchange.told[self.browser][before:])

    @property
    def told(self) -> str:
        """All that this browser was told."""
        return "\n".join(self.exchange.told[self.browser])


def _event(name: str, payload: Mapping[str, Any], path: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    router_data = {"pathname": path.partition("?")[0], "asPath": path, "query": {}, **claims}
    return {"name": name, "payload": payload, "router_data": router_data}
