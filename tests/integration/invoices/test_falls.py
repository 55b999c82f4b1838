"""An invoice of a day with a fall waits between two figures, and is issued with the one that an operator chose."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.clock import day_window
from backend.errors import Invalid
from backend.invoices import billing_service, fall_rules
from backend.invoices import service as invoices
from backend.invoices.__main__ import main as command
from backend.invoices.types import Invoice, InvoiceStatus
from backend.money import charge
from backend.tenants.types import Tenant
from backend.usage import service as usage
from backend.usage.types import (
    ClosedIncarnation,
    DayMeasurement,
    FallFigure,
    MeterFall,
    MeterReading,
    OpeningSource,
    UsageFlag,
    UsageRow,
)
from tests import factories
from tests.integration.invoices.bills import evident_tokens, lines_of

NIGHT = Actor.process_named("nightly_billing")
OPERATOR = factories.actor(Role.OPERATOR)
PRICE = Decimal(200)
MODEL = "gpt-4o"
FLAGS = (UsageFlag.COUNTER_FELL.value,)


def yesterday() -> date:
    return clock.billing_day(clock.utc_now()) - timedelta(days=1)


def a_day_with_falls(tenant: Tenant, day: date, **figures: tuple[int, int]) -> DayMeasurement:
    """A measured day of one process whose meters fell; each type with the least and the most of it."""
    window = day_window(day)
    at, start = window.start + timedelta(hours=1), window.start - timedelta(days=3)
    meters = {kind: (tenant.label, MODEL, kind, "pod:1", start) for kind in figures}
    return DayMeasurement(
        day=day,
        window=window,
        measured_at=window.end + timedelta(minutes=30),
        rows=[
            UsageRow(tenant.label, MODEL, kind, least, Decimal(1), 0, True, FLAGS)
            for kind, (least, _) in figures.items()
        ],
        readings=[
            MeterReading(*meter, 600_000, window.start, OpeningSource.SCRAPED, 1_000_000, window.end)
            for meter in meters.values()
        ],
        falls=[
            MeterFall(*meter, "fell", 1, 600_000, window.start, 1_000_000, at, *figures[kind])
            for kind, meter in meters.items()
        ],
        series=len(figures),
        incarnations=[ClosedIncarnation("pod:1", start, window.end)],
    )


def held_with_falls(**figures: tuple[int, int]) -> Invoice:
    """The invoice of yesterday that waits because of them."""
    day = yesterday()
    tenant = factories.tenant("acme", billed_from=day)
    measured = a_day_with_falls(tenant, day, **figures)
    found = billing_service.DayUsage(
        day=day, window=measured.window, rows=measured.rows, measurement=measured
    )
    billing_service.store(NIGHT, found, {tenant.label: tenant}, started_by="test", started_at=clock.utc_now())
    [held] = invoices.held(OPERATOR)
    return held.invoice


def day_total(invoice: Invoice) -> int:
    return sum(row.tokens for row in usage.daily(NIGHT, invoice.tenant_id, invoice.day, invoice.day))


@pytest.mark.parametrize(
    ("figure", "prompt", "completion"),
    [
        pytest.param(FallFigure.LEAST, 1_200_000, 0, id="the least"),
        pytest.param(FallFigure.MOST, 1_300_000, 7_003, id="the most"),
    ],
)
def test_lines_totals_and_usage_follow_the_figure_that_was_chosen(
    database: str, figure: FallFigure, prompt: int, completion: int
) -> None:
    held = held_with_falls(prompt=(1_200_000, 1_300_000), completion=(0, 7_003))
    assert (held.held_reasons, held.tokens) == (FLAGS, 1_200_000)

    released = invoices.release(OPERATOR, held.id, "looked at", figure)

    detail = invoices.invoice(OPERATOR, held.id)
    assert {line.type: line.tokens for line in detail.lines if line.tokens} == {
        kind: tokens for kind, tokens in (("prompt", prompt), ("completion", completion)) if tokens
    }
    assert (released.status, released.fall_figure) == (InvoiceStatus.PENDING, figure)
    assert released.tokens == prompt + completion == day_total(held)
    assert released.net_rial == charge(prompt, PRICE) + charge(completion, PRICE)
    [entry] = audit.entries(OPERATOR, f"invoice:{held.id}")
    assert entry.event.detail["figure"] == figure.value


@pytest.mark.parametrize("figure", list(FallFigure))
def test_the_stored_evidence_of_a_released_invoice_gives_its_lines(database: str, figure: FallFigure) -> None:
    held = held_with_falls(prompt=(1_200_000, 1_300_000), completion=(5, 7_003))

    invoices.release(OPERATOR, held.id, "looked at", figure)

    detail = invoices.invoice(OPERATOR, held.id)
    assert detail.invoice.fall_figure is figure
    assert evident_tokens(detail, figure) == lines_of(detail)


@pytest.mark.parametrize("figure", list(FallFigure))
def test_the_day_after_costs_what_its_total_costs_more(database: str, figure: FallFigure) -> None:
    """No rounding is lost or made by the choice: the sum of both invoices is the price of all their tokens."""
    held = held_with_falls(prompt=(1_003, 1_011))
    first = invoices.release(OPERATOR, held.id, "looked at", figure)
    tenant = factories.tenant("other", billed_from=yesterday())
    assert tenant.id != held.tenant_id

    totals = billing_service.basis_of(NIGHT, held.day).billed_totals

    assert totals[held.tenant_id, MODEL, "prompt"] == (first.tokens, first.net_rial)


def test_the_command_shows_both_figures_and_issues_with_one(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    held = held_with_falls(prompt=(1_200_000, 1_300_000))

    assert command(["held"]) == 0
    shown = capsys.readouterr().out
    assert command(["release", str(held.id), "--reason", "looked at"]) == 1
    refused = capsys.readouterr().err
    assert command(["release", str(held.id), "--reason", "looked at", "--figure", "most"]) == 0

    assert "least: 1200000 tokens, 240000 Rial  most: 1300000 tokens, 260000 Rial" in shown
    assert "two figures" in refused
    assert "1300000 tokens, 260000 Rial" in capsys.readouterr().out
    [entry] = audit.entries(OPERATOR, f"invoice:{held.id}")
    assert entry.event.detail["figure"] == "most"


def test_without_a_choice_nothing_is_issued(database: str) -> None:
    held = held_with_falls(prompt=(1_200_000, 1_300_000))

    with pytest.raises(Invalid) as refused:
        invoices.release(OPERATOR, held.id, "looked at")

    assert refused.value.data["reason"] == "figure_not_chosen"
    [still] = invoices.held(OPERATOR)
    assert still.invoice.fall_figure is None


def test_figures_that_agree_need_no_choice(database: str) -> None:
    held = held_with_falls(prompt=(9_000, 9_000))

    assert invoices.release(OPERATOR, held.id, "looked at").tokens == 9_000


def test_a_day_whose_least_is_nothing_is_closed_with_the_least_and_billed_with_the_most(
    database: str,
) -> None:
    held = held_with_falls(prompt=(0, 170))

    closed = invoices.release(OPERATOR, held.id, "never used", FallFigure.LEAST)

    assert (closed.status, closed.number, closed.fall_figure) == (InvoiceStatus.VOID, None, FallFigure.LEAST)


def test_a_day_with_nothing_proven_is_billed_where_the_most_was_chosen(database: str) -> None:
    held = held_with_falls(prompt=(0, 170))

    issued = invoices.release(OPERATOR, held.id, "their own books say so", FallFigure.MOST)

    assert (issued.status, issued.tokens, issued.net_rial) == (InvoiceStatus.PENDING, 170, charge(170, PRICE))


def test_a_second_measurement_is_held_against_the_figure_that_was_chosen(database: str) -> None:
    held = held_with_falls(prompt=(1_200_000, 1_300_000))
    invoices.release(OPERATOR, held.id, "looked at", FallFigure.MOST)
    tenant_label = "acme"
    again = a_day_with_falls(
        invoices.invoice(OPERATOR, held.id).tenant, held.day, prompt=(1_200_000, 1_300_000)
    )

    [row] = fall_rules.as_released(again.rows, again.falls, {tenant_label})

    assert row.tokens == day_total(held) == 1_300_000


def test_nobody_chooses_between_two_equal_figures(database: str) -> None:
    held = held_with_falls(prompt=(1_200_000, 1_200_000))

    [waiting] = invoices.held(OPERATOR)
    released = invoices.release(OPERATOR, held.id, "looked at", None)

    assert waiting.figures == ()
    assert (released.status, released.tokens) == (InvoiceStatus.PENDING, 1_200_000)
