"""Reads Zibal's answers with patience: any field but ``result`` may be missing or of a wrong type.

Sources: help.zibal.ir/ipg (OpenAPI ``ipg.json`` 1.0.0) and captured answers. Amounts are rial.
A code that is not listed here is UNKNOWN: neither paid nor failed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NewType

from backend.errors import Unavailable
from backend.money import Rial

SERVICE = "zibal"
LARGEST_TRACK_ID = 2**63 - 1
LARGEST_CODE = 10**9
LARGEST_AMOUNT_RIAL = 10**15
LONGEST_REFERENCE = 64
LONGEST_ORDER = 64

# Which calendar the answers use is documented nowhere, so Jalali years pass, too.
_INSTANT = re.compile(
    r"(1[34]|20|21)[0-9]{2}[-/](0[1-9]|1[0-2])[-/](0[1-9]|[12][0-9]|3[01])"
    r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)

TrackId = NewType("TrackId", int)


class GatewayResult(IntEnum):
    """Result code of a call; for inquiry OK only means that a report was made."""

    UNKNOWN = 0
    OK = 100
    MERCHANT_UNKNOWN = 102
    MERCHANT_INACTIVE = 103
    MERCHANT_INVALID = 104
    AMOUNT_TOO_SMALL = 105
    CALLBACK_INVALID = 106
    PERCENT_MODE_INVALID = 107
    SHARE_INVALID = 108
    SHARE_INACTIVE = 109
    OWN_SHARE_MISSING = 110
    SHARES_DIFFER = 111
    FEE_WALLET_EMPTY = 112
    AMOUNT_TOO_LARGE = 113
    NATIONAL_CODE_INVALID = 114
    ADDRESS_NOT_ALLOWED = 115
    FEE_MODE_INVALID = 116
    ALREADY_VERIFIED = 201
    NOT_PAID = 202
    TRACK_ID_UNKNOWN = 203

    @classmethod
    def _missing_(cls, _value: object) -> "GatewayResult":
        return cls.UNKNOWN


class GatewayStatus(IntEnum):
    """Status of a session. Beware: 1 is final, 2 still wants verify; others have had them swapped."""

    UNKNOWN = 0
    WAITING = -1
    INTERNAL_ERROR = -2
    PAID_VERIFIED = 1
    PAID_UNVERIFIED = 2
    CANCELLED = 3
    CARD_INVALID = 4
    BALANCE_TOO_LOW = 5
    PIN_WRONG = 6
    TOO_MANY_REQUESTS = 7
    DAILY_COUNT_EXCEEDED = 8
    DAILY_AMOUNT_EXCEEDED = 9
    ISSUER_INVALID = 10
    SWITCH_ERROR = 11
    CARD_UNREACHABLE = 12
    REFUNDED = 15
    REFUNDING = 16
    REVERSED = 18
    ACCEPTOR_INVALID = 21

    @classmethod
    def _missing_(cls, _value: object) -> "GatewayStatus":
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The payer may be sent to ``start_url(track_id)``."""

    track_id: TrackId


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRefused:
    """No session was opened; ``message`` is the gateway's own text, cut and cleaned."""

    result: GatewayResult
    result_code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReport:
    """The gateway's report on a session; everything but ``result`` may be absent.

    ``status`` is None when none was sent: 201, 202 and 203 come with two keys only. ``paid_at`` and
    ``verified_at`` are raw texts, their time zone is undocumented. ``card`` shows at most ten digits.
    """

    result: GatewayResult
    result_code: int
    message: str
    status: GatewayStatus | None = None
    status_code: int | None = None
    amount_rial: Rial | None = None
    order_id: str | None = None
    ref_number: str | None = None
    card: str | None = None
    paid_at: str | None = None
    verified_at: str | None = None


def parse_track_id(text: str) -> TrackId | None:
    """The track id that the text is, or None: one to nineteen ASCII digits that fit 64 bits, and not 0."""
    if not re.fullmatch(r"[0-9]{1,19}", text) or not 0 < int(text) <= LARGEST_TRACK_ID:
        return None
    return TrackId(int(text))


