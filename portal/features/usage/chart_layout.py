"""The chart's geometry: from tokens to shares of its height, so that the browser only lays out boxes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal.features.usage.rows import ChartDay, SeriesRow

MOST_TICKS = 5
_UNITS = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSegment:
    """A model's part of a day."""

    colour: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartColumn:
    """A day: its label, its tooltip, and its parts from the top down."""

    label: str
    about: str
    segments: list[ChartSegment]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTick:
    """A line across the chart, and the number that it stands for."""

    label: str
    height: str


def lay_out_chart(
    chart: Sequence[ChartDay], series: Sequence[SeriesRow], lang: Lang
) -> tuple[list[ChartColumn], list[ChartTick]]:
    """The columns and lines of a chart; its highest line is at or above the highest day."""
    highest = max((_total(day, series) for day in chart), default=0)
    step = tick_step(highest)
    lines = max(1, -(-highest // step))
    top = lines * step
    ticks = [ChartTick(label=_short(n * step, step, lang), height=_share(n, lines)) for n in range(lines + 1)]
    return [_column(day, series, top, lang) for day in chart], ticks


def tick_step(highest: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... with which few lines reach the highest value."""
    return next(step for step in _steps() if step * MOST_TICKS >= highest)


def _steps() -> Iterator[int]:
    for power in count():
        yield from (digit * 10**power for digit in (1, 2, 5))


def _column(day: ChartDay, series: Sequence[SeriesRow], top: int, lang: Lang) -> ChartColumn:
    there = [(entry, _tokens(day, entry)) for entry in series if _tokens(day, entry)]
    # Isolates, because a model's name runs left to right in a Persian line too.
    lines = [f"\u2068{entry.name}\u2069: {fmt.number(tokens, lang)}" for entry, tokens in there]
    return ChartColumn(
        label=str(day["day"]),
        about="\n".join([f"{day['day']}: {fmt.number(_total(day, series), lang)}", *lines]),
        segments=[
            ChartSegment(colour=entry.colour, height=_share(tokens, top)) for entry, tokens in reversed(there)
        ],
    )


def _tokens(day: ChartDay, entry: SeriesRow) -> int:
    return int(day.get(entry.key, 0))


def _total(day: ChartDay, series: Sequence[SeriesRow]) -> int:
    return sum(_tokens(day, entry) for entry in series)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%"


def _short(value: int, step: int, lang: Lang) -> str:
    for size, name in _UNITS:
        if value and step >= size:
            return text(f"number.{name}", lang, n=fmt.number(value // size, lang))
    return fmt.number(value, lang)
