"""The page that leads to the bank, and the way from it: whose payment was replaced meanwhile does not get there."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from backend.actor import Actor
from backend.errors import AppError, Conflict, Forbidden, NotFound, SignInRequired
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from backend.payments import service as payments
from backend.payments.types import AttemptId, HandOff
from portal import bridge, routes, session
from portal.http.forms import see_other
from portal.http.payment_pages import MOST_NUMBERS, more_words, numbers_of, page_of_ids, sentence_page
from portal.http.plain_page import language_of, render
from portal.ids import uuid_of

Found = tuple[HandOff, list[str]]


async def lead_to_bank(request: Request) -> Response:
    """GET: show the payment, with the link to the bank that carries our Referer."""
    found = await _found(request, _read)
    if isinstance(found, Response):
        return found
    hand_off, numbers = found
    lang = language_of(request)
    return render(
        request,
        "hand_off",
        title=text("page.hand_off.heading", lang),
        toman=fmt.toman(hand_off.amount_rial, lang),
        rial=fmt.rial(hand_off.amount_rial, lang),
        numbers=[fmt.identifier(number, lang) for number in numbers[:MOST_NUMBERS]],
        more=more_words(len(numbers) - MOST_NUMBERS, lang),
        way=routes.to_bank(hand_off.attempt_id),
        back=page_of_ids(hand_off.invoice_ids),
    )


async def go_to_bank(request: Request) -> Response:
    """GET: on to the bank, if the payment still stands. A browser keeps the Referer of the page that led here."""
    found = await _found(request, _leave)
    return found if isinstance(found, Response) else see_other(found[0].start_url)


def _read(actor: Actor, attempt_id: AttemptId) -> Found:
    hand_off = payments.hand_off(actor, attempt_id)
    return hand_off, numbers_of(actor, hand_off.invoice_ids)


def _leave(actor: Actor, attempt_id: AttemptId) -> Found:
    return payments.leave_for_bank(actor, attempt_id), []


async def _found(request: Request, read: Callable[[Actor, AttemptId], Found]) -> Found | Response:
    """The content read for the payment that the address names, or the page that explains its absence."""
    lang, named = language_of(request), str(request.path_params["attempt_id"])
    try:
        actor = (await session.of_cookies(request.headers.get("cookie", ""))).actor
        return await bridge.call(lambda: read(actor, AttemptId(uuid_of(named))))
    except SignInRequired as error:
        wanted = routes.own_path(routes.hand_off(named), otherwise="")
        return see_other(routes.sign_in({"next": wanted, "error": error.code}))
    except (Conflict, Forbidden, NotFound) as error:
        return _nowhere(request, error, lang)
    except AppError as error:
        return sentence_page(request, bridge.problem_of(error, lang).text, status=503)
    except Exception as error:  # noqa: BLE001 - a process edge: the payer gets a reference, the log the trace
        return sentence_page(request, bridge.unexpected(error, lang).text, status=500)


def _nowhere(request: Request, error: AppError, lang: Lang) -> Response:
    if isinstance(error, NotFound):
        return sentence_page(request, text("page.hand_off.over", lang), status=404)
    status = 409 if isinstance(error, Conflict) else 403
    return sentence_page(request, error_text(error, lang), status=status)
