"""SQL that searches all companies' invoices and payments for staff."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, text

from backend.actor import TenantId
from backend.db.engine import read
from backend.db.search import matching, words_of
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.repository import with_allocations
from backend.payments.search_types import CompanyAccount, InvoiceQuery
from backend.payments.types import Attempt

_COMPANY = ("t.name_fa", "t.name_en", "t.label")
# Amounts are found as people read them, in toman, and as the bank writes them, in rial.
_ATTEMPT = (
    "a.track_id::text",
    "a.ref_number",
    "a.card_mask",
    "a.amount_rial::text",
    "(a.amount_rial / 10)::text",
)
_INVOICE = ("i.number", "i.amount_rial::text", "(i.amount_rial / 10)::text")
_ATTEMPTS_AT = {
    "i.id IN (SELECT l.invoice_id FROM payment_allocation l JOIN payment_attempt a ON a.id = l.attempt_id"
    " WHERE {matches})": ("a.track_id::text", "a.ref_number", "a.card_mask")
}
_PAID_FOR = {
    "a.id IN (SELECT l.attempt_id FROM payment_allocation l JOIN tenant_invoice i ON i.id = l.invoice_id"
    " WHERE {matches})": ("i.number",)
}


def invoices(query: InvoiceQuery, limit: int, offset: int) -> tuple[list[InvoiceId], int]:
    """The ids of a page of invoices, the newest day first, and how many match in all."""
    condition, parameters = matching(words_of(query.wanted), [*_INVOICE, *_COMPANY], related=_ATTEMPTS_AT)
    filters: dict[str, Any] = {
        "status": query.status.value if query.status else None,
        "tenant_id": query.tenant_id,
        "day": query.day,
    }
    filters = {name: value for name, value in filters.items() if value is not None}
    given = [f"i.{name} = :{name}" for name in filters]
    where = " AND ".join([*given, condition])
    found = f"FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id WHERE {where}"
    ids = text(f"SELECT i.id {found} ORDER BY i.day DESC, t.label LIMIT :limit OFFSET :offset")
    count = text(f"SELECT count(*) {found}")
    known = {**parameters, **filters}
    with read() as connection:
        total = int(connection.scalar(count, known) or 0)
        page = connection.scalars(ids, {**known, "limit": limit, "offset": offset})
        return [InvoiceId(each) for each in page], total


def payments(wanted: str, tenant_id: TenantId | None, limit: int, offset: int) -> tuple[list[Attempt], int]:
    """A page of the attempts at payments, the newest first, and how many match in all."""
    condition, parameters = matching(words_of(wanted), [*_ATTEMPT, *_COMPANY], related=_PAID_FOR)
    where = f"{condition} AND a.tenant_id = :tenant_id" if tenant_id else condition
    found = f"FROM payment_attempt a JOIN tenant t ON t.id = a.tenant_id WHERE {where}"
    page = text(f"SELECT a.* {found} ORDER BY a.created_at DESC, a.id LIMIT :limit OFFSET :offset")
    count = text(f"SELECT count(*) {found}")
    known = {**parameters, "tenant_id": tenant_id} if tenant_id else {**parameters}
    with read() as connection:
        total = int(connection.scalar(count, known) or 0)
        rows = connection.execute(page, {**known, "limit": limit, "offset": offset}).all()
        return with_allocations(connection, rows), total


def accounts_of(tenant_ids: Sequence[TenantId]) -> dict[TenantId, CompanyAccount]:
    """What some companies owe and their credit, by company; one without an invoice or a movement is missing."""
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
