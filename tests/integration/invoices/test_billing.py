"""From Prometheus to invoices: every closed day once, in order, exact to the token and the rial."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor, Role, TenantId
from backend.db.engine import read, transaction
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.invoices import service as invoices
from backend.invoices.types import Invoice, InvoiceStatus, RunState
from backend.money import charge
from backend.tenants.types import Tenant
from tests import factories
from tests.integration.invoices.conftest import Past
from tests.integration.invoices.rows import all_rows

NIGHT = Actor.process_named("nightly_billing")
OPERATOR = factories.actor(Role.OPERATOR)


def days_of(tenant: Tenant) -> dict[date, Invoice]:
    page = invoices.invoices_of(NIGHT, tenant.id, limit=200)
    return {invoice.day: invoice for invoice in page.rows}


def days_before(last: date, count: int) -> list[date]:
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]


def test_every_closed_day_of_the_window_is_billed_in_order(measured: Past) -> None:
    alpha = factories.tenant("alpha")

    runs = invoices.bill_open_days(NIGHT)

    window = days_before(measured.yesterday, 10)
    assert [run.day for run in runs] == window
    assert {run.state for run in runs} == {RunState.FINISHED}
    billed = days_of(alpha)
    assert sorted(billed) == window
    assert {day: invoice.tokens for day, invoice in billed.items()} == {
        day: measured.tokens("alpha", day) for day in window
    }
    year = clock.jalali_year(clock.billing_day(clock.utc_now()))
    assert [billed[day].number for day in window] == [f"{year}-{number:06d}" for number in range(1, 11)]


def test_the_sum_of_invoices_is_the_price_of_the_sum_of_tokens(measured: Past) -> None:
    alpha = factories.tenant("alpha")

    invoices.bill_open_days(NIGHT)

    window = days_before(measured.yesterday, 10)
    per_type = [
        sum(measured.tokens("alpha", day, kind) for day in window) for kind in ("prompt", "completion")
    ]
    assert sum(invoice.amount_rial for invoice in days_of(alpha).values()) == sum(
        charge(tokens, Decimal(200)) for tokens in per_type
    )
    assert all(invoice.amount == Decimal(invoice.amount_rial) / 10 for invoice in days_of(alpha).values())


def test_a_second_run_writes_not_one_row(measured: Past) -> None:
    factories.tenant("alpha")
    invoices.bill_open_days(NIGHT)
    before = all_rows()

    assert invoices.bill_open_days(NIGHT) == []
    assert invoices.bill_day(NIGHT, measured.yesterday) is None
    assert all_rows() == before


def test_three_missed_nights_are_caught_up_in_order(measured: Past) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.yesterday - timedelta(days=5))
    for back in (5, 4, 3):
        invoices.bill_day(NIGHT, measured.yesterday - timedelta(days=back))

    runs = invoices.bill_open_days(NIGHT)

    assert [run.day for run in runs] == days_before(measured.yesterday, 3)
    numbers = [invoice.number for _, invoice in sorted(days_of(alpha).items())]
    assert numbers == sorted(numbers, key=str)
    assert len(set(numbers)) == 6


def test_nobody_is_billed_before_the_first_billed_day_or_without_usage(measured: Past) -> None:
    late = factories.tenant("alpha", billed_from=measured.yesterday)
    idle = factories.tenant("idle")
    factories.tenant("beta", billed_from=measured.yesterday - timedelta(days=2))

    invoices.bill_open_days(NIGHT)

    assert list(days_of(late)) == [measured.yesterday]
    assert days_of(idle) == {}


def test_a_label_that_is_mapped_later_is_billed_for_the_days_of_the_window(measured: Past) -> None:
    factories.tenant("alpha", billed_from=measured.yesterday - timedelta(days=2))
    first = invoices.bill_open_days(NIGHT)
    assert {run.unknown_labels for run in first} == {3}

    ghost = factories.tenant("ghost", billed_from=measured.yesterday - timedelta(days=1))
    measured.prometheus.stop()
    try:
        runs = invoices.bill_open_days(NIGHT)
    finally:
        measured.prometheus.start()

    assert [(run.day, run.issued) for run in runs] == [(day, 1) for day in days_before(measured.yesterday, 2)]
    assert {day: invoice.tokens for day, invoice in days_of(ghost).items()} == {
        day: measured.tokens("ghost", day) for day in days_before(measured.yesterday, 2)
    }


def test_a_new_price_holds_from_its_day_in_the_middle_of_the_window(measured: Past) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.yesterday - timedelta(days=3))
    change = measured.yesterday - timedelta(days=1)
    with transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO price_list (valid_from, rial_per_1000_tokens, created_at, created_by)"
                " VALUES (:day, 500, now(), 'test')"
            ),
            {"day": change},
        )

    invoices.bill_open_days(NIGHT)

    billed = days_of(alpha)
    assert [billed[day].price_version for day in sorted(billed)] == [1, 1, 2, 2]
    for version, rate in ((1, 200), (2, 500)):
        days = [day for day, invoice in billed.items() if invoice.price_version == version]
        expected = sum(
            charge(sum(measured.tokens("alpha", day, kind) for day in days), Decimal(rate))
            for kind in ("prompt", "completion")
        )
        assert sum(billed[day].net_rial for day in days) == expected


def test_what_a_run_did_is_kept_as_it_was_told(measured: Past) -> None:
    factories.tenant("alpha", billed_from=measured.cold_day)
    factories.tenant("cold", billed_from=measured.cold_day)

    told = invoices.bill_open_days(NIGHT)

    assert invoices.runs(OPERATOR) == sorted(told, key=lambda run: run.started_at, reverse=True)
    first = min(told, key=lambda run: run.day)
    assert (first.issued, first.held, first.unknown_labels, first.error) == (1, 1, 2, None)
    assert first.tokens == measured.tokens("alpha", measured.cold_day)
    assert first.amount_rial == charge(first.tokens, Decimal(200))


def test_tax_stands_apart_and_is_part_of_the_amount(measured: Past) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.yesterday)
    with transaction() as connection:
        connection.execute(
            text("INSERT INTO tax_rate VALUES (:day, 10, now(), 'test')"), {"day": measured.yesterday}
        )

    invoices.bill_open_days(NIGHT)

    [invoice] = days_of(alpha).values()
    assert invoice.tax_percent == 10
    assert invoice.tax_rial == (invoice.net_rial * 10 + 50) // 100
    assert invoice.amount_rial == invoice.net_rial + invoice.tax_rial


def test_a_plan_says_what_a_run_then_does_and_writes_nothing(measured: Past) -> None:
    factories.tenant("alpha", billed_from=measured.yesterday - timedelta(days=2))
    before = all_rows()

    plan = invoices.plan(OPERATOR)

    assert all_rows() == before
    runs = invoices.bill_open_days(OPERATOR, plan_hash=plan.plan_hash)
    assert [(each.day, each.tenants, each.tokens, each.amount_rial) for each in plan.days] == [
        (run.day, run.issued, run.tokens, run.amount_rial) for run in runs
    ]
    assert {each.unknown_labels for each in plan.days} == {("beta", "cold", "ghost")}


def test_a_plan_that_is_no_longer_true_is_not_carried_out(measured: Past) -> None:
    factories.tenant("alpha", billed_from=measured.yesterday)
    plan = invoices.plan(OPERATOR)
    factories.tenant("beta", billed_from=measured.yesterday)

    with pytest.raises(Conflict):
        invoices.bill_open_days(OPERATOR, plan_hash=plan.plan_hash)

    assert invoices.runs(OPERATOR) == []


def test_a_day_that_has_not_ended_cannot_be_billed(measured: Past) -> None:
    factories.tenant("alpha")

    with pytest.raises(Invalid):
        invoices.bill_day(OPERATOR, measured.yesterday + timedelta(days=1))


def test_each_invoice_mails_its_tenant_once(measured: Past) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.yesterday)

    invoices.bill_open_days(NIGHT)
    invoices.bill_open_days(NIGHT)

    [invoice] = days_of(alpha).values()
    with read() as connection:
        [mail] = connection.execute(text("SELECT * FROM outbox_mail")).mappings()
    assert (mail["key"], mail["recipient"]) == (f"invoice_issued:{invoice.id}", alpha.billing_email)
    assert (mail["template"], mail["language"]) == ("invoice_issued", "fa")
    assert mail["params"] == {
        "number": invoice.number,
        "day": measured.yesterday.isoformat(),
        "tokens": invoice.tokens,
        "amount_rial": invoice.amount_rial,
        "tenant_name": alpha.name_fa,
        "invoice_id": str(invoice.id),
    }


def test_an_invoice_shows_lines_readings_and_usage_that_agree(measured: Past) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.yesterday)
    invoices.bill_open_days(NIGHT)
    [stored] = days_of(alpha).values()

    detail = invoices.invoice(factories.actor(Role.TENANT_VIEWER, alpha.id), stored.id)

    assert sum(line.tokens for line in detail.lines) == stored.tokens
    assert sum(line.amount_rial for line in detail.lines) == stored.net_rial
    assert sum(reading.closing - reading.opening for reading in detail.readings) == stored.tokens
    assert sum(row.tokens for row in detail.usage) == stored.tokens


def test_another_tenants_invoice_does_not_exist(measured: Past) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.yesterday)
    invoices.bill_open_days(NIGHT)
    [stored] = days_of(alpha).values()
    stranger = factories.actor(Role.TENANT_ADMIN)

    with pytest.raises(NotFound):
        invoices.invoice(stranger, stored.id)
    with pytest.raises(NotFound):
        invoices.invoices_of(stranger, alpha.id)


@pytest.mark.parametrize(
    "actor",
    [
        factories.actor(Role.TENANT_ADMIN),
        factories.actor(Role.TENANT_VIEWER),
        factories.actor(Role.AUDITOR),
        Actor(name="nobody"),
    ],
    ids=lambda actor: actor.name,
)
def test_only_operators_and_the_night_bill(database: str, actor: Actor) -> None:
    with pytest.raises(Forbidden):
        invoices.bill_open_days(actor)
    with pytest.raises(Forbidden):
        invoices.bill_day(actor, date(2026, 1, 1))


def test_a_tenants_list_is_paged_newest_first(measured: Past) -> None:
    alpha = factories.tenant("alpha")
    invoices.bill_open_days(NIGHT)
    reader = factories.actor(Role.TENANT_VIEWER, alpha.id)

    page = invoices.invoices_of(reader, TenantId(alpha.id), limit=4, offset=8)

    assert page.total == 10
    assert [invoice.day for invoice in page.rows] == days_before(measured.yesterday, 10)[1::-1]
    assert {invoice.status for invoice in page.rows} == {InvoiceStatus.PENDING}
