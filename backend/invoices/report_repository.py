"""Every SQL statement that only reads invoices and runs."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, text

from backend.actor import TenantId
from backend.db.engine import read
from backend.invoices.model_repository import ModelKey, arrays_of
from backend.invoices.types import BillingRun, Invoice, InvoiceId, InvoiceLine, InvoiceStatus, RunState
from backend.money import Rial
from backend.usage.types import FallFigure

_INVOICE = """
SELECT i.id, i.tenant_id, t.name_fa AS tenant_name_fa, t.name_en AS tenant_name_en, i.day, i.number, i.tokens,
       i.amount, i.net_rial, i.tax_percent, i.tax_rial, i.amount_rial, i.status, i.held_reasons, i.coverage,
       i.price_version, i.window_start, i.window_end, i.timezone, i.tzdata_version, i.created_at, i.issued_at,
       i.zibal_track_id, i.paid_at, i.fall_figure
FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id
"""
_OF_TENANT = "WHERE i.tenant_id = :tenant AND (i.status = :status OR CAST(:status AS text) IS NULL)"

_PRICED = """
WHERE i.status = 'held' AND i.held_reasons = ARRAY['model_without_price'] AND NOT EXISTS (
  SELECT FROM invoice_line l
    JOIN unnest(CAST(:versions AS int[]), CAST(:models AS text[]), CAST(:types AS text[]))
      AS u (price_version, model, type) ON u.model = l.model AND u.type = l.type
  WHERE l.invoice_id = i.id AND u.price_version = i.price_version
)
"""

# A measured day is not whole if a tenant has tokens, or a held row, and no invoice. That happens only to a tenant that
# was added after the day was measured and is billed from before. So only such tenants and days are read. The hour
# covers clocks that differ, and tenants that are added during a measurement.
LEFT_OVER = """
SELECT DISTINCT m.day
FROM tenant t JOIN measured_day m
  ON m.day BETWEEN t.billed_from AND (t.created_at + interval '1 hour')::date
  AND m.measured_at < t.created_at + interval '1 hour'
WHERE m.day BETWEEN :first AND :last
  AND EXISTS (
    SELECT FROM daily_usage u WHERE u.day = m.day AND u.tenant = t.label AND (u.tokens > 0 OR u.held)
  )
  AND NOT EXISTS (SELECT FROM tenant_invoice i WHERE i.tenant_id = t.id AND i.day = m.day)
"""


def invoice(invoice_id: UUID) -> Invoice | None:
    """The invoice with this id; None when there is none."""
    with read() as connection:
        row = (
            connection.execute(text(f"{_INVOICE} WHERE i.id = :id"), {"id": invoice_id})
            .mappings()
            .one_or_none()
        )
        return _to_invoice(row) if row else None


def invoices_of(tenant_id: TenantId, limit: int, offset: int, status: InvoiceStatus | None) -> list[Invoice]:
    """A tenant's invoices with a status, or all of them, the newest day first."""
    statement = text(f"{_INVOICE} {_OF_TENANT} ORDER BY i.day DESC LIMIT :limit OFFSET :offset")
    with read() as connection:
        rows = connection.execute(
            statement, {"tenant": tenant_id, "status": status, "limit": limit, "offset": offset}
        )
        return [_to_invoice(row) for row in rows.mappings()]


def of_ids(invoice_ids: Sequence[UUID]) -> list[Invoice]:
    """Some invoices, the newest day first, then by the companies' labels."""
    statement = text(f"{_INVOICE} WHERE i.id IN :ids ORDER BY i.day DESC, t.label").bindparams(
        bindparam("ids", expanding=True)
    )
    if not invoice_ids:
        return []
    with read() as connection:
        return [
            _to_invoice(row) for row in connection.execute(statement, {"ids": list(invoice_ids)}).mappings()
        ]


def count_of(tenant_id: TenantId, status: InvoiceStatus | None) -> int:
    """Number of a tenant's invoices, of one status or of all."""
    statement = text(f"SELECT count(*) FROM tenant_invoice i {_OF_TENANT}")  # noqa: S608 - our own words
    with read() as connection:
        return int(connection.scalar(statement, {"tenant": tenant_id, "status": status}) or 0)


def net_by_day(tenant_id: TenantId, first: date, last: date) -> dict[date, Rial]:
    """Net amounts of a tenant's issued invoices, in rial, by day."""
    statement = text(
        "SELECT day, net_rial FROM tenant_invoice"
        " WHERE tenant_id = :tenant AND day BETWEEN :first AND :last AND number IS NOT NULL"
    )
    with read() as connection:
        rows = connection.execute(statement, {"tenant": tenant_id, "first": first, "last": last})
        return {row.day: Rial(row.net_rial) for row in rows}


