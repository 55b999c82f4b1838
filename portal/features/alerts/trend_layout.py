"""The small chart's geometry: from measured values to shares of its height, so that the browser only lays out boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from backend.alerts.types import TrendPoint
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text

_LABEL_EVERY = 12
_DIGITS = 3
_LARGE = 10_000
# Nobody measures less, and a little below it there is no power of ten any more.
_SMALLEST = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendColumn:
    """A step in time: its height, its label where it has one, and its tooltip."""

    label: str
    about: str
    height: str
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendTick:
    """A line across the chart, and the number that it stands for."""

    label: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendLayout:
    """The laid out chart; ``limit`` is empty where there is none."""

    columns: list[TrendColumn]
    ticks: list[TrendTick]
    limit: str
    limit_height: str


def lay_out_trend(points: Sequence[TrendPoint], limit: float | None, lang: Lang) -> TrendLayout:
    """The columns of a chart that begins at zero. Values below zero have no height; their tooltip tells them."""
    values = [point.value for point in points if point.value is not None]
    top = _round_up(max([*values, limit or 0.0, 0.0]) * 1.05)
    return TrendLayout(
        columns=[_column(point, place, top, limit, lang) for place, point in enumerate(points)],
        ticks=[TrendTick(label=_number(top * part / 2, lang), height=_share(part, 2)) for part in range(3)],
        limit="" if limit is None else text("page.alerts.limit", lang, n=_number(limit, lang)),
        limit_height="" if limit is None else _share(limit, top),
    )


def _column(point: TrendPoint, place: int, top: float, limit: float | None, lang: Lang) -> TrendColumn:
    at = fmt.clock_time(point.at, lang)
    value = "—" if point.value is None else _number(point.value, lang)
    return TrendColumn(
        label=at if place % _LABEL_EVERY == 0 else "",
        about=f"{at}: \u2068{value}\u2069",
        height=_share(point.value or 0.0, top),
        is_over=point.value is not None and limit is not None and point.value > limit,
    )


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... in any power of ten; 1 for nothing."""
    if value < _SMALLEST:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value))


def _share(part: float, whole: float) -> str:
    return f"{100 * min(1.0, max(0.0, part / whole)):.2f}%"


def _number(value: float, lang: Lang) -> str:
    if abs(value) >= _LARGE:
        return fmt.digits(f"{value:,.0f}", lang)
    plain = f"{value:.{_DIGITS}g}"
    return fmt.digits(plain if "e" not in plain else f"{value:.6f}".rstrip("0").rstrip("."), lang)
