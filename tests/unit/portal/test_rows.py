from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices.types import BillingRun, DayPlan, RunState
from backend.money import Rial
from backend.pricing.types import Amount
from backend.usage.types import DailyUsage, MeterReading, OpeningSource
from portal.features.accounts.rows import device
from portal.features.billing import rows as billing
from portal.features.invoices import rows as invoices
from portal.features.usage import rows as usage

DAY = date(2026, 11, 22)


def used(model: str, tokens: int, kind: str = "prompt", flags: tuple[str, ...] = ()) -> DailyUsage:
    return DailyUsage(DAY, model, kind, tokens, Decimal("0.9987"), 0, False, flags)


def test_a_day_shows_tokens_by_type_in_persian_digits() -> None:
    rows = [used("a", 1200), used("a", 34, "completion")]
    row = usage.to_day(DAY, rows, Amount(tokens=1234, rial=246), "fa")

    assert (row.day, row.prompt, row.completion, row.total) == ("۱ آذر ۱۴۰۵", "۱٬۲۰۰", "۳۴", "۱٬۲۳۴")
    assert row.cost == "۲۴٫۶"
    assert row.coverage == "۹۹٫۸۷٪"


def test_flags_that_hold_an_invoice_come_first_and_speak_plainly() -> None:
    rows = [used("a", 1, flags=("duplicate_scrape", "low_coverage"))]
    row = usage.to_day(DAY, rows, Amount(tokens=1), "en")

    assert [flag.tone for flag in row.flags] == ["warn", "info"]
    assert row.flags[0].name == "Low coverage"


def test_the_chart_has_each_day_once_and_the_smallest_models_together() -> None:
    days = {DAY: [used(f"model-{n}", 100 - n) for n in range(8)]}

    chart, series = usage.to_chart(days, DAY, 30, "en")

    assert len(chart) == 30
    assert [entry.name for entry in series[:2]] == ["model-0", "model-1"]
    assert series[-1].name == "Other models"
    assert chart[-1]["s5"] == 95 + 94 + 93


def test_the_month_so_far_names_its_days() -> None:
    month = usage.to_month(Amount(tokens=1500, rial=300), DAY, date(2026, 11, 24), "en")

    assert (month.tokens, month.cost) == ("1,500", "30 Toman")
    assert (month.name, month.span) == ("Nov 2026", "22 Nov to 24 Nov")


def test_the_month_is_the_readers_own() -> None:
    month = usage.to_month(Amount(), DAY, date(2026, 11, 24), "fa")

    assert (month.name, month.span) == ("آذر ۱۴۰۵", "۱ آذر تا ۳ آذر")


@pytest.mark.parametrize(
    ("rates", "shown"),
    [
        pytest.param(["200.000000"], ["20"], id="whole"),
        pytest.param(["205.500000", "200"], ["20.55", "20.00"], id="in line"),
        pytest.param(["1000000"], ["100,000"], id="large"),
        pytest.param([], [], id="none"),
    ],
)
def test_prices_have_as_many_decimals_as_the_finest_of_them(rates: list[str], shown: list[str]) -> None:
    assert invoices.to_prices([Decimal(rate) for rate in rates], "en") == shown


@pytest.mark.parametrize(
    "reason",
    [
        "unavailable.prometheus",
        "unavailable.prometheus_unauthorized",
        "unavailable.somebody_new",
        "unknown",
        "no.such.key",
    ],
)
@pytest.mark.parametrize("lang", ["fa", "en"])
def test_every_stored_reason_of_a_failed_run_becomes_a_sentence(reason: str, lang: str) -> None:
    sentence = billing.failure(reason, "fa" if lang == "fa" else "en")

    assert len(sentence) > 20
    assert reason not in sentence


def test_a_run_that_failed_by_our_credentials_says_so() -> None:
    assert "401" in billing.failure("unavailable.prometheus_unauthorized", "en")


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x64) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Edge · Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604", "Safari · iPhone"),
        ("<script>alert(1)</script>", "scriptalert(1)/script"),
        ("", ""),
    ],
)
def test_a_browser_is_told_in_two_words_and_never_in_its_own(agent: str, shown: str) -> None:
    assert device(agent) == shown


@pytest.mark.parametrize(
    ("zone", "lang", "shown"),
    [
        pytest.param("Asia/Tehran", "fa", "تهران", id="Persian"),
        pytest.param("Asia/Tehran", "en", "Tehran", id="English"),
        pytest.param("Asia/Dubai", "fa", "\u2066Asia/Dubai\u2069", id="one without a name of ours"),
    ],
)
def test_a_time_zone_is_called_as_people_call_it(zone: str, lang: Lang, shown: str) -> None:
    assert invoices.timezone_name(zone, lang) == shown


def test_a_plan_says_in_words_where_the_run_would_fail() -> None:
    day = DayPlan(
        day=DAY, tenants=0, tokens=0, amount_rial=Rial(0), held=0, unknown_labels=(), new=True,
        error="unavailable.no_processes",
    )  # fmt: skip

    assert "no processes on this day" in billing.to_plan(day, "en").measured
    assert billing.to_plan(replace(day, error=None), "en").measured == "Measured just now"
    unseen = billing.to_plan(replace(day, error=None, is_scanned=False), "en").measured
    assert unseen == "Measured just now; not scanned yet"


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_the_sums_of_months_are_the_sums_of_the_listed_days(lang: Lang) -> None:
    days = [date(2026, 11, 24) - timedelta(days=n) for n in range(40)]
    amounts = {day: Amount(tokens=1000 + day.day, rial=day.month * 10) for day in days}
    listed = usage.with_months(
        {day: usage.to_day(day, [], amounts[day], lang) for day in days}, amounts, lang
    )

    heads = {row.month for row in listed}
    pages = [usage.first_of_months(listed[:20]), usage.first_of_months(listed[20:])]

    months = {fmt.month(day, lang) for day in days}
    expected = {
        text(
            "page.usage.month_sum",
            lang,
            month=month,
            tokens=fmt.number(
                sum(amounts[day].tokens for day in days if fmt.month(day, lang) == month), lang
            ),
            cost=fmt.toman(sum(amounts[day].rial for day in days if fmt.month(day, lang) == month), lang),
        )
        for month in months
    }
    assert heads == expected
    for page in pages:
        shown = [row.month for row in page if row.month]
        assert page[0].month != ""
        assert len(shown) == len(set(shown))


@pytest.mark.parametrize(
    ("lang", "second"), [("fa", "۲ آذر ۱۴۰۵، ۰۳:۰۰:۰۷"), ("en", "23 Nov 2026, 03:00:07")]
)
def test_a_run_and_a_reading_show_their_second(lang: Lang, second: str) -> None:
    at = datetime(2026, 11, 22, 23, 30, 7, tzinfo=UTC)
    run = BillingRun(
        id=uuid4(),
        day=DAY,
        started_by="nightly_billing",
        state=RunState.RUNNING,
        started_at=at,
        finished_at=None,
    )
    reading = MeterReading("a", "gpt", "prompt", "10.0.0.1:8000", at, 0, at, OpeningSource.BORN, 5, at)
    row = invoices.to_reading(reading, 5, lang)

    assert {billing.to_run(run, lang).started, row.incarnation_start, row.opened_at, row.closed_at} == {
        second
    }
