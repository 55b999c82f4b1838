"""How the portal serves others while a neighbour of it hangs or is away."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from backend.actor import Role
from backend.sandbox.neighbours import RedisServer
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.faults import FaultPoint, GatewayFaultKind
from portal import routes
from portal.features.billing.state import BillingState
from portal.guard import HYDRATE
from tests import factories
from tests.bench.figures import Figures
from tests.integration.payments.payer import Payer, track_of
from tests.integration.portal.processes import WebProcess
from tests.integration.portal.socket import LOADED, RawSocket
from tests.waiting import until

RETURNS = 28
HANGS_S = 14.0
AWAY_S = 20.0
CLICK = f"{BillingState.get_full_name()}.choose_tab"


def hanging_gateway(process: WebProcess, bank: Driver) -> Figures:
    """What another company waits for while strangers return for one payment and the gateway hangs."""
    opened = Payer(bank)
    track = track_of(opened.start(opened.invoice()))
    other = Payer(bank)
    cookie = f"portal={factories.signed_in(factories.user(Role.TENANT_ADMIN, other.tenant.id)).token}"
    quiet = _waits_of(process, other, cookie)
    # Afterwards, so that the stand-in counts the question as soon as it comes.
    fault = bank.fault(FaultPoint.INQUIRY, GatewayFaultKind.DELAY, HANGS_S, after=True)
    with ThreadPoolExecutor(RETURNS) as strangers:
        returns = [strangers.submit(_return, process, track) for _ in range(RETURNS)]
        until(lambda: bank.calls(FaultPoint.INQUIRY, track))
        busy = _waits_of(process, other, cookie)
        still_asked = sum(not each.done() for each in returns)
        told = [each.result() for each in returns]
    bank.heal(fault)
    return {
        "doors_hanging_gateway": {
            "returns": RETURNS,
            "answered_with": ", ".join(
                f"{n} x {status}" for status, n in Counter(s for s, _ in told).items()
            ),
            "inquiries": len(bank.calls(FaultPoint.INQUIRY, track)),
            **{f"others_{name}": seconds for name, seconds in busy.items()},
            "hanging_meanwhile": still_asked,
            **{f"quiet_{name}": seconds for name, seconds in quiet.items()},
            "slowest_return_s": max(seconds for _, seconds in told),
        }
    }


def _waits_of(process: WebProcess, payer: Payer, cookie: str) -> dict[str, float]:
    """Seconds until a company's page has its content, and until its click on pay is answered."""
    form = {"invoices": str(payer.invoice())}
    return {
        "page_s": _seconds(lambda: until(lambda: process.loads(routes.INVOICES, cookie))),
        "pay_s": _seconds(lambda: process.post(routes.POST_PAY, cookie, form)),
    }


def _return(process: WebProcess, track: int) -> tuple[int, float]:
    """Come back from the bank without a session, with a track id that anybody could know."""
    began = time.perf_counter()
    with process.client() as browser:
        parameters: dict[str, Any] = {"trackId": track, "success": 1, "status": 2, "n": "guessed"}
        answer = browser.get(routes.PAY_RETURN, params=parameters)
    return answer.status_code, round(time.perf_counter() - began, 3)


def redis_away(process: WebProcess, redis: RedisServer) -> Figures:
    """What a process writes and says while Redis is away and a tab goes on clicking, and when it serves again."""
    cookie = f"portal={factories.signed_in(factories.user(Role.OPERATOR)).token}"
    with RawSocket(process.url, cookie=cookie) as tab:
        tab.send(HYDRATE, path=routes.BILLING)
        assert tab.tells(LOADED)
        before = process.log
        redis.stop()
        noticed_s = _seconds(lambda: until(lambda: not process.is_ready()))
        ends_at = time.monotonic() + AWAY_S - noticed_s
        clicks = 0
        while time.monotonic() < ends_at:
            tab.send(CLICK, {"name": "held"}, path=routes.BILLING)
            clicks += 1
            tab.told()  # until it is quiet for a second
        status, missing = process.readiness()
        written = process.log[len(before) :]
    redis.start()
    return {
        "doors_redis_away": {
            "away_s": AWAY_S,
            "clicks": clicks,
            "log_bytes": len(written.encode()),
            "log_lines": len(written.splitlines()),
            "readyz": f"{status} {missing}",
            "noticed_s": noticed_s,
            "usable_again_s": _seconds(partial(until, lambda: _is_usable(process, cookie))),
        }
    }


def _is_usable(process: WebProcess, cookie: str) -> bool:
    return process.is_ready() and process.loads(routes.BILLING, cookie)


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 3)
