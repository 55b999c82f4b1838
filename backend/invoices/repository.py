"""Every SQL statement that writes invoices, in bulk: COPY into empty places, one statement for each table otherwise."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from backend.actor import TenantId
from backend.clock import Window
from backend.db.copying import copy_rows
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.invoices import rules
from backend.invoices.models import (
    BilledModelRow,
    BillingRunRow,
    InvoiceLineRow,
    InvoiceNumberRow,
    TenantInvoiceRow,
)
from backend.invoices.types import (
    BilledTotal,
    BilledTotalKey,
    BillingRun,
    DayBill,
    InvoiceDraft,
    InvoiceId,
    InvoiceStatus,
    WaitingInvoice,
)
from backend.usage.types import FallFigure

Issued = tuple[InvoiceId, str, InvoiceDraft]
InvoiceIds = Mapping[TenantId, InvoiceId]
"""Ids of invoices that were held, and are billed anew."""
NEW_IDS: InvoiceIds = {}

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


def billed_totals(
    price_version: int, tenant_ids: Sequence[TenantId] | None = None
) -> dict[BilledTotalKey, BilledTotal]:
    """Billed totals under a price version, of all tenants or of some."""
    statement = (
        "SELECT tenant_id, model, type, tokens, billed_rial FROM billing_meter WHERE price_version = %s"
    )
    params: list[object] = [price_version]
    if tenant_ids is not None:
        statement += " AND tenant_id = ANY(%s)"
        params.append(list(tenant_ids))
    with read() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor(binary=True) as cursor:
            found = cursor.execute(statement, params).fetchall()
        return {
            (tenant, model, kind): BilledTotal(tokens, rial) for tenant, model, kind, tokens, rial in found
        }


def number_all(bill: DayBill, year: int, ids: InvoiceIds = NEW_IDS) -> list[Issued]:
    """Ids and the next numbers of a Jalali year for a day's issued invoices. A lock is held."""
    numbers = take_numbers(year, len(bill.issued))
    return [(_id_of(draft, ids), number, draft) for number, draft in zip(numbers, bill.issued, strict=True)]


def _id_of(draft: InvoiceDraft, ids: InvoiceIds) -> InvoiceId:
    return ids.get(draft.tenant.id) or InvoiceId(uuid4())


def insert_bill(
    bill: DayBill,
    issued: Sequence[Issued],
    window: Window,
    now: datetime,
    *,
    zone: tuple[str, str],
    ids: InvoiceIds = NEW_IDS,
) -> None:
    """Store a day's invoices and lines: the issued ones with their numbers, and the held ones."""
    held = [(_id_of(draft, ids), None, draft) for draft in bill.held]
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
    status = InvoiceStatus.HELD if draft.is_held else _issued_status(draft)
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
        now if status is InvoiceStatus.PAID else None,
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


_ISSUE_HELD = """
UPDATE tenant_invoice i
SET number = n.number, fall_figure = :figure, tokens = n.tokens, net_rial = n.net_rial, tax_rial = n.tax_rial,
  amount_rial = n.amount_rial, status = n.status, issued_at = :now,
  paid_at = CASE WHEN n.status = 'paid' THEN CAST(:now AS timestamptz) END
FROM unnest(
  CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:tokens AS bigint[]), CAST(:net AS bigint[]),
  CAST(:tax AS bigint[]), CAST(:amounts AS bigint[]), CAST(:statuses AS text[])
) AS n (id, number, tokens, net_rial, tax_rial, amount_rial, status)
WHERE i.id = n.id AND i.status = 'held'
"""
_PRICE_LINES = """
INSERT INTO invoice_line (invoice_id, model, type, tokens, rial_per_1000_tokens, amount_rial)
SELECT * FROM unnest(
  CAST(:ids AS uuid[]), CAST(:models AS text[]), CAST(:types AS text[]), CAST(:tokens AS bigint[]),
  CAST(:rates AS numeric[]), CAST(:amounts AS bigint[])
)
ON CONFLICT (invoice_id, model, type) DO UPDATE SET tokens = EXCLUDED.tokens,
  amount_rial = EXCLUDED.amount_rial, rial_per_1000_tokens = EXCLUDED.rial_per_1000_tokens
"""


def issue_held(issued: Sequence[Issued], now: datetime, figure: FallFigure | None = None) -> None:
    """Turn held invoices into issued ones: number, tokens, prices and money."""
    drafts = [draft for _, _, draft in issued]
    invoices = {
        "ids": [invoice_id for invoice_id, _, _ in issued],
        "numbers": [number for _, number, _ in issued],
        "tokens": [draft.tokens for draft in drafts],
        "net": [draft.net_rial for draft in drafts],
        "tax": [draft.tax_rial for draft in drafts],
        "amounts": [draft.amount_rial for draft in drafts],
        "statuses": [_issued_status(draft).value for draft in drafts],
    }
    lines = [(invoice_id, *line) for invoice_id, _, draft in issued for line in draft.lines]
    names = ("ids", "models", "types", "tokens", "rates", "amounts")
    with transaction() as connection:
        connection.execute(text(_ISSUE_HELD), {**invoices, "figure": figure, "now": now})
        connection.execute(
            text(_PRICE_LINES),
            {name: [line[place] for line in lines] for place, name in enumerate(names)},
        )


def _issued_status(draft: InvoiceDraft) -> InvoiceStatus:
    # What costs nothing, because it is less than a rial, is settled at once: nobody could ever pay it.
    return InvoiceStatus.PENDING if draft.amount_rial else InvoiceStatus.PAID


def hold_otherwise(held: Sequence[tuple[InvoiceId, Sequence[str]]]) -> None:
    """Replace the reasons for which held invoices wait."""
    statement = text(
        "UPDATE tenant_invoice SET held_reasons = CAST(:reasons AS text[]) WHERE id = :id AND status = 'held'"
    )
    if held:
        with transaction() as connection:
            connection.execute(
                statement, [{"id": invoice_id, "reasons": list(reasons)} for invoice_id, reasons in held]
            )


def waiting_for_scan(day: date) -> list[WaitingInvoice]:
    """The invoices of a day that are held because it was not scanned, perhaps among other reasons."""
    statement = text(
        "SELECT i.id, i.tenant_id, t.label FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id"
        " WHERE i.day = :day AND i.status = 'held' AND 'not_scanned' = ANY(i.held_reasons)"
    )
    with read() as connection:
        return [WaitingInvoice._make(row) for row in connection.execute(statement, {"day": day})]


def delete_held(invoice_ids: Sequence[InvoiceId]) -> None:
    """Delete held invoices, which have no number and which nobody else has seen, to bill their usage anew."""
    row, line = TenantInvoiceRow, InvoiceLineRow
    with transaction() as connection:
        connection.execute(delete(line).where(line.invoice_id.in_(invoice_ids)))
        connection.execute(delete(row).where(row.id.in_(invoice_ids), row.status == InvoiceStatus.HELD.value))


def close_held(invoice_id: UUID, figure: FallFigure | None = None) -> None:
    """Close a held invoice that has nothing to bill; it never gets a number."""
    with transaction() as connection:
        connection.execute(
            update(TenantInvoiceRow)
            .where(TenantInvoiceRow.id == invoice_id, TenantInvoiceRow.status == InvoiceStatus.HELD.value)
            .values(status=InvoiceStatus.VOID.value, fall_figure=figure)
        )
