"""What is uncertain waits for an operator, and is then issued once."""

from datetime import date
from decimal import Decimal
from threading import Thread
from uuid import uuid4

import pytest
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.db.engine import read, transaction
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.invoices import service as invoices
from backend.invoices.types import HeldInvoice, InvoiceId, InvoiceStatus
from backend.money import charge
from backend.tenants.types import Tenant
from tests import factories
from tests.integration.invoices.conftest import COLD_RATE, Past

NIGHT = Actor.process_named("nightly_billing")
OPERATOR = factories.actor(Role.OPERATOR)


def held_on_the_cold_day(past: Past) -> tuple[Tenant, HeldInvoice]:
    tenant = factories.tenant("cold", billed_from=past.cold_day)
    invoices.bill_open_days(NIGHT)
    [held] = invoices.held(OPERATOR)
    return tenant, held


def count(table: str) -> int:
    with read() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def test_a_cold_start_is_held_without_number_price_or_mail(measured: Past) -> None:
    _, held = held_on_the_cold_day(measured)

    invoice = held.invoice
    assert (invoice.day, invoice.status, invoice.number) == (measured.cold_day, InvoiceStatus.HELD, None)
    assert (invoice.amount_rial, invoice.issued_at) == (0, None)
    assert "cold_start" in invoice.held_reasons
    # Scraped from 10:00 on: what was observed is 14 hours, and never the counter's whole past.
    assert invoice.tokens == 14 * 60 * COLD_RATE
    assert held.would_cost_rial == charge(invoice.tokens, Decimal(200))
    assert count("outbox_mail") == 3


def test_the_days_after_a_held_one_are_billed(measured: Past) -> None:
    tenant, _ = held_on_the_cold_day(measured)

    issued = [
        each for each in invoices.invoices_of(NIGHT, tenant.id).rows if each.status == InvoiceStatus.PENDING
    ]

    assert len(issued) == 3
    assert {each.tokens for each in issued} == {24 * 60 * COLD_RATE}


def test_a_released_invoice_gets_number_price_mail_and_an_audit_entry(measured: Past) -> None:
    tenant, held = held_on_the_cold_day(measured)

    released = invoices.release(OPERATOR, held.invoice.id, " seen in the customer's own books ")

    assert (released.status, released.tokens) == (InvoiceStatus.PENDING, held.invoice.tokens)
    assert released.number is not None
    assert released.number.endswith("-000004")
    page = invoices.invoices_of(NIGHT, tenant.id)
    assert sum(each.amount_rial for each in page.rows) == charge(
        sum(each.tokens for each in page.rows), Decimal(200)
    )
    lines = invoices.invoice(OPERATOR, released.id).lines
    assert sum(line.amount_rial for line in lines) == released.net_rial
    assert count("outbox_mail") == 4
    [entry] = audit.entries(OPERATOR, f"invoice:{released.id}")
    assert entry.event.action == "invoice.released"
    assert entry.event.detail["reason"] == "seen in the customer's own books"


def test_a_released_invoice_carries_the_tax_of_its_day(measured: Past) -> None:
    with transaction() as connection:
        connection.execute(
            text("INSERT INTO tax_rate VALUES (:day, 10, now(), 'test')"), {"day": measured.cold_day}
        )
    _, held = held_on_the_cold_day(measured)

    released = invoices.release(OPERATOR, held.invoice.id, "seen in the customer's own books")

    assert (released.tax_percent, released.tax_rial) == (10, (released.net_rial * 10 + 50) // 100)
    assert released.amount_rial == released.net_rial + released.tax_rial == held.would_cost_rial


def test_a_second_click_releases_nothing(measured: Past) -> None:
    _, held = held_on_the_cold_day(measured)
    invoices.release(OPERATOR, held.invoice.id, "looked at")

    with pytest.raises(Conflict):
        invoices.release(OPERATOR, held.invoice.id, "looked at")

    assert count("outbox_mail") == 4


def test_two_operators_at_once_release_once(measured: Past) -> None:
    _, held = held_on_the_cold_day(measured)
    outcomes: list[str] = []

    def click() -> None:
        try:
            outcomes.append(str(invoices.release(OPERATOR, held.invoice.id, "looked at").status))
        except AppError as error:
            outcomes.append(error.code)

    clicks = [Thread(target=click) for _ in range(6)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()

    assert sorted(outcomes) == ["conflict"] * 5 + ["pending"]
    assert count("outbox_mail") == 4


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501], ids=["none", "blank", "a novel"])
def test_a_release_wants_a_written_reason(measured: Past, reason: str) -> None:
    _, held = held_on_the_cold_day(measured)

    with pytest.raises(Invalid):
        invoices.release(OPERATOR, held.invoice.id, reason)

    assert [each.invoice.id for each in invoices.held(OPERATOR)] == [held.invoice.id]


@pytest.mark.parametrize(
    "actor",
    [factories.actor(Role.TENANT_ADMIN), factories.actor(Role.AUDITOR), NIGHT],
    ids=lambda actor: actor.name,
)
def test_only_operators_release(database: str, actor: Actor) -> None:
    with pytest.raises(Forbidden):
        invoices.release(actor, InvoiceId(uuid4()), "because")


def test_an_invoice_that_does_not_exist_cannot_be_released(database: str) -> None:
    with pytest.raises(NotFound):
        invoices.release(OPERATOR, InvoiceId(uuid4()), "because")


def test_a_tenant_sees_a_held_day_without_a_price(measured: Past) -> None:
    tenant, held = held_on_the_cold_day(measured)

    detail = invoices.invoice(factories.actor(Role.TENANT_VIEWER, tenant.id), held.invoice.id)

    assert {line.amount_rial for line in detail.lines} == {0}
    assert any("cold_start" in row.flags for row in detail.usage)
    assert isinstance(detail.invoice.day, date)
