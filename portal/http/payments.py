"""Paying, outside of Reflex: the click on pay, and the page that one comes back to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response

from backend.accounts.rules import address_group
from backend.actor import Actor, Role, require_role
from backend.errors import AppError, NotFound, SignInRequired, TooManyAttempts
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.money import Rial
from backend.payments import service as payments
from backend.payments.types import Returned, ReturnOutcome
from portal import bridge, routes, session
from portal.http import open_payments
from portal.http.forms import address_of, fields_of, see_other
from portal.http.payment_pages import (
    MOST_NUMBERS,
    attempt_ids_in,
    invoice_ids_in,
    more_words,
    numbers_of,
    page_of,
    page_of_ids,
    sentence_page,
)
from portal.http.plain_page import CodeNumber, language_of, render
from portal.payment_words import refusal_query
from portal.rate_limiter import RateLimiter

CALLBACKS_AT_ONCE = 30.0
CALLBACKS_PER_S = 1.0
# A company's people click as often as they like; each click may cost the gateway a session and us its answer.
STARTS_AT_ONCE = 30.0
STARTS_PER_S = 0.5
# While the gateway hangs, the threads that open payments are for other companies too.
STARTS_UNDER_WAY = 4
_TONES = {
    ReturnOutcome.REPLACED: "warn",
    ReturnOutcome.CASE_CLOSED: "warn",
    ReturnOutcome.PAID: "ok",
    ReturnOutcome.PAID_AS_CREDIT: "ok",
    ReturnOutcome.CANCELLED: "warn",
    ReturnOutcome.NOT_PAID: "bad",
    ReturnOutcome.RETURNING_MONEY: "warn",
    ReturnOutcome.RETURNED_MONEY: "warn",
    ReturnOutcome.UNKNOWN: "warn",
    ReturnOutcome.UNREADABLE: "warn",
}
_TRY_AGAIN = frozenset({ReturnOutcome.CANCELLED, ReturnOutcome.NOT_PAID, ReturnOutcome.WAITING})
_MONEY_WAS_THERE = frozenset(
    {ReturnOutcome.PAID, ReturnOutcome.RETURNING_MONEY, ReturnOutcome.RETURNED_MONEY}
)

_returns = RateLimiter()
_starts = RateLimiter()
_opening: Counter[str] = Counter()


async def start(request: Request) -> Response:
    """POST: open a payment and go on to the hand-off page, or back with a reason. Repeating it opens no second one.

    Where others are open already, the payer is told of them first.
    """
    fields = await fields_of(request)
    chosen = fields.get("invoices", "")
    back = routes.own_path(fields.get("back"), otherwise=page_of(chosen))
    try:
        found = await session.of_cookies(request.headers.get("cookie", ""))
        invoice_ids = None if fields.get("all") == "1" else invoice_ids_in(chosen)
        require_role(found.actor, Role.TENANT_ADMIN)
        consents = frozenset(attempt_ids_in(fields.get("replaces", "")))
        with _start_slot(found.actor):
            hand_off = await bridge.call_gateway(payments.start, found.actor, invoice_ids, consents=consents)
    except SignInRequired as error:
        return see_other(routes.sign_in({"next": back, "error": error.code}))
    except AppError as error:
        if error.data.get("reason") == "payment_open":
            return see_other(open_payments.address(str(error.data["attempts"]), chosen))
        bridge.problem_of(error, "en")
        return see_other(routes.with_query(back, refusal_query(error)))
    except Exception as error:  # noqa: BLE001 - a process edge: the payer gets a reference, the log the trace
        problem = bridge.unexpected(error, "fa")
        return see_other(routes.with_query(back, {"error": "unknown", "reference": problem.reference}))
    return see_other(routes.hand_off(hand_off.attempt_id))


@contextmanager
def _start_slot(actor: Actor) -> Iterator[None]:
    """Raise TooManyAttempts for a company that opens too many payments at once or in a row."""
    key = str(actor.tenant_id or actor.user_id)
    is_crowded = _opening[key] >= STARTS_UNDER_WAY
    if is_crowded or not _starts.try_acquire(key, at_once=STARTS_AT_ONCE, per_s=STARTS_PER_S):
        raise TooManyAttempts(reason="payments")
    _opening[key] += 1
    try:
        yield
    finally:
        _opening[key] -= 1
        if not _opening[key]:
            del _opening[key]


async def come_back(request: Request) -> Response:
    """GET: show the outcome of a payment, to anybody; the gateway decides it, never the address."""
    lang = language_of(request)
    if not _returns.try_acquire(
        address_group(address_of(request)), at_once=CALLBACKS_AT_ONCE, per_s=CALLBACKS_PER_S
    ):
        return sentence_page(request, text("payment.returned_too_often", lang), status=429)
    try:
        actor = await _actor_of(request)
        parameters = request.query_params.multi_items()
        returned, numbers = await bridge.call_returning(_read_return, actor, parameters)
    except AppError as error:
        bridge.problem_of(error, lang)
        return sentence_page(request, text("payment.returned_later", lang))
    except Exception as error:  # noqa: BLE001 - a process edge: the payer gets a reference, the log the trace
        reference = bridge.unexpected(error, lang).reference
        sentence = text("payment.returned_later", lang)
        return sentence_page(request, f"{sentence} {text('state.reference', lang)} {reference}")
    return _returned_page(request, returned, numbers, lang)


def _returned_page(request: Request, returned: Returned, numbers: Sequence[str], lang: Lang) -> Response:
    outcome = returned.outcome
    return render(
        request,
        "returned",
        title=text(f"payment.returned.{outcome}.heading", lang),
        tone=_TONES.get(outcome, "info"),
        outcome=outcome.value,
        sentence=text(f"payment.returned.{outcome}.text", lang),
        remarks=_remarks(returned, lang),
        facts=_facts(returned, numbers, lang),
        onward=page_of_ids(returned.invoice_ids),
        onward_name=text(f"payment.{_way_on(returned)}", lang),
    )


def _way_on(returned: Returned) -> str:
    if not returned.invoice_ids:
        return "to_invoices"
    if returned.outcome in _TRY_AGAIN:
        return "try_again"
    if returned.outcome in _MONEY_WAS_THERE and returned.outstanding_rial:
        return "pay_rest" if returned.outcome == ReturnOutcome.PAID else "try_again"
    return "to_invoice"


def _remarks(returned: Returned, lang: Lang) -> list[str]:
    """Remarks on an outcome: the bank's reason, the unpaid rest, and the part that became credit."""
    remarks = []
    reason = f"payment.refused.status_{returned.gateway_status}"
    if returned.outcome == ReturnOutcome.NOT_PAID and has(reason):
        remarks.append(text(reason, lang))
    if returned.outcome in _MONEY_WAS_THERE and returned.outstanding_rial:
        remarks.append(text("payment.still_to_pay", lang, amount=fmt.toman(returned.outstanding_rial, lang)))
    elif returned.outcome in _MONEY_WAS_THERE and returned.outstanding_rial is not None:
        remarks.append(text("payment.nothing_left", lang))
    debt = returned.debt_rial or 0
    credit = (returned.credit_rial or 0) - debt
    if credit and returned.outcome == ReturnOutcome.PAID:
        remarks.append(text("payment.part_is_credit", lang, amount=fmt.toman(Rial(credit), lang)))
    if debt:
        remarks.append(text("payment.part_is_debt", lang, amount=fmt.toman(Rial(debt), lang)))
    return remarks


