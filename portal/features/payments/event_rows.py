"""Events of a payment in words: stored names and codes become sentences of the catalogue."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.clock import TEHRAN
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.payments.types import AttemptEvent
from portal.features.payments.reasons import reason_words

# The order in which they are told; the store keeps none.
NAMES = (
    "claims_success", "has_nonce", "track_id", "handed_over",
    "verdict", "reason", "state", "result", "status", "amount", "order", "reference", "card", "paid_at", "verified_at",
    "credit_rial", "credit_reopened_rial", "turn",
)  # fmt: skip


_USUAL = {("credit_rial", 0), ("credit_reopened_rial", 0), ("turn", 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetailRow:
    """A detail of an event. A code is shown as stored, from left to right."""

    name: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event."""

    key: str
    at: str
    event: str
    by: str
    details: list[EventDetailRow]


def to_event(number: int, event: AttemptEvent, lang: Lang) -> EventRow:
    """A line for an event; empty details and those unknown to the catalogue are left out."""
    return EventRow(
        key=str(number),
        at=fmt.moment(event.at, lang),
        event=text(f"payment.event.{event.kind}", lang),
        by=actor_name(event.actor, lang),
        details=_details(event.detail, lang),
    )


def actor_name(actor: str, lang: Lang) -> str:
    """The name of a user, or the purpose of a process."""
    kind, _, name = actor.partition(":")
    if kind != "process":
        return name or actor
    key = f"payment.by.{name}"
    return text(key if has(key) else "payment.by.process", lang)


def _details(detail: Mapping[str, object], lang: Lang) -> list[EventDetailRow]:
    known = [(name, detail.get(name)) for name in NAMES]
    return [_detail(name, value, lang) for name, value in known if _is_worth_telling(name, value)]


def _is_worth_telling(name: str, value: object) -> bool:
    """Whether a detail is shown: empty and usual values are not, such as no credit left or a first booking."""
    return value is not None and value != "" and (name, value) not in _USUAL


def _gateway_time(value: str, lang: Lang) -> str:
    """A time that the gateway tells, without its microseconds. It names no zone, so neither do we convert it."""
    try:
        told = datetime.fromisoformat(value)
    except ValueError:
        return "—"
    return fmt.moment(told if told.tzinfo else told.replace(tzinfo=TEHRAN), lang)


def _detail(name: str, value: object, lang: Lang) -> EventDetailRow:
    label = text(f"payment.detail.{name}", lang)
    match name:
        case "claims_success":
            words = text(f"payment.said.{'success' if value else 'failure'}", lang)
        case "has_nonce" | "handed_over":
            words = text(f"payment.said.{'yes' if value else 'no'}", lang)
        case "verdict" | "state":
            key = f"payment.{name}.{value}"
            words = text(key, lang) if has(key) else "—"
        case "reason":
            words = reason_words(str(value), lang)
        case "amount" | "credit_rial" | "credit_reopened_rial":
            words = fmt.toman(int(str(value)), lang) if re.fullmatch(r"-?[0-9]+", str(value)) else "—"
        case "paid_at" | "verified_at":
            words = _gateway_time(str(value), lang)
        case "turn":
            words = fmt.number(int(str(value)), lang)
        case _:
            return EventDetailRow(name=label, value=str(value), is_code=True)
    return EventDetailRow(name=label, value=words)
