"""Every SQL statement that writes invoices, in bulk: COPY into empty places, one statement for each table otherwise."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from backend.actor import TenantId
from backend.clock import Window
from backend.db.copying import copy_rows
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.invoices import rules
from backend.invoices.models import BilledModelRow, BillingRunRow, InvoiceNumberRow, TenantInvoiceRow
from backend.invoices.types import (
    BilledTotal,
    BilledTotalKey,
    BillingRun,
    DayBill,
    InvoiceDraft,
    InvoiceId,
    InvoiceLine,
    InvoiceStatus,
)
from backend.usage.types import FallFigure

Issued = tuple[InvoiceId, str, InvoiceDraft]

INVOICE_COLUMNS = {
    "id": "uuid",
    "tenant_id": "uuid",
    "day": "date",
    "number": "text",
    "tokens": "int8",
    "net_rial": "int8",
    "tax_percent": "numeric",
    "tax_rial": "int8",
    "amount_rial": "int8",
    "status": "text",
    "held_reasons": "text[]",
    "coverage": "numeric",
    "price_version": "int4",
    "window_start": "timestamptz",
    "window_end": "timestamptz",
    "timezone": "text",
    "tzdata_version": "text",
    "created_at": "timestamptz",
    "issued_at": "timestamptz",
    "paid_at": "timestamptz",
}
LINE_COLUMNS = {
    "invoice_id": "uuid",
    "model": "text",
    "type": "text",
    "tokens": "int8",
    "rial_per_1000_tokens": "numeric",
    "amount_rial": "int8",
}
BILLED_TOTAL_COLUMNS = {
    "tenant_id": "uuid",
    "model": "text",
    "type": "text",
    "price_version": "int4",
    "tokens": "int8",
    "billed_rial": "int8",
}


def lock_issuing() -> None:
    """Wait for other transactions that issue invoices, and keep others out until this transaction ends."""
    with transaction() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LockNumber.ISSUING})


def take_numbers(jalali_year: int, count: int) -> list[str]:
    """The next numbers of a Jalali year, without a gap: they are given back when the transaction fails."""
    if count == 0:
        return []
    with transaction() as connection:
        last = connection.scalar(
            insert_or_skip(InvoiceNumberRow)
            .values(jalali_year=jalali_year, last=count)
            .on_conflict_do_update(
                index_elements=[InvoiceNumberRow.jalali_year], set_={"last": InvoiceNumberRow.last + count}
            )
            .returning(InvoiceNumberRow.last)
        )
        assert last is not None
        return [rules.number(jalali_year, sequence) for sequence in range(last - count + 1, last + 1)]


def billed_tenants(day: date) -> set[TenantId]:
    """The tenants that have an invoice of any status for a day."""
    with read() as connection:
        found = connection.scalars(select(TenantInvoiceRow.tenant_id).where(TenantInvoiceRow.day == day))
        return {TenantId(each) for each in found}


def most_tokens(first: date, before: date) -> dict[TenantId, int]:
    """The most tokens on one issued invoice of each tenant, for days from the first on and before another."""
    row = TenantInvoiceRow
    with read() as connection:
        found = connection.execute(
            select(row.tenant_id, func.max(row.tokens))
            .where(row.day >= first, row.day < before, row.number.is_not(None))
            .group_by(row.tenant_id)
        )
        return {TenantId(tenant_id): tokens for tenant_id, tokens in found}


def billed_totals(price_version: int, tenant_id: TenantId | None = None) -> dict[BilledTotalKey, BilledTotal]:
    """Billed totals under a price version, of all tenants or of one."""
    statement = (
        "SELECT tenant_id, model, type, tokens, billed_rial FROM billing_meter WHERE price_version = %s"
    )
    params: list[object] = [price_version]
    if tenant_id is not None:
        statement += " AND tenant_id = %s"
        params.append(tenant_id)
    with read() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor(binary=True) as cursor:
            found = cursor.execute(statement, params).fetchall()
        return {
            (tenant, model, kind): BilledTotal(tokens, rial) for tenant, model, kind, tokens, rial in found
        }


def number_all(bill: DayBill, year: int) -> list[Issued]:
    """Ids and the next numbers of a Jalali year for a day's issued invoices. A lock is held."""
    numbers = take_numbers(year, len(bill.issued))
    return [(InvoiceId(uuid4()), number, draft) for number, draft in zip(numbers, bill.issued, strict=True)]


def insert_bill(
    bill: DayBill,
    issued: Sequence[Issued],
    window: Window,
    now: datetime,
    *,
    zone: tuple[str, str],
) -> None:
    """Store a day's invoices and lines: the issued ones with their numbers, and the held ones."""
    held = [(InvoiceId(uuid4()), None, draft) for draft in bill.held]
    same = (bill.price_version, window.start, window.end, *zone, now)
    rows = [_to_row(invoice, bill, same) for invoice in (*issued, *held)]
    with transaction() as connection:
        copy_rows(connection, "tenant_invoice", INVOICE_COLUMNS, rows)
        lines = ((invoice_id, *line) for invoice_id, _, draft in (*issued, *held) for line in draft.lines)
        copy_rows(connection, "invoice_line", LINE_COLUMNS, lines)


