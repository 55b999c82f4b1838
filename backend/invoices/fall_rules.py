"""Tokens of meters that fell, on an invoice: by the figure with which it is released. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal

from backend.errors import Invalid
from backend.invoices.types import InvoiceLine
from backend.usage.types import FallFigure, MeterFall, MeterReading, UsageRow


def figure_of(falls: Sequence[MeterFall], asked: FallFigure | None) -> FallFigure | None:
    """The figure with which an invoice is released; None without a fall.

    Raises:
        Invalid: the figures differ, and nobody chose one.
    """
    if not falls:
        return None
    if asked is None and leave_a_choice(falls):
        raise Invalid(field="figure", reason="figure_not_chosen")
    return asked or FallFigure.LEAST


def leave_a_choice(falls: Iterable[MeterFall]) -> bool:
    """Whether the figures differ: those of a meter that fell to zero are the same."""
    return any(fall.most_tokens != fall.least_tokens for fall in falls)


def with_figure(
    lines: Iterable[InvoiceLine], falls: Iterable[MeterFall], figure: FallFigure | None
) -> list[InvoiceLine]:
    """The lines of a held invoice, which count the least, with another figure; what has no line yet gets one."""
    more = Counter[tuple[str, str]]()
    for fall in falls:
        more[fall.model, fall.type] += fall.tokens(figure or FallFigure.LEAST) - fall.least_tokens
    found = [line._replace(tokens=line.tokens + more.pop((line.model, line.type), 0)) for line in lines]
    added = [InvoiceLine(*key, tokens, Decimal(0), 0) for key, tokens in more.items() if tokens]
    return sorted([*found, *added])


def tokens_of(reading: MeterReading, falls: Iterable[MeterFall], figure: FallFigure | None) -> int:
    """Tokens of one meter: closing minus opening, or the chosen figure of its falls."""
    for fall in falls:
        if fall[:5] == reading[:5]:
            return fall.tokens(figure or FallFigure.LEAST)
    return max(0, reading.closing - reading.opening)


def as_released(
    rows: Iterable[UsageRow], falls: Iterable[MeterFall], most: AbstractSet[str]
) -> list[UsageRow]:
    """Measured usage with the most of the meters of some tenants that fell, as their invoices were released."""
    more = Counter[tuple[str, str, str]]()
    for fall in falls:
        if fall.tenant in most:
            more[fall.tenant, fall.model, fall.type] += fall.most_tokens - fall.least_tokens
    return [row._replace(tokens=row.tokens + more[row[:3]]) for row in rows]
