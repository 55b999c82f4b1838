"""The stand-in's web application: the vendor's four endpoints, and ``/sandbox`` for testers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from backend.sandbox.zibal import bank, codes, gateway
from backend.sandbox.zibal.callbacks import other_order, send_others, way_back
from backend.sandbox.zibal.console import console_routes
from backend.sandbox.zibal.control import control_routes
from backend.sandbox.zibal.faults import FaultPoint, GatewayFaultKind, Struck
from backend.sandbox.zibal.sessions import Behaviour, GatewaySession, Memory

Effect = Callable[[Memory, gateway.Body, str], gateway.Body]
_EFFECTS: dict[FaultPoint, Effect] = {
    FaultPoint.REQUEST: gateway.request,
    FaultPoint.VERIFY: gateway.verify,
    FaultPoint.INQUIRY: gateway.inquiry,
}


def create_app(
    *, public_url: str, state_path: Path | None = None, behaviour: Behaviour | None = None
) -> Starlette:
    """A stand-in of its own, with empty memory or what the state file holds."""
    memory = Memory(
        public_url=public_url.rstrip("/"), state_path=state_path, behaviour=behaviour or Behaviour()
    )
    app = Starlette(
        routes=[
            *(Route(f"/v1/{point}", _endpoint(point), methods=["POST"]) for point in _EFFECTS),
            Route("/start/{track_id}", _show_bank, methods=["GET"]),
            Route("/start/{track_id}", _leave_bank, methods=["POST"]),
            Mount("/sandbox", routes=[*console_routes(), *control_routes()]),
        ]
    )
    app.state.memory = memory
    return app


def _endpoint(point: FaultPoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        memory: Memory = request.app.state.memory
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return _json({"message": "Internal Server Error"}, 500)
        if not isinstance(body, dict):
            return _json({"message": "Internal Server Error"}, 500)
        track_id = body.get("trackId")
        struck = memory.faults.take(point, track_id if isinstance(track_id, int) else None)
        return await _with_faults(request, point, body, struck)

    return answer


async def _with_faults(request: Request, point: FaultPoint, body: gateway.Body, struck: Struck) -> Response:
    """The effect between the faults that strike before it and those that strike after it."""
    memory: Memory = request.app.state.memory
    if response := await _trouble(request, struck, after=False):
        memory.record(point, trackId=body.get("trackId"), result=None)
        return response
    address = request.client.host if request.client else ""
    answer = _EFFECTS[point](memory, body, address)
    memory.record(point, trackId=answer.get("trackId", body.get("trackId")), result=answer["result"])
    if response := await _trouble(request, struck, after=True):
        return response
    answer = struck.falsify(answer, lambda: other_order(memory, gateway.find(memory, body)))
    if drip := struck.get(GatewayFaultKind.DRIP):
        return StreamingResponse(_dripping(orjson.dumps(answer), drip.value), media_type="application/json")
    return _json(answer)


async def _trouble(request: Request, struck: Struck, *, after: bool) -> Response | None:
    """The answer that a fault gives in place of the gateway's own, if one does."""
    if delay := struck.get(GatewayFaultKind.DELAY, after=after):
        await asyncio.sleep(delay.value)
    if struck.get(GatewayFaultKind.DROP, after=after):
        return await _cut(request)
    if fault := struck.get(GatewayFaultKind.HTTP_ERROR, after=after):
        return HTMLResponse(bank.broken_page(), status_code=int(fault.value or 503))
    if struck.get(GatewayFaultKind.HTML, after=after):
        return HTMLResponse(bank.broken_page())
    if fault := struck.get(GatewayFaultKind.RESULT, after=after):
        return _json(gateway.refusal(fault.value))
    return None


async def _cut(request: Request) -> Response:
    """End the connection without a byte of an answer."""
    request.state.transport.abort()
    # The server learns of the end in its next turn; what is answered after that goes nowhere.
    await asyncio.sleep(0)
    return Response()


async def _dripping(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for index in range(len(body)):
        yield body[index : index + 1]
        await asyncio.sleep(seconds)


async def _show_bank(request: Request) -> Response:
    """The bank's page, for a payer who comes from a page of the shop."""
    memory: Memory = request.app.state.memory
    session = _session_of(request)
    struck = memory.faults.take(FaultPoint.START, session.track_id if session else None)
    if response := await _trouble(request, struck, after=False):
        return response
    if session is None:
        return _html(bank.unknown_page(), 404)
    merchant = memory.merchant_of(session)
    referer = request.headers.get("referer", "")
    memory.record(FaultPoint.START, trackId=session.track_id, referer=referer)
    if memory.behaviour.checks_referer and not gateway.may_come_from(session, merchant, referer):
        return _html(bank.foreign_page(), 403)
    return _closed(memory, session) or _html(bank.payment_page(session, merchant))


async def _leave_bank(request: Request) -> Response:
    """The payer has decided: keep the outcome and send the browser back. A second click only goes back."""
    memory: Memory = request.app.state.memory
    session = _session_of(request)
    if session is None:
        return _html(bank.unknown_page(), 404)
    outcome = str((await request.form()).get("outcome", ""))
    if session.status == codes.WAITING:
        if memory.has_expired(session):
            return _html(bank.expired_page(_back(session)))
        session = decide(memory, session, outcome)
    way = await way_back(memory, session)
    await send_others(way)
    return RedirectResponse(way.address, 302, bank.HEADERS) if way.address else _html(bank.stranded_page())


def decide(memory: Memory, session: GatewaySession, outcome: str) -> GatewaySession:
    """Pay, cancel, or fail with the status that the button carries."""
    if outcome == "pay":
        return gateway.pay(memory, session)
    failed = outcome.lstrip("-").isdigit() and int(outcome) in codes.FAILURES
    return memory.change(session, status=int(outcome) if failed else codes.CANCELLED)


def _closed(memory: Memory, session: GatewaySession) -> Response | None:
    if memory.has_expired(session):
        return _html(bank.expired_page(_back(session)))
    if session.status != codes.WAITING:
        return _html(bank.finished_page(session, _back(session)))
    return None


def _back(session: GatewaySession) -> str:
    return gateway.callback_address(session, gateway.callback_parameters(session))


def _session_of(request: Request) -> GatewaySession | None:
    text = request.path_params["track_id"]
    try:
        return request.app.state.memory.session(int(text)) if text.isascii() and text.isdigit() else None
    except KeyError:
        return None


def _html(page: str, status: int = 200) -> Response:
    return HTMLResponse(page, status, bank.HEADERS)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
