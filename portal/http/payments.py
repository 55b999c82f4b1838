"""Paying, outside of Reflex: the click on pay, the page that leads to the bank, and the page one comes back to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response

from backend.accounts.rules import address_group
from backend.actor import Actor, Role, require_role
from backend.errors import AppError, Forbidden, Invalid, NotFound, SignInRequired, TooManyAttempts
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, error_text, has, text
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments import service as payments
from backend.payments.types import AttemptId, HandOff, Outcome, Returned
from portal import bridge, routes, session
from portal.buckets import Buckets
from portal.http.forms import address_of, fields_of, see_other
from portal.http.plain_page import CodeNumber, language_of, render
from portal.ids import uuid_of
from portal.payment_words import refusal_query

CALLBACKS_AT_ONCE = 30.0
CALLBACKS_PER_S = 1.0
# A company's people click as often as they like; each click may cost the gateway a session and us its answer.
STARTS_AT_ONCE = 30.0
STARTS_PER_S = 0.5
# While the gateway hangs, the threads that open payments are for other companies too.
STARTS_UNDER_WAY = 4
_MOST_NUMBERS = 10
_TONES = {
    Outcome.PAID: "ok",
    Outcome.PAID_AS_CREDIT: "ok",
    Outcome.CANCELLED: "warn",
    Outcome.NOT_PAID: "bad",
    Outcome.RETURNING_MONEY: "warn",
    Outcome.RETURNED_MONEY: "warn",
    Outcome.UNKNOWN: "warn",
    Outcome.UNREADABLE: "warn",
}
_TRY_AGAIN = frozenset({Outcome.CANCELLED, Outcome.NOT_PAID, Outcome.WAITING})
_MONEY_WAS_THERE = frozenset({Outcome.PAID, Outcome.RETURNING_MONEY, Outcome.RETURNED_MONEY})

_returns = Buckets()
_starts = Buckets()
_opening: Counter[str] = Counter()


async def start(request: Request) -> Response:
    """POST: open a payment and go on to the hand-off page, or back with a reason. Repeating it opens no second one."""
    fields = await fields_of(request)
    chosen = fields.get("invoices", "")
    back = _page_of(chosen)
    try:
        found = await session.of_cookies(request.headers.get("cookie", ""))
        invoice_ids = None if fields.get("all") == "1" else _invoice_ids(chosen)
        require_role(found.actor, Role.TENANT_ADMIN)
        with _turn_of(found.actor):
            hand_off = await bridge.call_gateway(payments.start, found.actor, invoice_ids)
    except SignInRequired as error:
        return see_other(routes.sign_in({"next": back, "error": error.code}))
    except AppError as error:
        bridge.problem_of(error, "en")
        return see_other(routes.with_query(back, refusal_query(error)))
    except Exception as error:  # noqa: BLE001 - a process edge: the payer gets a reference, the log the trace
        problem = bridge.unexpected(error, "fa")
        return see_other(routes.with_query(back, {"error": "unknown", "reference": problem.reference}))
    return see_other(routes.hand_off(hand_off.attempt_id))


@contextmanager
def _turn_of(actor: Actor) -> Iterator[None]:
    """Raises TooManyAttempts for a company whose people open payments one after the other, or too many at once."""
    key = str(actor.tenant_id or actor.user_id)
    is_crowded = _opening[key] >= STARTS_UNDER_WAY
    if is_crowded or not _starts.has_left(key, at_once=STARTS_AT_ONCE, per_s=STARTS_PER_S):
        raise TooManyAttempts(reason="payments")
    _opening[key] += 1
    try:
        yield
    finally:
        _opening[key] -= 1
        if not _opening[key]:
            del _opening[key]


async def lead_to_bank(request: Request) -> Response:
    """GET: what is paid, and the way to the bank with our Referer."""
    lang, named = language_of(request), str(request.path_params["attempt_id"])
    try:
        found = await session.of_cookies(request.headers.get("cookie", ""))
        hand_off, numbers = await bridge.call(_read_hand_off, found.actor, named)
    except SignInRequired as error:
        wanted = routes.own_path(routes.hand_off(named), otherwise="")
        return see_other(routes.sign_in({"next": wanted, "error": error.code}))
    except (Forbidden, NotFound) as error:
        return _nowhere(request, error, lang)
    except AppError as error:
        return _sentence_page(request, bridge.problem_of(error, lang).text, status=503)
    except Exception as error:  # noqa: BLE001 - a process edge: the payer gets a reference, the log the trace
        return _sentence_page(request, bridge.unexpected(error, lang).text, status=500)
    return render(
        request,
        "hand_off",
        title=text("page.hand_off.heading", lang),
        toman=fmt.toman(hand_off.amount_rial, lang),
        rial=fmt.rial(hand_off.amount_rial, lang),
        numbers=[fmt.identifier(number, lang) for number in numbers[:_MOST_NUMBERS]],
        more=_more(len(numbers) - _MOST_NUMBERS, lang),
        start_url=hand_off.start_url,
        back=_page_of_ids(hand_off.invoice_ids),
    )


async def come_back(request: Request) -> Response:
    """GET: what became of a payment, for whoever asks and whatever the address says; the gateway decides, not it."""
    lang = language_of(request)
    if not _returns.has_left(
        address_group(address_of(request)), at_once=CALLBACKS_AT_ONCE, per_s=CALLBACKS_PER_S
    ):
        return _sentence_page(request, text("payment.returned_too_often", lang), status=429)
    try:
        actor = await _actor_of(request)
        parameters = request.query_params.multi_items()
        returned, numbers = await bridge.call_returning(_read_return, actor, parameters)
    except AppError as error:
        bridge.problem_of(error, lang)
        return _sentence_page(request, text("payment.returned_later", lang))
    except Exception as error:  # noqa: BLE001 - a process edge: the payer gets a reference, the log the trace
        reference = bridge.unexpected(error, lang).reference
        sentence = text("payment.returned_later", lang)
        return _sentence_page(request, f"{sentence} {text('state.reference', lang)} {reference}")
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
        onward=_page_of_ids(returned.invoice_ids),
        onward_name=text(f"payment.{_way_on(returned)}", lang),
    )


def _way_on(returned: Returned) -> str:
    if not returned.invoice_ids:
        return "to_invoices"
    if returned.outcome in _TRY_AGAIN:
        return "try_again"
    if returned.outcome in _MONEY_WAS_THERE and returned.outstanding_rial:
        return "pay_rest" if returned.outcome == Outcome.PAID else "try_again"
    return "to_invoice"


def _remarks(returned: Returned, lang: Lang) -> list[str]:
    """Why the bank refused, what is still to be paid, and what became credit."""
    remarks = []
    reason = f"payment.refused.status_{returned.gateway_status}"
    if returned.outcome == Outcome.NOT_PAID and has(reason):
        remarks.append(text(reason, lang))
    if returned.outcome in _MONEY_WAS_THERE and returned.outstanding_rial:
        remarks.append(text("payment.still_to_pay", lang, amount=fmt.toman(returned.outstanding_rial, lang)))
    elif returned.outcome in _MONEY_WAS_THERE and returned.outstanding_rial is not None:
        remarks.append(text("payment.nothing_left", lang))
    debt = returned.debt_rial or 0
    credit = (returned.credit_rial or 0) - debt
    if credit and returned.outcome == Outcome.PAID:
        remarks.append(text("payment.part_is_credit", lang, amount=fmt.toman(Rial(credit), lang)))
    if debt:
        remarks.append(text("payment.part_is_debt", lang, amount=fmt.toman(Rial(debt), lang)))
    return remarks


def _facts(returned: Returned, numbers: Sequence[str], lang: Lang) -> list[tuple[str, str]]:
    facts = []
    if returned.amount_rial is not None:
        facts.append((text("payment.amount", lang), fmt.toman(returned.amount_rial, lang)))
    if numbers:
        shown = [fmt.identifier(number, lang) for number in numbers[:_MOST_NUMBERS]]
        more = _more(len(numbers) - _MOST_NUMBERS, lang)
        facts.append((text("page.hand_off.invoices", lang), fmt.listed(shown, lang) + more))
    if returned.track_id is not None:
        facts.append((text("payment.track_id", lang), CodeNumber(str(returned.track_id))))
    if returned.ref_number:
        facts.append((text("payment.reference", lang), CodeNumber(returned.ref_number)))
    return facts


def _read_hand_off(actor: Actor, named: str) -> tuple[HandOff, list[str]]:
    hand_off = payments.hand_off(actor, AttemptId(uuid_of(named)))
    return hand_off, _numbers(actor, hand_off.invoice_ids)


def _read_return(actor: Actor | None, parameters: Sequence[tuple[str, str]]) -> tuple[Returned, list[str]]:
    returned = payments.callback(actor, parameters)
    # Numbers only for who may read the invoices; the nonce alone proves no more than the payment.
    try:
        return returned, _numbers(actor, returned.invoice_ids) if actor else []
    except NotFound:
        return returned, []


def _numbers(actor: Actor, invoice_ids: Sequence[InvoiceId]) -> list[str]:
    dues = {due.id: due.number for due in invoices.dues(actor, invoice_ids)}
    return [dues[each] for each in invoice_ids]


async def _actor_of(request: Request) -> Actor | None:
    try:
        return (await session.of_cookies(request.headers.get("cookie", ""))).actor
    except AppError:
        return None


def _more(count: int, lang: Lang) -> str:
    return " " + text("page.hand_off.more", lang, count=fmt.number(count, lang)) if count > 0 else ""


def _nowhere(request: Request, error: AppError, lang: Lang) -> Response:
    if isinstance(error, Forbidden):
        return _sentence_page(request, error_text(error, lang), status=403)
    return _sentence_page(request, text("page.hand_off.over", lang), status=404)


def _sentence_page(request: Request, sentence: str, *, status: int = 200) -> Response:
    lang = language_of(request)
    return render(
        request,
        "returned",
        status=status,
        title=text("page.hand_off.plain", lang),
        tone="warn",
        outcome="",
        sentence=sentence,
        remarks=[],
        facts=[],
        onward=routes.INVOICES,
        onward_name=text("payment.to_invoices", lang),
    )


def _invoice_ids(chosen: str) -> list[InvoiceId]:
    try:
        return [InvoiceId(uuid_of(each)) for each in filter(None, chosen.split(","))]
    except NotFound as wrong:
        raise Invalid(field="invoices") from wrong


def _page_of(chosen: str) -> str:
    try:
        return _page_of_ids(_invoice_ids(chosen))
    except Invalid:
        return routes.INVOICES


def _page_of_ids(invoice_ids: Sequence[InvoiceId]) -> str:
    return routes.invoice(invoice_ids[0]) if len(invoice_ids) == 1 else routes.INVOICES
