"""The way back to the shop: a redirect of the payer's browser, or the stand-in itself playing that browser."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from backend.sandbox.zibal import gateway
from backend.sandbox.zibal.faults import FaultPoint, GatewayFaultKind, Struck
from backend.sandbox.zibal.sessions import GatewaySession, Memory

PARALLEL_CALLBACKS = 5
_TIMEOUT_S = 30.0
# Made once: reading the authorities for each visit would cost more than the visit.
_TLS = ssl.create_default_context()
_running: set[asyncio.Task[list[int]]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Destination of the browser (empty, if the callback is never sent), and the callbacks sent besides."""

    address: str | None
    before: int = 0
    beside: int = 0


async def way_back(memory: Memory, session: GatewaySession) -> Way:
    """The callback of a session's outcome, with every fault that strikes it."""
    struck = memory.faults.take(FaultPoint.CALLBACK, session.track_id)
    if delay := struck.get(GatewayFaultKind.DELAY):
        await asyncio.sleep(delay.value)
    if struck.get(GatewayFaultKind.NEVER):
        memory.record("callback", trackId=session.track_id, sent=False)
        return Way(address=None)
    memory.change(session, callbacks=session.callbacks + 1)
    memory.record("callback", trackId=session.track_id, sent=True)
    parallel = struck.get(GatewayFaultKind.PARALLEL)
    return Way(
        address=gateway.callback_address(session, _parameters(memory, session, struck)),
        before=1 if struck.get(GatewayFaultKind.TWICE) else 0,
        beside=int(parallel.value or PARALLEL_CALLBACKS) - 1 if parallel else 0,
    )


async def send_others(way: Way) -> None:
    """Send the extra callbacks: those before the browser's are answered here, those beside it run on."""
    if not way.address:
        return
    if way.before:
        await visit([way.address] * way.before)
    if way.beside:
        task = asyncio.create_task(visit([way.address] * way.beside))
        _running.add(task)
        task.add_done_callback(_running.discard)


async def deliver(way: Way) -> list[int]:
    """Play the browser: open the callback as often as the faults say. The HTTP status of each, 0 for no answer."""
    if not way.address:
        return []
    first = await visit([way.address] * way.before) if way.before else []
    return first + await visit([way.address] * (1 + way.beside))


async def visit(addresses: list[str]) -> list[int]:
    """Open every address at once, as browsers do: without a cookie and without following redirects."""
    async with httpx.AsyncClient(
        verify=_TLS, timeout=_TIMEOUT_S, trust_env=False, limits=httpx.Limits(max_connections=None)
    ) as browser:
        return list(await asyncio.gather(*(_status(browser, address) for address in addresses)))


async def _status(browser: httpx.AsyncClient, address: str) -> int:
    try:
        return (await browser.get(address)).status_code
    except httpx.HTTPError:
        return 0


def _parameters(memory: Memory, session: GatewaySession, struck: Struck) -> dict[str, Any]:
    return struck.falsify(gateway.callback_parameters(session), lambda: other_order(memory, session))


def other_order(memory: Memory, session: GatewaySession | None) -> str:
    """The order id of another session, or an order id that no session has."""
    own = session.order_id if session else ""
    return next((one.order_id for one in memory.sessions() if one.order_id not in {"", own}), f"other-{own}")
