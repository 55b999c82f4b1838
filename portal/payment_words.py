"""Words for payments on every page: their state, and reasons for a refused start."""

import re
from collections.abc import Mapping, Sequence

from backend.errors import AppError
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.payments.standing_rules import is_being_checked
from backend.payments.types import Attempt, AttemptState
from portal import bridge

TONES = {
    AttemptState.SETTLED: "ok",
    AttemptState.RETURNED: "warn",
    AttemptState.PAID_UNVERIFIED: "warn",
    AttemptState.REVIEW: "warn",
    AttemptState.REFUNDING: "warn",
    AttemptState.FAILED: "bad",
    AttemptState.REFUNDED: "bad",
    AttemptState.REVERSED: "bad",
}
_REFUSALS = frozenset(
    {
        "forbidden",
        "not_found",
        "conflict",
        "conflict.invoices_paid",
        "conflict.payment_undecided",
        "conflict.payment_starting",
        "conflict.payment_open",
        "invalid",
        "invalid.below_minimum",
        "invalid.payment_too_small",
        "invalid.payment_too_large",
        "invalid.too_many_invoices",
        "too_many_attempts.payments",
        "unavailable",
        "unavailable.zibal",
        "unavailable.zibal_refuses",
    }
)
MOST_NAMED = 10
_NUMBERS = ("minimum_toman", "amount_toman")
_NUMBER = re.compile(r"[0-9]{1,15}")


def standing_of(attempt: Attempt, lang: Lang) -> tuple[str, str]:
    """State of a payment in a word or two, and its tone: under check reads the same everywhere."""
    if is_being_checked(attempt):
        return text("payment.state.paid_unverified", lang), "warn"
    return text(f"payment.state.{attempt.state}", lang), TONES.get(attempt.state, "")


def invoices_named(numbers: Sequence[str], lang: Lang) -> str:
    """The numbers of a payment's invoices; of very many the first, and how many more there are."""
    named = fmt.listed((fmt.identifier(each, lang) for each in numbers[:MOST_NAMED] if each), lang)
    more = len(numbers) - MOST_NAMED
    return f"{named} {text('page.hand_off.more', lang, count=fmt.number(more, lang))}" if more > 0 else named


def refusal_query(error: AppError) -> dict[str, str | int]:
    """The error's code and numbers for the page's address; the page makes the sentence."""
    code = error.reason_key
    numbers = {
        name: value for name, value in error.data.items() if name in _NUMBERS and isinstance(value, int)
    }
    return {"error": code if code in _REFUSALS else error.code, **numbers}


def refusal_in(query: Mapping[str, str], lang: Lang) -> str:
    """The sentence for the error in an address, or empty. Addresses may be forged: only known sentences are used."""
    code = query.get("error", "")
    if code == "unknown":
        return bridge.unexpected_words(query.get("reference", ""), lang)
    if code not in _REFUSALS:
        return ""
    given = {name: query.get(name, "") for name in _NUMBERS}
    numbers = {
        name: fmt.number(int(value), lang) if _NUMBER.fullmatch(value) else "—"
        for name, value in given.items()
    }
    return text(f"error.{code}", lang, **numbers)
