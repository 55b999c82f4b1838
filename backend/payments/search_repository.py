"""SQL that searches all companies' invoices and payments for staff."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, text

from backend.actor import TenantId
from backend.db.engine import read
from backend.db.search import Searched, matching, words_of
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.repository import with_allocations
from backend.payments.search_types import CompanyAccount, InvoiceQuery
from backend.payments.types import Attempt

# Amounts are found as people read them, in toman, and as the bank writes them, in rial.
_INVOICE = Searched(codes=("i.number", "i.amount_rial::text", "(i.amount_rial / 10)::text"))
_ATTEMPT = Searched(
    codes=(
        "a.track_id::text",
        "a.ref_number",
        "a.card_mask",
        "a.amount_rial::text",
        "(a.amount_rial / 10)::text",
    )
)
# ``Attempt.begun_at`` in SQL.
_BEGUN_AT = "coalesce(a.redirected_at, a.created_at)"
_COMPANY = Searched(names=("t.name_fa", "t.name_en", "t.label"))
_COMPANY_OF = "{row}.tenant_id IN (SELECT t.id FROM tenant t WHERE {{matches}})"
_NEAR_INVOICE = {
    _COMPANY_OF.format(row="i"): _COMPANY,
    "i.id IN (SELECT l.invoice_id FROM payment_allocation l JOIN payment_attempt a ON a.id = l.attempt_id"
    " WHERE {matches})": Searched(codes=("a.track_id::text", "a.ref_number", "a.card_mask")),
}
_NEAR_ATTEMPT = {
    _COMPANY_OF.format(row="a"): _COMPANY,
    "a.id IN (SELECT l.attempt_id FROM payment_allocation l JOIN tenant_invoice i ON i.id = l.invoice_id"
    " WHERE {matches})": Searched(codes=("i.number",)),
}


def invoices(query: InvoiceQuery, limit: int, offset: int) -> tuple[list[InvoiceId], int]:
    """The ids of a page of invoices, the newest day first, and how many match in all."""
    condition, known = matching(words_of(query.wanted), _INVOICE, _NEAR_INVOICE)
    filters: dict[str, Any] = {
        "status": query.status.value if query.status else None,
        "tenant_id": query.tenant_id,
        "day": query.day,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    where = " AND ".join([*[f"i.{name} = :{name}" for name in given], condition])
    # Every row is looked at once, for the page and for the count.
    statement = text(
        f"WITH found AS MATERIALIZED (SELECT i.id, i.day, i.tenant_id FROM tenant_invoice i WHERE {where})"  # noqa: S608 - our own columns
        " SELECT f.id, (SELECT count(*) FROM found) FROM found f JOIN tenant t ON t.id = f.tenant_id"
        " ORDER BY f.day DESC, t.label LIMIT :limit OFFSET :offset"
    )
    with read() as connection:
        rows = connection.execute(statement, {**known, **given, "limit": limit, "offset": offset}).all()
        if not rows and offset:
            return [], _count(connection, f"tenant_invoice i WHERE {where}", {**known, **given})
    return [InvoiceId(row[0]) for row in rows], int(rows[0][1]) if rows else 0


def payments(wanted: str, tenant_id: TenantId | None, limit: int, offset: int) -> tuple[list[Attempt], int]:
    """A page of the attempts at payments, the newest first, and how many match in all."""
    condition, known = matching(words_of(wanted), _ATTEMPT, _NEAR_ATTEMPT)
    given: dict[str, Any] = {"tenant_id": tenant_id} if tenant_id else {}
    where = " AND ".join([*[f"a.{name} = :{name}" for name in given], condition])
    statement = text(
        f"WITH found AS MATERIALIZED (SELECT a.id, {_BEGUN_AT} AS begun_at FROM payment_attempt a WHERE {where})"  # noqa: S608 - our own columns
        " SELECT f.id, (SELECT count(*) FROM found) FROM found f"
        " ORDER BY f.begun_at DESC, f.id LIMIT :limit OFFSET :offset"
    )
    page = text(
        f"SELECT * FROM payment_attempt a WHERE id IN :ids ORDER BY {_BEGUN_AT} DESC, id"  # noqa: S608 - our own columns
    ).bindparams(bindparam("ids", expanding=True))
    with read() as connection:
        rows = connection.execute(statement, {**known, **given, "limit": limit, "offset": offset}).all()
        if not rows:
            known = {**known, **given}
            return [], _count(connection, f"payment_attempt a WHERE {where}", known) if offset else 0
        found = connection.execute(page, {"ids": [row[0] for row in rows]}).all()
        return with_allocations(found), int(rows[0][1])


def _count(connection: Connection, found: str, known: dict[str, Any]) -> int:
    """Number of matches, for a page that lies behind the last one."""
    return int(connection.scalar(text(f"SELECT count(*) FROM {found}"), known) or 0)  # noqa: S608 - our own columns


def accounts_of(tenant_ids: Sequence[TenantId]) -> dict[TenantId, CompanyAccount]:
    """Due amounts and credit of companies; companies without an invoice or a movement are missing."""
    statement = text(
        "SELECT t.id, count(i.id), coalesce(sum(i.amount_rial + coalesce(l.moved, 0)), 0),"
        " coalesce((SELECT sum(amount_rial) FROM tenant_ledger WHERE tenant_id = t.id), 0)"
        " FROM tenant t LEFT JOIN tenant_invoice i ON i.tenant_id = t.id AND i.status = 'pending'"
        " LEFT JOIN LATERAL (SELECT sum(amount_rial) AS moved FROM tenant_ledger WHERE invoice_id = i.id) l ON true"
        " WHERE t.id IN :ids GROUP BY t.id"
    ).bindparams(bindparam("ids", expanding=True))
    if not tenant_ids:
        return {}
    with read() as connection:
        rows = connection.execute(statement, {"ids": list(tenant_ids)})
        return {
            TenantId(tenant_id): CompanyAccount(count, Rial(int(due)), int(credit))
            for tenant_id, count, due, credit in rows
        }