def held(limit: int, offset: int) -> list[Invoice]:
    """A page of the invoices that wait for an operator, the oldest day first."""
    statement = text(
        f"{_INVOICE} WHERE i.status = 'held' ORDER BY i.day, t.label LIMIT :limit OFFSET :offset"
    )
    with read() as connection:
        rows = connection.execute(statement, {"limit": limit, "offset": offset})
        return [_to_invoice(row) for row in rows.mappings()]


def priced_days(unpriced: Sequence[ModelKey]) -> list[date]:
    """The days with invoices that waited for prices alone and have no line of these models, the oldest first."""
    statement = text(f"SELECT DISTINCT i.day FROM tenant_invoice i {_PRICED} ORDER BY i.day")  # noqa: S608 - our own words
    with read() as connection:
        return list(connection.scalars(statement, arrays_of(unpriced)))


def priced_on(day: date, unpriced: Sequence[ModelKey]) -> list[Invoice]:
    """A day's invoices that waited for prices alone and have no line of these models, by the tenants' labels."""
    statement = text(f"{_INVOICE} {_PRICED} AND i.day = :day ORDER BY t.label")
    with read() as connection:
        rows = connection.execute(statement, {**arrays_of(unpriced), "day": day})
        return [_to_invoice(row) for row in rows.mappings()]


def count_held() -> int:
    """Number of invoices that wait for an operator."""
    with read() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM tenant_invoice WHERE status = 'held'")) or 0)


def lines(invoice_ids: Sequence[UUID]) -> dict[UUID, list[InvoiceLine]]:
    """The lines of some invoices, by invoice; for each model prompt, cached prompt and completion, in this order."""
    statement = text(
        "SELECT invoice_id, model, type, tokens, rial_per_1000_tokens, amount_rial FROM invoice_line"
        " WHERE invoice_id = ANY(CAST(:ids AS uuid[])) ORDER BY invoice_id, model,"
        " array_position(ARRAY['prompt', 'cached_prompt', 'completion'], type), type"
    )
    found: dict[UUID, list[InvoiceLine]] = {}
    with read() as connection:
        for invoice_id, *line in connection.execute(statement, {"ids": list(invoice_ids)}):
            found.setdefault(invoice_id, []).append(InvoiceLine(*line))
        return found


def labels_released_with(day: date, figure: FallFigure) -> set[str]:
    """The labels of the tenants whose invoice of a day was released with a figure of meters that fell."""
    statement = text(
        "SELECT t.label FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id"
        " WHERE i.day = :day AND i.fall_figure = :figure"
    )
    with read() as connection:
        return set(connection.scalars(statement, {"day": day, "figure": figure.value}))


def runs(limit: int, offset: int) -> list[BillingRun]:
    """The newest attempts first."""
    statement = text("SELECT * FROM billing_run ORDER BY started_at DESC, id LIMIT :limit OFFSET :offset")
    with read() as connection:
        found = connection.execute(statement, {"limit": limit, "offset": offset})
        return [_to_run(row) for row in found.mappings()]


def count_runs() -> int:
    """Number of attempts to bill a day."""
    with read() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM billing_run")) or 0)


def last_end(state: RunState) -> datetime | None:
    """End of the last run that ended in this state; None when there is none."""
    statement = text("SELECT max(finished_at) FROM billing_run WHERE state = :state")
    with read() as connection:
        found: datetime | None = connection.scalar(statement, {"state": state.value})
        return found


def left_over_days(first: date, last: date) -> set[date]:
    """Measured days on which a known tenant used tokens and has no invoice."""
    with read() as connection:
        return set(connection.scalars(text(LEFT_OVER), {"first": first, "last": last}))


def _to_invoice(row: RowMapping) -> Invoice:
    values: dict[str, Any] = dict(row)
    values.update(
        id=InvoiceId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        status=InvoiceStatus(row["status"]),
        held_reasons=tuple(row["held_reasons"]),
        fall_figure=FallFigure(row["fall_figure"]) if row["fall_figure"] else None,
    )
    return Invoice(**values)


def _to_run(row: RowMapping) -> BillingRun:
    values: dict[str, Any] = dict(row)
    values.update(state=RunState(row["state"]), amount_rial=Rial(row["amount_rial"]))
    return BillingRun(**values)