def _facts(returned: Returned, numbers: Sequence[str], lang: Lang) -> list[tuple[str, str]]:
    facts = []
    if returned.amount_rial is not None:
        facts.append((text("payment.amount", lang), fmt.toman(returned.amount_rial, lang)))
    if numbers:
        shown = [fmt.identifier(number, lang) for number in numbers[:MOST_NUMBERS]]
        more = more_words(len(numbers) - MOST_NUMBERS, lang)
        facts.append((text("page.hand_off.invoices", lang), fmt.listed(shown, lang) + more))
    if returned.track_id is not None:
        facts.append((text("payment.track_id", lang), CodeNumber(str(returned.track_id))))
    if returned.ref_number:
        facts.append((text("payment.reference", lang), CodeNumber(returned.ref_number)))
    return facts


def _read_return(actor: Actor | None, parameters: Sequence[tuple[str, str]]) -> tuple[Returned, list[str]]:
    returned = payments.callback(actor, parameters)
    # Numbers only for who may read the invoices; the nonce alone proves no more than the payment.
    try:
        return returned, numbers_of(actor, returned.invoice_ids) if actor else []
    except NotFound:
        return returned, []


async def _actor_of(request: Request) -> Actor | None:
    try:
        return (await session.of_cookies(request.headers.get("cookie", ""))).actor
    except AppError:
        return None
