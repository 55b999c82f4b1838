"""Socket filter in front of Reflex: drops whatever no page of ours sends, before anything of it is kept.

The guard sees an event only when Reflex has queued it and has stored what the browser says about its page, so the
guard cannot limit what is stored. Socket.IO waits for as many attachments as a frame announces, takes an event that is
named ``connect`` for a new connection with whatever address it claims, and an event without a handler is never
forgotten. Each of these costs memory for half an hour or for ever, and none needs a session.

So everything that a browser sends passes here first: each frame, each connection, each event.
"""

import asyncio
import inspect
from traceback import extract_tb
from typing import Any
from urllib.parse import parse_qs

import reflex as rx
from reflex.app import EventNamespace
from reflex.utils.token_manager import LocalTokenManager, RedisTokenManager
from reflex_base.constants import RouteVar
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.registry import RegistrationContext

from backend.free_text import storable
from backend.log import get_logger
from portal import state_store
from portal.guard import FRAMEWORK, HYDRATE, ON_LOAD, SET_HYDRATED, told
from portal.notes import Notes
from portal.rate_keys import rate_key
from portal.rate_limiter import RateLimiter
from portal.server import LARGEST_MESSAGE_BYTES

_LARGEST_HANDSHAKE_BYTES = 16_384
_LONGEST_TAB = 64
_LONGEST_ADDRESS = 2_000
_LONGEST_PARAMETER = 200
_MOST_PARAMETERS = 20
# What Socket.IO calls its kinds of frames: joining, leaving, an event. The others are of no use to a page of ours.
_LEAVING = "1"
_KINDS = frozenset("02") | {_LEAVING}

_EVENTS_AT_ONCE = 60.0
_EVENTS_PER_S = 20.0
# Each connection can leave a state behind that takes 20 KB for half an hour. An office shares an address, and opens
# all of its tabs again when we were away.
_CONNECTIONS_AT_ONCE = 200.0
_CONNECTIONS_PER_S = 1.0
# A page joins at once. Who does not is no page, and may not keep a place.
JOIN_WITHIN_S = 10.0

log = get_logger(__name__)


