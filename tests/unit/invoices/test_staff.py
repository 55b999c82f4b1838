"""What operators decide by: plans, differences, and what a held invoice costs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from backend.actor import TenantId
from backend.invoices import rules
from backend.invoices.types import (
    BilledTotal,
    DayBill,
    Difference,
    Invoice,
    InvoiceDraft,
    InvoiceId,
    InvoiceLine,
    InvoiceStatus,
)
from backend.money import Rial
from backend.pricing.types import PriceList
from tests.unit.invoices.test_rules import DAY, bill, row, tenant

PRICES = PriceList(
    version=1,
    valid_from=DAY,
    rial_per_1000_tokens=Decimal(200),
    overrides={("gpt-small", "completion"): Decimal(900)},
)


def test_differences_say_what_was_stored_what_is_measured_and_what_that_costs() -> None:
    stored = [row("same", 5), row("more", 10_000), row("fewer", 9_000, kind="completion"), row("gone", 5_000)]
    measured = [
        row("same", 5),
        row("more", 15_000),
        row("fewer", 8_000, kind="completion"),
        row("new", 1_000),
    ]

    assert rules.differences(stored, measured, PRICES) == [
        Difference("fewer", "gpt-small", "completion", 9_000, 8_000, -900),
        Difference("gone", "gpt-small", "prompt", 5_000, 0, -1_000),
        Difference("more", "gpt-small", "prompt", 10_000, 15_000, 1_000),
        Difference("new", "gpt-small", "prompt", 0, 1_000, 200),
    ]


def test_two_types_of_one_model_differ_by_themselves() -> None:
    stored = [row("a", 1_000), row("a", 1_000, kind="completion")]
    measured = [row("a", 1_000), row("a", 3_000, kind="completion")]

    [one] = rules.differences(stored, measured, PRICES)

    assert (one.type, one.amount_rial) == ("completion", 1_800)


@pytest.mark.parametrize("new", [True, False])
def test_a_plan_sums_a_day_up(new: bool) -> None:
    rows = [
        row("t1", 1_000_000),
        row("t2", 500_000),
        row("t3", 7, held=True, flags=("cold_start",)),
        row("x", 9),
    ]
    day: DayBill = bill(rows, tenant(1), tenant(2), tenant(3))

    plan = rules.to_day_plan(day, new=new, error="unavailable.prometheus")

    assert (plan.day, plan.tenants, plan.tokens, plan.amount_rial) == (DAY, 2, day.tokens, 300_000)
    assert (plan.held, plan.unknown_labels, plan.new, plan.error) == (
        1,
        ("x",),
        new,
        "unavailable.prometheus",
    )
    assert rules.to_day_plan(day, new=new).error is None


def test_a_day_is_due_when_its_last_samples_have_had_time_to_arrive() -> None:
    end, wait = datetime(2026, 11, 22, 20, 30, tzinfo=UTC), timedelta(minutes=10)

    assert rules.is_due(end, end + wait, wait)
    assert not rules.is_due(end, end + wait - timedelta(microseconds=1), wait)


LINES = [
    InvoiceLine("gpt-small", "prompt", 7_004, Decimal(200), 0),
    InvoiceLine("gpt-small", "completion", 1_000, Decimal(900), 0),
]


def test_lines_without_a_price_would_cost_the_sum_of_their_charges_and_its_tax() -> None:
    assert rules.would_cost(LINES, Decimal(0)) == 1_400 + 900
    assert rules.would_cost(LINES, Decimal("9.5")) == 2_300 + 219


def held_invoice(tenant_id: TenantId) -> Invoice:
    return Invoice(
        id=InvoiceId(UUID(int=9)), tenant_id=tenant_id, tenant_name_fa="آلفا", tenant_name_en="Alpha", day=DAY,
        number=None, tokens=8_004, amount=Decimal(0), net_rial=Rial(0), tax_percent=Decimal(10), tax_rial=Rial(0),
        amount_rial=Rial(0), status=InvoiceStatus.HELD, held_reasons=("cold_start",), coverage=Decimal("0.5"),
        price_version=1, window_start=datetime(2026, 11, 21, tzinfo=UTC), window_end=datetime(2026, 11, 22, tzinfo=UTC),
        timezone="Asia/Tehran", tzdata_version="x", created_at=datetime(2026, 11, 22, tzinfo=UTC), issued_at=None,
        zibal_track_id=None, paid_at=None,
    )  # fmt: skip


def test_an_invoice_names_its_tenant_in_the_readers_language() -> None:
    invoice = held_invoice(tenant(1).id)

    assert (invoice.tenant_name("fa"), invoice.tenant_name("en")) == ("آلفا", "Alpha")


def test_a_held_invoice_is_priced_with_its_own_days_prices_and_tax_and_moves_its_meters() -> None:
    own = tenant(1)
    prompt, completion = ((own.id, "gpt-small", kind) for kind in ("prompt", "completion"))
    held = held_invoice(own.id)

    draft, moved = rules.price_held(held, own, LINES, {prompt: BilledTotal(996, 199)})

    assert draft == InvoiceDraft(
        tenant=own,
        tokens=8_004,
        net_rial=Rial(2_301),
        tax_rial=Rial(230),
        coverage=Decimal("0.5"),
        lines=[
            InvoiceLine("gpt-small", "prompt", 7_004, Decimal(200), 1_401),
            InvoiceLine("gpt-small", "completion", 1_000, Decimal(900), 900),
        ],
    )
    assert moved == {prompt: BilledTotal(8_000, 1_600), completion: BilledTotal(1_000, 900)}


def test_a_day_is_billed_past_a_tenant_that_was_billed_before() -> None:
    own, other = tenant(1), tenant(2)

    day = bill([row("t1", 1_000), row("t2", 1_000)], own, other, billed=frozenset({own.id}))

    assert [each.tenant for each in day.issued] == [other]
    assert (day.day, day.price_version, day.tax_percent) == (DAY, 1, Decimal(0))


def test_a_held_draft_keeps_its_tenant_its_lowest_coverage_and_that_it_is_held() -> None:
    rows = [
        row("t1", 5, held=True, flags=("cold_start",))._replace(coverage=Decimal("0.7")),
        row("t1", 5, kind="completion")._replace(coverage=Decimal("0.9")),
    ]

    [draft] = bill(rows, tenant(1), prices=PRICES).held

    assert (draft.tenant, draft.coverage, draft.is_held) == (tenant(1), Decimal("0.7"), True)
    assert sorted((line.type, line.rial_per_1000_tokens) for line in draft.lines) == [
        ("completion", Decimal(900)),
        ("prompt", Decimal(200)),
    ]


def test_an_issued_draft_keeps_its_lowest_coverage_and_names_what_it_bills() -> None:
    rows = [row("t1", 5_000), row("t1", 5_000, kind="completion")._replace(coverage=Decimal("0.96"))]

    [draft] = bill(rows, tenant(1), prices=PRICES).issued

    assert draft.coverage == Decimal("0.96")
    assert sorted(draft.lines) == [
        InvoiceLine("gpt-small", "completion", 5_000, Decimal(900), 4_500),
        InvoiceLine("gpt-small", "prompt", 5_000, Decimal(200), 1_000),
    ]


def test_a_days_bill_moves_the_meters_of_every_tenant() -> None:
    day = bill([row("t1", 1_000), row("t2", 2_000)], tenant(1), tenant(2), prices=PRICES)

    assert {key[0]: meter.tokens for key, meter in day.billed_totals.items()} == {
        tenant(1).id: 1_000,
        tenant(2).id: 2_000,
    }