def _to_row(
    invoice: tuple[InvoiceId, str | None, InvoiceDraft], bill: DayBill, same: tuple[object, ...]
) -> tuple[object, ...]:
    invoice_id, number, draft = invoice
    now = same[-1]
    amount = draft.amount_rial
    # What costs nothing, because it is less than a rial, is settled at once: nobody could ever pay it.
    is_settled = not draft.is_held and amount == 0
    status = (
        InvoiceStatus.HELD if draft.is_held else InvoiceStatus.PAID if is_settled else InvoiceStatus.PENDING
    )
    return (
        invoice_id,
        draft.tenant.id,
        bill.day,
        number,
        draft.tokens,
        draft.net_rial,
        bill.tax_percent,
        draft.tax_rial,
        amount,
        status.value,
        list(draft.held_reasons),
        draft.coverage,
        *same,
        None if draft.is_held else now,
        now if is_settled else None,
    )


def store_billed_totals(
    price_version: int,
    day: date,
    before: Mapping[BilledTotalKey, BilledTotal],
    after: Mapping[BilledTotalKey, BilledTotal],
) -> None:
    """Store the billed totals that a day changed. The issuing lock is held, so missing rows are still missing."""
    fresh: list[tuple[object, ...]] = []
    changed: list[tuple[object, ...]] = []
    for key, total in after.items():
        (changed if key in before else fresh).append((*key, price_version, *total))
    with transaction() as connection:
        _note_billed_models(price_version, day, {(model, kind) for _, model, kind in after})
        if fresh:
            copy_rows(connection, "billing_meter", BILLED_TOTAL_COLUMNS, fresh)
        if not changed:
            return
        connection.execute(
            text("CREATE TEMP TABLE moved_meter (LIKE billing_meter) ON COMMIT DROP"),
        )
        copy_rows(connection, "moved_meter", BILLED_TOTAL_COLUMNS, changed)
        connection.execute(
            text(
                "UPDATE billing_meter m SET tokens = n.tokens, billed_rial = n.billed_rial FROM moved_meter n"
                " WHERE (m.tenant_id, m.model, m.type, m.price_version)"
                " = (n.tenant_id, n.model, n.type, n.price_version)"
            )
        )


def _note_billed_models(price_version: int, day: date, models: set[tuple[str, str]]) -> None:
    new = insert_or_skip(BilledModelRow)
    earlier = new.on_conflict_do_update(
        index_elements=[BilledModelRow.price_version, BilledModelRow.model, BilledModelRow.type],
        set_={"first_day": new.excluded.first_day},
        where=BilledModelRow.first_day > new.excluded.first_day,
    )
    rows = [
        {"price_version": price_version, "model": model, "type": kind, "first_day": day}
        for model, kind in sorted(models)
    ]
    if rows:
        with transaction() as connection:
            connection.execute(earlier, rows)


def insert_run(run: BillingRun) -> None:
    """Store how an attempt ended."""
    with transaction() as connection:
        connection.execute(
            insert(BillingRunRow).values(
                id=run.id,
                day=run.day,
                started_by=run.started_by,
                state=run.state.value,
                started_at=run.started_at,
                finished_at=run.finished_at,
                issued=run.issued,
                held=run.held,
                unknown_labels=run.unknown_labels,
                tokens=run.tokens,
                amount_rial=run.amount_rial,
                error=run.error,
            )
        )


def issue_held(
    invoice_id: UUID, draft: InvoiceDraft, *, number: str, now: datetime, figure: FallFigure | None = None
) -> None:
    """Turn a held invoice into an issued one: number, tokens, prices and money."""
    is_settled = draft.amount_rial == 0
    with transaction() as connection:
        connection.execute(
            update(TenantInvoiceRow)
            .where(TenantInvoiceRow.id == invoice_id, TenantInvoiceRow.status == InvoiceStatus.HELD.value)
            .values(
                number=number,
                fall_figure=figure,
                tokens=draft.tokens,
                net_rial=draft.net_rial,
                tax_rial=draft.tax_rial,
                amount_rial=draft.amount_rial,
                status=(InvoiceStatus.PAID if is_settled else InvoiceStatus.PENDING).value,
                issued_at=now,
                paid_at=now if is_settled else None,
            )
        )
        connection.execute(
            text(
                "INSERT INTO invoice_line (invoice_id, model, type, tokens, rial_per_1000_tokens, amount_rial)"
                " VALUES (:id, :model, :type, :tokens, :rate, :rial) ON CONFLICT (invoice_id, model, type)"
                " DO UPDATE SET tokens = EXCLUDED.tokens, amount_rial = EXCLUDED.amount_rial,"
                " rial_per_1000_tokens = EXCLUDED.rial_per_1000_tokens"
            ),
            [_priced(invoice_id, line) for line in draft.lines],
        )


def hold_otherwise(invoice_id: UUID, reasons: Sequence[str]) -> None:
    """Replace the reasons for which a held invoice waits."""
    with transaction() as connection:
        connection.execute(
            update(TenantInvoiceRow)
            .where(TenantInvoiceRow.id == invoice_id, TenantInvoiceRow.status == InvoiceStatus.HELD.value)
            .values(held_reasons=list(reasons))
        )


def close_held(invoice_id: UUID, figure: FallFigure | None = None) -> None:
    """Close a held invoice that has nothing to bill; it never gets a number."""
    with transaction() as connection:
        connection.execute(
            update(TenantInvoiceRow)
            .where(TenantInvoiceRow.id == invoice_id, TenantInvoiceRow.status == InvoiceStatus.HELD.value)
            .values(status=InvoiceStatus.VOID.value, fall_figure=figure)
        )


def _priced(invoice_id: UUID, line: InvoiceLine) -> dict[str, object]:
    return {
        "id": invoice_id,
        "model": line.model,
        "type": line.type,
        "tokens": line.tokens,
        "rial": line.amount_rial,
        "rate": line.rial_per_1000_tokens,
    }
