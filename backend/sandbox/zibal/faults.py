"""Faults that a test or a person switches on: where, what, how often, for which session."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from typing import Any, Self


class FaultPoint(StrEnum):
    """Place at which a fault strikes."""

    REQUEST = "request"
    START = "start"
    VERIFY = "verify"
    INQUIRY = "inquiry"
    CALLBACK = "callback"


class GatewayFaultKind(StrEnum):
    """Kind of a fault. ``after`` tells whether a call still had its effect; ``value`` is explained beside each kind."""

    DELAY = "delay"  # seconds
    DRIP = "drip"  # seconds between the bytes of the answer, which therefore had its effect
    DROP = "drop"  # the connection is cut without a byte
    HTTP_ERROR = "http_error"  # the HTTP status, default 503
    HTML = "html"  # a page instead of JSON, with status 200
    RESULT = "result"  # the result code to answer
    STATUS = "status"  # the session status to claim
    WRONG_AMOUNT = "wrong_amount"  # the amount to claim, default one tenth
    SWAPPED_ORDER = "swapped_order"  # the order id to claim, default the one of another session
    FIELDS = "fields"  # an object: fields to claim
    WITHOUT = "without"  # a list: fields to leave out
    NEVER = "never"  # the callback is not sent
    TWICE = "twice"  # the callback comes a second time, once the first was answered
    PARALLEL = "parallel"  # the callback comes this many times at once, default 5


CALLBACK_ONLY = frozenset({GatewayFaultKind.NEVER, GatewayFaultKind.TWICE, GatewayFaultKind.PARALLEL})
_NUMBERS = frozenset({GatewayFaultKind.DELAY, GatewayFaultKind.DRIP})
_CODES = frozenset({GatewayFaultKind.RESULT, GatewayFaultKind.STATUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFault:
    """A switched-on fault; ``times`` None means until it is switched off, ``track_id`` None means any session."""

    id: int
    point: FaultPoint
    kind: GatewayFaultKind
    value: Any = None
    after: bool = False
    times: int | None = None
    track_id: int | None = None

    @classmethod
    def from_json(cls, number: int, wanted: dict[str, Any]) -> Self:
        """The fault that a caller describes.

        Raises:
            ValueError: the description does not fit.
        """
        unknown = wanted.keys() - {"point", "kind", "value", "after", "times", "track_id"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        track_id = wanted.get("track_id")
        fault = cls(
            id=number,
            point=FaultPoint(str(wanted.get("point"))),
            kind=GatewayFaultKind(str(wanted.get("kind"))),
            value=wanted.get("value"),
            after=bool(wanted.get("after", False)),
            times=wanted.get("times"),
            track_id=None if track_id is None else int(track_id),
        )
        fault.check()
        return fault

    def check(self) -> None:
        """Refuse what could never strike or would break the stand-in itself."""
        if self.kind in CALLBACK_ONLY and self.point is not FaultPoint.CALLBACK:
            raise ValueError(f"{self.kind} is for the callback")
        if self.kind in _NUMBERS and not isinstance(self.value, int | float):
            raise ValueError(f"{self.kind} wants seconds as its value")
        if self.kind in _CODES and self.value is None:
            raise ValueError(f"{self.kind} wants a value")
        if self.kind is GatewayFaultKind.FIELDS and not isinstance(self.value, dict):
            raise ValueError("fields wants an object as its value")
        if self.kind is GatewayFaultKind.WITHOUT and not isinstance(self.value, list):
            raise ValueError("without wants a list as its value")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be one or more")


class Faults:
    """The faults that are on."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._on: list[GatewayFault] = []

    def add(self, wanted: dict[str, Any]) -> GatewayFault:
        """Switch a fault on."""
        fault = GatewayFault.from_json(next(self._numbers), wanted)
        self._on.append(fault)
        return fault

    def take(self, point: FaultPoint, track_id: int | None) -> "Struck":
        """The faults that strike this call; counted faults lose one of their times."""
        struck = [one for one in self._on if one.point is point and one.track_id in {None, track_id}]
        self._on = [left for one in self._on if (left := _once_less(one) if one in struck else one)]
        return Struck(struck)

    def listed(self) -> list[GatewayFault]:
        """Every fault that is on."""
        return list(self._on)

    def clear(self, number: int | None = None) -> None:
        """Switch one fault off, or all."""
        self._on = [] if number is None else [one for one in self._on if one.id != number]


class Struck:
    """The faults of one call."""

    def __init__(self, faults: Iterable[GatewayFault]) -> None:
        self._by_kind = {fault.kind: fault for fault in faults}

    def get(self, kind: GatewayFaultKind, *, after: bool | None = None) -> GatewayFault | None:
        """The fault of this kind, if there is one and it strikes at this side of the effect."""
        fault = self._by_kind.get(kind)
        return fault if fault and after in {None, fault.after} else None

    def falsify(self, answer: dict[str, Any], other_order: Callable[[], str]) -> dict[str, Any]:
        """The answer with what the faults make of it; an answer of two keys has nothing more to falsify."""
        false = dict(answer)
        if (fault := self.get(GatewayFaultKind.STATUS)) and "status" in false:
            false["status"] = fault.value
        if (fault := self.get(GatewayFaultKind.WRONG_AMOUNT)) and "amount" in false:
            false["amount"] = false["amount"] // 10 if fault.value is None else fault.value
        if (fault := self.get(GatewayFaultKind.SWAPPED_ORDER)) and "orderId" in false:
            false["orderId"] = other_order() if fault.value is None else fault.value
        if fault := self.get(GatewayFaultKind.FIELDS):
            false |= fault.value
        if fault := self.get(GatewayFaultKind.WITHOUT):
            false = {name: value for name, value in false.items() if name not in fault.value}
        return false


def _once_less(fault: GatewayFault) -> GatewayFault | None:
    if fault.times is None:
        return fault
    return replace(fault, times=fault.times - 1) if fault.times > 1 else None