def mask_card(text: str) -> str:
    """At most the first six and the last four digits of a card number, from any input."""
    digits = "".join(str(int(char)) for char in text if char.isdecimal())
    if len(digits) > 10:  # noqa: PLR2004 - six and four
        return f"{digits[:6]}******{digits[-4:]}"
    return re.sub(r"[^0-9*]", "", text)[:19]


def to_session(answer: Mapping[str, Any]) -> SessionOpened | SessionRefused:
    """The answer of ``/v1/request``. A success without a usable track id is no answer."""
    result, code = _result(answer)
    if result is not GatewayResult.OK:
        return SessionRefused(result=result, result_code=code, message=_message(answer))
    track_id = parse_track_id(str(answer.get("trackId")))
    if track_id is None:
        raise Unavailable(service=SERVICE, cause="unreadable")
    return SessionOpened(track_id=track_id)


def to_report(answer: Mapping[str, Any]) -> PaymentReport:
    """The answer of ``/v1/verify`` or ``/v1/inquiry``."""
    result, code = _result(answer)
    status_code = _integer(answer.get("status"))
    return PaymentReport(
        result=result,
        result_code=code,
        message=_message(answer),
        status=None if answer.get("status") is None else GatewayStatus(status_code or GatewayStatus.UNKNOWN),
        status_code=status_code,
        amount_rial=_amount(answer.get("amount")),
        order_id=_order_id(answer.get("orderId")),
        ref_number=_reference(answer.get("refNumber")),
        card=_card(answer.get("cardNumber")),
        paid_at=_instant(answer.get("paidAt")),
        verified_at=_instant(answer.get("verifiedAt")),
    )


def _result(answer: Mapping[str, Any]) -> tuple[GatewayResult, int]:
    """An object without a readable ``result`` is no answer of the gateway."""
    code = _integer(answer.get("result"))
    if code is None:
        raise Unavailable(service=SERVICE, cause="unreadable")
    return GatewayResult(code), code


def _integer(value: object) -> int | None:
    """A code, also when it came as a text; no code is longer than nine digits."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) < LARGEST_CODE else None


def _amount(value: object) -> Rial | None:
    """Only a true JSON integer above zero is an amount; anything else is absent, which means undecided."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return Rial(value) if 0 < value <= LARGEST_AMOUNT_RIAL else None


def _order_id(value: object) -> str | None:
    """The order reference as sent. A cleaned or cut one is marked, so that it equals none of ours."""
    if not isinstance(value, str) or not value:
        return None
    cleaned = _clean(value, LONGEST_ORDER)
    return value if cleaned == value else f"{cleaned}…"


def _reference(value: object) -> str | None:
    """The bank's number for a transaction, as it is told to a person: no sign before it, and not 0."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 < value < 10**LONGEST_REFERENCE else None
    said = (_clean(value, LONGEST_REFERENCE) or "").strip()
    return said if re.fullmatch(r"(?!0+$)[0-9A-Za-z][0-9A-Za-z _./-]*", said) else None


def _card(value: object) -> str | None:
    """A card that was masked, or is now: at least its last four digits are seen."""
    masked = mask_card(value) if isinstance(value, str) else ""
    return masked if re.fullmatch(r"[0-9]*\*+[0-9]{2,6}", masked) else None


def _instant(value: object) -> str | None:
    """A time as the gateway spells it, if it is one: its zone is undocumented, so it stays a text."""
    said = _clean(value, 40)
    return said if said and _INSTANT.fullmatch(said) else None


def _message(answer: Mapping[str, Any]) -> str:
    return _clean(answer.get("message"), 200) or ""


def _clean(value: object, length: int) -> str | None:
    """A foreign text without control and direction characters, cut."""
    if not isinstance(value, str):
        return None
    return "".join(char for char in value if char.isprintable())[:length]