class SocketFilter(EventNamespace):
    """Event namespace that passes on to Reflex only frames, connections and events that a page of ours can send."""

    def __init__(self, namespace: str, app: rx.App) -> None:
        """Begin without connections."""
        super().__init__(namespace, app)
        self._events = RateLimiter()
        self._connections = RateLimiter()
        self._endings: set[asyncio.Future[None]] = set()
        self._notes = Notes(log)

    async def on_line(self, connection: str, environ: dict[str, Any]) -> None:
        """Take a new connection, for a while without a page that joins."""
        await self.server._handle_eio_connect(connection, environ)  # noqa: SLF001 - what Socket.IO itself registers
        asyncio.get_running_loop().call_later(JOIN_WITHIN_S, self._end_unless_joined, connection)

    def _end_unless_joined(self, connection: str) -> None:
        if self.server.manager.sid_from_eio_sid(connection, self.namespace) is None:
            self._endings.add(ending := asyncio.ensure_future(self._end(connection)))
            ending.add_done_callback(self._endings.discard)

    async def _end(self, connection: str) -> None:
        """Close a connection. Engine.IO itself only asks the other end to, and waits minutes for one that does not."""
        if (line := self.server.eio.sockets.pop(connection, None)) is not None:
            await line.close(wait=False)
            line.queue.put_nowait(None)

    async def on_frame(self, connection: str, frame: object) -> None:
        """Pass a frame on to Socket.IO, if it is a kind that pages send. One that cannot be read is dropped."""
        if not isinstance(frame, str) or frame[:1] not in _KINDS:
            self._note("socket.frame_dropped", reason="kind")
            return
        try:
            await self.server._handle_eio_message(connection, frame)  # noqa: SLF001 - what Socket.IO itself registers
        except Exception as error:  # noqa: BLE001 - a process edge: engine.io would log a trace for each frame
            place = extract_tb(error.__traceback__)[-1]
            self._note(
                "socket.frame_dropped", reason=type(error).__name__, place=f"{place.filename}:{place.lineno}"
            )
        if frame[:1] == _LEAVING:
            await self._end(connection)

    async def trigger_event(self, event: object, *args: Any) -> Any:
        """Let through Socket.IO's own events of a connection, and the three events that pages send.

        A browser may name an event like one of Socket.IO's own. Theirs are known by what no browser can send: the
        very handshake of a connection, and a connection that is already leaving.
        """
        match event, args:
            case "connect", (sid, environ, *_) if environ is self.server.get_environ(sid, self.namespace):
                return await super().trigger_event(event, *args)
            case "disconnect", (sid, *_) if not self.server.manager.is_connected(sid, self.namespace):
                return await super().trigger_event(event, *args)
            case ("event" | "client_error", (sid, dict())) | ("ping", (sid,)):
                return await self._pass_on(str(event), sid, *args[1:])
            case _:
                self._note("socket.frame_dropped", reason="event")
                return None

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> bool | None:
        """Connect a tab, unless there were too many of the same person or address, or Redis is being lost.

        A refused page tries again, and is then told of Redis.
        """
        if not _is_modest(environ):
            self._note("socket.connection_refused", reason="handshake")
            return False
        where = self._build_static_router_data(sid, environ)
        key = await _key(where)
        if not self._connections.try_acquire(key, at_once=_CONNECTIONS_AT_ONCE, per_s=_CONNECTIONS_PER_S):
            self._note("socket.connection_refused", reason="too_many", key=key)
            return False
        # Reflex passes on the page's first event, which came with the connection.
        if not await state_store.done_before_loss(super().on_connect(sid, environ, auth)):
            await self._forget(sid)
            self._note("socket.connection_refused", reason="state_store")
            return False
        return None

    async def _forget(self, sid: str) -> None:
        """Forget a connection that was refused half-way: it never leaves as others do."""
        self._static_router_data.pop(sid, None)
        tokens = self._token_manager
        if isinstance(tokens, LocalTokenManager) and (token := self.sid_to_token.get(sid)):
            await LocalTokenManager.disconnect_token(tokens, token, sid)

    async def on_event(self, sid: str, data: object) -> None:
        """Pass on an event with its name, its arguments and where its page is, and with nothing else."""
        event = _readable(data)
        token = self.sid_to_token.get(sid)
        where = self._static_router_data.get(sid)
        if event is None or token is None or where is None:
            self._note("socket.event_dropped", reason="unreadable")
        elif not await self._try_acquire(where, handler=event["name"]):
            if event["name"] in {HYDRATE, ON_LOAD}:
                await self.emit_update(told(is_rushed=True), token)
        elif state_store.is_lost():
            await self.tell_lost(token)
        else:
            await super().on_event(sid, event)

    async def link_token_to_sid(self, sid: str, token: str, *, update_state: bool = True) -> None:
        """Know a connection by its tab; while Redis is away by this process's own memory, which needs no waiting."""
        tokens = self._token_manager
        if not state_store.is_lost() or not isinstance(tokens, RedisTokenManager):
            await super().link_token_to_sid(sid, token, update_state=update_state)
        elif renamed := await LocalTokenManager.link_token_to_sid(tokens, token, sid):
            await self.emit("new_token", renamed, to=sid)

    async def tell_lost(self, tab: str | None) -> None:
        """Have one tab of this process, or all of them, say that the states are away and wait for them."""
        own = [token for sid in self._static_router_data if (token := self.sid_to_token.get(sid))]
        for token in [tab] if tab else own:
            await self.emit_update(told(is_state_store_lost=True), token)

    async def _pass_on(self, event: str, sid: str, *data: Any) -> None:
        where = self._static_router_data.get(sid)
        if event == "event":
            await self.on_event(sid, *data)
        elif where is not None and await self._try_acquire(where, handler=event):
            await super().trigger_event(event, sid, *data)

    async def _try_acquire(self, where: dict[str, Any], *, handler: str) -> bool:
        """Whether the rate limit allows one more event. Follow-up events are not counted."""
        key = await _key(where)
        is_allowed = self._events.try_acquire(key, at_once=_EVENTS_AT_ONCE, per_s=_EVENTS_PER_S)
        if not is_allowed:
            self._note("socket.event_dropped", reason="too_many", key=key, handler=handler)
        return is_allowed

    def _note(self, event: str, *, reason: str, **about: object) -> None:
        self._notes.warning(event, kind=reason, reason=reason, **about)


