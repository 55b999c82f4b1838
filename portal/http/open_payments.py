"""The page before a second payment of the same invoices: open and checked payments, and the ways to go on."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from backend.actor import Actor
from backend.errors import AppError, Forbidden, NotFound, SignInRequired
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from backend.payments import service as payments
from backend.payments.standing_rules import is_being_checked
from backend.payments.types import Attempt, AttemptState
from portal import bridge, routes, session
from portal.http.forms import see_other
from portal.http.payment_pages import attempt_ids_in, numbers_of, page_of, sentence_page
from portal.http.plain_page import CodeNumber, language_of, render
from portal.payment_words import standing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPayment:
    """A payment that a payer is told of; an empty ``way`` says that it cannot be continued."""

    key: str
    facts: list[tuple[str, str]]
    way: str
    is_checked: bool


def address(attempts: str, chosen: str) -> str:
    """Address of the page about these payments, with the chosen invoices; all invoices where none are named."""
    return routes.with_query(routes.PAY_OPEN, {"attempts": attempts, "invoices": chosen})


async def tell(request: Request) -> Response:
    """GET: each payment with its way to go on, a new one after a plain confirmation, and the way back."""
    lang, chosen = language_of(request), request.query_params.get("invoices", "")
    back = page_of(chosen)
    try:
        actor = (await session.of_cookies(request.headers.get("cookie", ""))).actor
        named = request.query_params.get("attempts", "")
        told = await bridge.call(_read, actor, named, lang)
    except SignInRequired as error:
        return see_other(routes.sign_in({"next": back, "error": error.code}))
    except (Forbidden, NotFound) as error:
        status = 403 if isinstance(error, Forbidden) else 404
        return sentence_page(request, error_text(error, lang), status=status)
    except AppError as error:
        return sentence_page(request, bridge.problem_of(error, lang).text, status=503)
    except Exception as error:  # noqa: BLE001 - a process edge: the payer gets a reference, the log the trace
        return sentence_page(request, bridge.unexpected(error, lang).text, status=500)
    if not told:
        # All of them have ended meanwhile: the page of the invoice says how.
        return see_other(back)
    kind = "checked" if all(each.is_checked for each in told) else "at_bank"
    return render(
        request,
        "open_payments",
        title=text("page.open_payments.heading", lang),
        sentence=text(
            "page.open_payments.checked" if kind == "checked" else "page.open_payments.at_bank", lang
        ),
        told=told,
        action=routes.POST_PAY,
        invoices=chosen,
        replaces=",".join(each.key for each in told),
        back=back,
    )


def _read(actor: Actor, named: str, lang: Lang) -> list[OpenPayment]:
    return [
        _to_told(each, numbers_of(actor, each.invoice_ids), lang)
        for each in payments.to_tell_of(actor, attempt_ids_in(named))
    ]


def _to_told(attempt: Attempt, numbers: list[str], lang: Lang) -> OpenPayment:
    state, _ = standing_of(attempt, lang)
    is_checked = is_being_checked(attempt)
    can_go_on = attempt.state == AttemptState.REDIRECTED and not is_checked
    return OpenPayment(
        key=str(attempt.id),
        facts=[
            (text("payment.amount", lang), fmt.toman(attempt.amount_rial, lang)),
            (
                text("page.hand_off.invoices", lang),
                fmt.listed((fmt.identifier(each, lang) for each in numbers), lang),
            ),
            (text("payment.when", lang), fmt.moment(attempt.begun_at, lang)),
            (text("page.open_payments.by", lang), attempt.created_by.partition(":")[2]),
            (text("payment.state_head", lang), state),
            (text("payment.track_id", lang), CodeNumber(str(attempt.track_id or "—"))),
        ],
        way=routes.hand_off(attempt.id) if can_go_on else "",
        is_checked=is_checked,
    )
