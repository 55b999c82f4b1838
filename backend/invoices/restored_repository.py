"""SQL that tells what a restore to an earlier instant takes away, and finds what is issued again."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import text

from backend.actor import TenantId
from backend.db.engine import read
from backend.invoices.types import InvoiceId, IssuedDay
from backend.money import Rial

_ISSUED = """
SELECT day, count(*) AS invoices, sum(amount_rial)::bigint AS amount_rial,
       count(*) FILTER (WHERE status = 'paid') AS paid
FROM tenant_invoice WHERE coalesce(issued_at, created_at) >= :since GROUP BY day ORDER BY day
"""
_PAID = """
SELECT tenant_id, day FROM tenant_invoice WHERE created_at >= :since AND status = 'paid' ORDER BY day, tenant_id
"""
_AGAIN = """
SELECT i.id FROM tenant_invoice i JOIN unnest(CAST(:tenants AS uuid[]), CAST(:days AS date[])) AS w(tenant_id, day)
  ON w.tenant_id = i.tenant_id AND w.day = i.day
WHERE i.status = 'pending'
"""


def issued_since(since: datetime) -> list[IssuedDay]:
    """Invoices that were issued since an instant, by day."""
    with read() as connection:
        rows = connection.execute(text(_ISSUED), {"since": since})
        return [
            IssuedDay(day=row.day, invoices=row.invoices, amount_rial=Rial(row.amount_rial), paid=row.paid)
            for row in rows
        ]


def paid_since(since: datetime) -> list[tuple[TenantId, date]]:
    """Tenant and day of the invoices that were made and paid since an instant."""
    with read() as connection:
        rows = connection.execute(text(_PAID), {"since": since})
        return [(TenantId(row.tenant_id), row.day) for row in rows]


def pending_at(places: Sequence[tuple[TenantId, date]]) -> list[InvoiceId]:
    """The invoices of tenants and days that wait for money."""
    given = {"tenants": [tenant for tenant, _ in places], "days": [day for _, day in places]}
    with read() as connection:
        return [InvoiceId(each) for each in connection.scalars(text(_AGAIN), given)]