def install(app: rx.App) -> SocketFilter:
    """Install the filter as the app's event namespace and before every frame. Call it before a server starts."""
    own = app.event_namespace
    if app.sio is None or own is None:
        raise RuntimeError("an app without states has no socket")
    socket_filter = SocketFilter(own.namespace, app)
    app.sio.register_namespace(socket_filter)
    app._event_namespace = socket_filter  # noqa: SLF001 - Reflex builds its namespace itself and takes no other
    app.sio.eio.on("connect", socket_filter.on_line)
    app.sio.eio.on("message", socket_filter.on_frame)
    app.sio.eio.max_http_buffer_size = LARGEST_MESSAGE_BYTES
    return socket_filter


async def _key(where: dict[str, Any]) -> str:
    return await rate_key(where[RouteVar.HEADERS].get("cookie", ""), where[RouteVar.CLIENT_IP])


def _is_modest(environ: dict[str, Any]) -> bool:
    """Whether a handshake names a tab and is no larger than a browser's: the state of the tab keeps its headers."""
    query = environ.get("QUERY_STRING", "")
    headers = environ.get("asgi.scope", {}).get("headers", [])
    if len(query) + sum(len(name) + len(value) for name, value in headers) > _LARGEST_HANDSHAKE_BYTES:
        return False
    tab = parse_qs(query).get("token", [""])[0]
    return 0 < len(tab) <= _LONGEST_TAB


def _readable(data: object) -> dict[str, Any] | None:
    """The parts of an event that Reflex needs; None when no page of ours can have sent it."""
    if not isinstance(data, dict):
        return None
    name, payload, where = data.get("name"), data.get("payload") or {}, data.get("router_data")
    registered = RegistrationContext.get().event_handlers.get(name) if isinstance(name, str) else None
    if registered is None or not isinstance(payload, dict) or not _fits(registered.handler.fn, payload):
        return None
    if name == SET_HYDRATED:
        return None
    payload = _storable(
        payload if name not in FRAMEWORK else {key: _plain(key, value) for key, value in payload.items()}
    )
    return {"name": name, "payload": payload, "router_data": _place(where if isinstance(where, dict) else {})}


def _storable(sent: Any) -> Any:
    """Arguments without what no database takes, at any depth. Nobody can type it, so nothing is lost."""
    match sent:
        case str():
            return storable(sent)
        case dict():
            return {_storable(name): _storable(value) for name, value in sent.items()}
        case list():
            return [_storable(each) for each in sent]
        case _:
            return sent


def _plain(argument: str, value: object) -> object:
    """The value of an argument to Reflex itself: stored values of the browser, known states, and short words."""
    match argument:
        case "vars":
            named = value.items() if isinstance(value, dict) else ()
            return {name: kept for name, kept in named if isinstance(kept, str) and _is_stored(name)}
        case "hashes":
            return [each for each in value if isinstance(each, str)] if isinstance(value, list) else None
        case _:
            return value


def _is_stored(name: str) -> bool:
    """Whether a browser stores a value of this name for us."""
    state, _, field = name.rpartition(".")
    try:
        return bool(rx.State.get_class_substate(state)._is_client_storage(field.removesuffix(FIELD_MARKER)))  # noqa: SLF001 - as Reflex asks
    except ValueError:
        return False


def _fits(handler: Any, payload: dict[str, Any]) -> bool:
    """Whether a handler takes these arguments. Their values are its own concern."""
    try:
        inspect.signature(handler).bind(None, **payload)
    except TypeError:
        return False
    return True


def _place(claimed: dict[str, Any]) -> dict[str, Any]:
    """The claimed place of a page: its path, its address with the query, and the named parts of the path.

    Reflex derives ``router.url``, ``router.route_id`` and the page's parameters from these three, and adds token,
    address and headers itself.
    """
    place: dict[str, Any] = {
        key: storable(value[:_LONGEST_ADDRESS])
        for key in (RouteVar.PATH, RouteVar.ORIGIN)
        if isinstance(value := claimed.get(key), str)
    }
    query = claimed.get(RouteVar.QUERY)
    named = list(query.items())[:_MOST_PARAMETERS] if isinstance(query, dict) else []
    place[RouteVar.QUERY] = {
        storable(name[:_LONGEST_PARAMETER]): storable(value[:_LONGEST_PARAMETER])
        for name, value in named
        if isinstance(value, str)
    }
    return place
