"""Rows of the usage page: formatted strings in the reader's language."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.pricing import estimate_rules
from backend.pricing.types import Amount
from backend.usage.types import HOLDING, DailyUsage, DayMeasurement, UsageFlag, UsageRow
from portal.components.reasons import Reason

COLOURS = tuple(f"var(--s{n})" for n in range(6))
OTHERS = len(COLOURS) - 1

ChartDay = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """A closed day."""

    key: str
    day: str
    prompt: str
    cached_prompt: str
    completion: str
    total: str
    cost: str
    coverage: str
    flags: list[Reason]
    month: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """A model in the chart: its key in the data, its name and its colour."""

    key: str
    name: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayView:
    """Today so far."""

    tokens: str = ""
    cost: str = ""
    by_type: str = ""
    as_of: str = ""
    flags: list[Reason] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthView:
    """The current month so far: the Jalali month in Persian, the Gregorian month in English."""

    name: str = ""
    span: str = ""
    tokens: str = ""
    cost: str = ""


def by_day(usage: Iterable[DailyUsage]) -> dict[date, list[DailyUsage]]:
    """Rows grouped by their day."""
    grouped: dict[date, list[DailyUsage]] = defaultdict(list)
    for row in usage:
        grouped[row.day].append(row)
    return grouped


def settling(days: Sequence[date], lang: Lang) -> str:
    """Sentence about days that have ended and are not in the table yet; empty when there is none."""
    if len(days) > 1:
        named = fmt.listed([fmt.day(day, lang) for day in days], lang)
        return text("page.usage.settling_days", lang, days=named)
    return text("page.usage.settling_day", lang, day=fmt.day(days[0], lang)) if days else ""


def to_month(total: Amount, since: date, until: date, lang: Lang) -> MonthView:
    """The month's tiles, from its first day to today."""
    return MonthView(
        name=fmt.month(since, lang),
        span=text(
            "page.usage.month_span", lang, first=fmt.short_day(since, lang), last=fmt.short_day(until, lang)
        ),
        tokens=fmt.number(total.tokens, lang),
        cost=fmt.toman(total.rial, lang),
    )


def to_today(measured: DayMeasurement, total: Amount, lang: Lang) -> TodayView:
    """Today's tile."""
    tokens = _by_type(measured.rows)
    return TodayView(
        tokens=fmt.number(total.tokens, lang),
        cost=fmt.toman(total.rial, lang),
        by_type=text(
            "page.usage.by_type",
            lang,
            prompt=fmt.number(tokens["prompt"], lang),
            cached=fmt.number(tokens["cached_prompt"], lang),
            completion=fmt.number(tokens["completion"], lang),
        ),
        as_of=fmt.clock_time(measured.measured_at, lang),
        flags=[*_waiting(total, lang), *to_flags(_flags(measured.rows) - {UsageFlag.OPEN}, lang)],
    )


def to_day(
    day: date, rows: Sequence[DailyUsage], total: Amount, lang: Lang, *, free_until: date | None = None
) -> DayRow:
    """A line of the table. ``free_until`` is the first day that is billed, where this one came before it."""
    tokens = _by_type(rows)
    coverage = min((row.coverage for row in rows), default=Decimal(1))
    return DayRow(
        key=day.isoformat(),
        day=fmt.day(day, lang),
        prompt=fmt.number(tokens["prompt"], lang),
        cached_prompt=fmt.number(tokens["cached_prompt"], lang),
        completion=fmt.number(tokens["completion"], lang),
        total=fmt.number(total.tokens, lang),
        cost=fmt.toman_bare(total.rial, lang),
        coverage=fmt.percent_in_column(coverage, lang),
        flags=[*_waiting(total, lang), *_free(free_until, lang), *to_flags(_flags(rows), lang)],
    )


def _waiting(total: Amount, lang: Lang) -> list[Reason]:
    """A remark on tokens that are in no cost yet."""
    if not total.waiting_tokens:
        return []
    sentence = text("page.usage.no_price", lang, tokens=fmt.number(total.waiting_tokens, lang))
    return [Reason(name=text("page.usage.no_price_name", lang), sentence=sentence)]


def _free(until: date | None, lang: Lang) -> list[Reason]:
    """A remark on a day that is on no invoice, because billing began later."""
    if until is None:
        return []
    sentence = text("page.usage.not_billed", lang, day=fmt.day(until, lang))
    return [Reason(name=text("page.usage.not_billed_name", lang), sentence=sentence)]


def with_months(days: Mapping[date, DayRow], amounts: Mapping[date, Amount], lang: Lang) -> list[DayRow]:
    """The lines of the table, each with the name and the sum of its month.

    The sum is that of the listed days: of the first and the last month there may be more.
    """
    listed = {day: amounts[day] for day in days}
    sums = estimate_rules.amounts_by(listed, lambda day: fmt.month(day, lang))
    words = {name: _month_words(name, total, lang) for name, total in sums.items()}
    return [replace(row, month=words[fmt.month(day, lang)]) for day, row in days.items()]


def first_of_months(days: Sequence[DayRow]) -> list[DayRow]:
    """The lines of one page, with their month's words on the first line of each month only."""
    before = ["", *(row.month for row in days)]
    return [
        replace(row, month="" if row.month == last else row.month)
        for row, last in zip(days, before, strict=False)
    ]


def _month_words(name: str, total: Amount, lang: Lang) -> str:
    return text(
        "page.usage.month_sum",
        lang,
        month=name,
        tokens=fmt.number(total.tokens, lang),
        cost=fmt.toman(total.rial, lang),
    )


def to_flags(flags: Iterable[str], lang: Lang) -> list[Reason]:
    """Flags with their sentences; those that hold an invoice come first."""
    known = sorted((flag for flag in UsageFlag if flag in set(flags)), key=lambda flag: flag not in HOLDING)
    return [
        Reason(
            name=text(f"usage.flag_name.{flag}", lang),
            sentence=text(f"usage.flag.{flag}", lang),
            tone="warn" if flag in HOLDING else "info",
        )
        for flag in known
    ]


def to_chart(
    days: Mapping[date, list[DailyUsage]], last: date, count: int, lang: Lang
) -> tuple[list[ChartDay], list[SeriesRow]]:
    """The days' bars, stacked by model; the largest models by name, the rest together."""
    totals: Counter[str] = Counter()
    for rows in days.values():
        for row in rows:
            totals[row.model] += row.tokens
    models = [model for model, _ in totals.most_common()]
    place = {model: min(n, OTHERS) for n, model in enumerate(models)}
    chart: list[ChartDay] = []
    for day in (last - timedelta(days=n) for n in range(count - 1, -1, -1)):
        stacked: Counter[str] = Counter()
        for row in days.get(day, ()):
            stacked[f"s{place[row.model]}"] += row.tokens
        chart.append({"day": fmt.short_day(day, lang), **stacked})
    return chart, _series(models, lang)


def _series(models: Sequence[str], lang: Lang) -> list[SeriesRow]:
    names = list(models[:OTHERS])
    if len(models) > OTHERS:
        names.append(models[OTHERS] if len(models) == OTHERS + 1 else text("page.usage.other_models", lang))
    return [SeriesRow(key=f"s{n}", name=name, colour=COLOURS[n]) for n, name in enumerate(names)]


def _by_type(rows: Iterable[DailyUsage | UsageRow]) -> Counter[str]:
    tokens: Counter[str] = Counter()
    for row in rows:
        tokens[row.type] += row.tokens
    return tokens


def _flags(rows: Iterable[DailyUsage | UsageRow]) -> set[str]:
    return {flag for row in rows for flag in row.flags}
