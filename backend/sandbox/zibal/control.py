"""``/sandbox``: pay without a browser, look at sessions, switch faults and the clock. Only the stand-in has it."""

from dataclasses import asdict, replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.sandbox.zibal import codes, gateway
from backend.sandbox.zibal.callbacks import deliver, way_back
from backend.sandbox.zibal.sessions import GatewaySession, Memory, Merchant

_LATER = {"refund": codes.REFUNDED, "refunding": codes.REFUNDING, "reverse": codes.REVERSED}


def control_routes() -> list[Route]:
    """Every route below ``/sandbox``."""
    return [
        Route("/health", _health),
        Route("/sessions", _list_sessions),
        Route("/sessions/{track_id:int}", _show_session),
        Route("/sessions/{track_id:int}/{act}", _act, methods=["POST"]),
        Route("/faults", _faults, methods=["GET", "POST", "DELETE"]),
        Route("/faults/{number:int}", _clear_fault, methods=["DELETE"]),
        Route("/behaviour", _behaviour, methods=["GET", "POST"]),
        Route("/clock", _clock, methods=["GET", "POST"]),
        Route("/merchants", _merchants, methods=["GET", "POST"]),
        Route("/calls", _calls),
        Route("/reset", _reset, methods=["POST"]),
    ]


def _memory(request: Request) -> Memory:
    memory: Memory = request.app.state.memory
    return memory


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; nothing sent is an empty one."""
    raw = await request.body()
    value = orjson.loads(raw) if raw else {}
    if not isinstance(value, dict):
        raise ValueError("send a JSON object")  # noqa: TRY004 - every wrong input here is a ValueError
    return value


def _answer(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _refuse(sentence: object, status: int = 400) -> Response:
    return _answer({"error": str(sentence)}, status)


async def _health(request: Request) -> Response:
    return _answer({"ok": True, "publicUrl": _memory(request).public_url})


async def _list_sessions(request: Request) -> Response:
    order = request.query_params.get("orderId")
    found = (one for one in _memory(request).sessions() if order in {None, one.order_id})
    return _answer([_shown(request, one) for one in found])


async def _show_session(request: Request) -> Response:
    session = _session(request)
    return _answer(_shown(request, session)) if session else _refuse("no such session", 404)


async def _act(request: Request) -> Response:
    """Do to a session what the payer, the bank or the shop's panel might do; then, if asked, play the browser."""
    memory, session = _memory(request), _session(request)
    if session is None:
        return _refuse("no such session", 404)
    try:
        wanted = await _body(request)
        changed = acted(memory, session, request.path_params["act"], wanted)
    except (ValueError, TypeError) as wrong:
        return _refuse(wrong)
    if not wanted.get("deliver"):
        return _answer(_shown(request, changed))
    delivered = await deliver(await way_back(memory, changed))
    return _answer(_shown(request, memory.session(changed.track_id)) | {"delivered": delivered})


def acted(memory: Memory, session: GatewaySession, act: str, wanted: dict[str, Any]) -> GatewaySession:
    """The session after an act.

    Raises:
        ValueError: there is no such act.
    """
    match act:
        case "pay":
            return gateway.pay(memory, session)
        case "fail":
            return memory.change(session, status=int(wanted.get("status", 5)))
        case "cancel":
            return memory.change(session, status=codes.CANCELLED)
        case "status":
            return memory.change(session, status=int(wanted.get("status", codes.INTERNAL_ERROR)))
        case "callback":
            return session
        case "refund" | "refunding" | "reverse":
            return memory.change(session, status=_LATER[act])
        case _:
            raise ValueError("pay, fail, cancel, refund, refunding, reverse, status or callback")


async def _faults(request: Request) -> Response:
    faults = _memory(request).faults
    if request.method == "DELETE":
        faults.clear()
    if request.method == "POST":
        try:
            return _answer(asdict(faults.add(await _body(request))), 201)
        except (ValueError, TypeError) as wrong:
            return _refuse(wrong)
    return _answer([asdict(fault) for fault in faults.listed()])


async def _clear_fault(request: Request) -> Response:
    faults = _memory(request).faults
    faults.clear(request.path_params["number"])
    return _answer([asdict(fault) for fault in faults.listed()])


async def _behaviour(request: Request) -> Response:
    memory = _memory(request)
    if request.method == "POST":
        try:
            memory.behaviour = replace(memory.behaviour, **await _body(request))
        except (ValueError, TypeError) as wrong:
            return _refuse(wrong)
    return _answer(asdict(memory.behaviour))


async def _clock(request: Request) -> Response:
    memory = _memory(request)
    if request.method == "POST":
        try:
            memory.clock_offset_s += float((await _body(request))["advance_s"])
        except (ValueError, TypeError, KeyError):
            return _refuse("send {'advance_s': seconds}")
    return _answer({"now": memory.now(), "offset_s": memory.clock_offset_s})


async def _merchants(request: Request) -> Response:
    memory = _memory(request)
    if request.method == "POST":
        try:
            wanted = await _body(request)
            known = memory.merchants.get(str(wanted.get("code")))
            merchant = replace(known, **wanted) if known else Merchant(**wanted)
        except (ValueError, TypeError) as wrong:
            return _refuse(wrong)
        memory.merchants[merchant.code] = merchant
    return _answer([asdict(merchant) for merchant in memory.merchants.values()])


async def _calls(request: Request) -> Response:
    return _answer(list(_memory(request).calls))


async def _reset(request: Request) -> Response:
    _memory(request).reset()
    return _answer({"ok": True})


def _session(request: Request) -> GatewaySession | None:
    try:
        return _memory(request).session(request.path_params["track_id"])
    except KeyError:
        return None


def _shown(request: Request, session: GatewaySession) -> dict[str, Any]:
    """A session for people and tests; the merchant stays out."""
    shown = asdict(session)
    del shown["merchant"]
    return shown | {
        "status_text": codes.status_text(session.status),
        "start_url": f"{_memory(request).public_url}/start/{session.track_id}",
        "callback": gateway.callback_address(session, gateway.callback_parameters(session)),
    }
