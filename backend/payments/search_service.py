"""Searches over the payments and invoices of all companies, by any part of a number or name; for staff."""

from collections.abc import Sequence

from backend.actor import STAFF_ROLES, Actor, TenantId, require_role
from backend.invoices import service as invoices_service
from backend.invoices.types import InvoicePage
from backend.payments import search_repository
from backend.payments.search_types import (
    NO_ACCOUNT,
    CompanyAccount,
    InvoiceQuery,
    PaymentsFound,
)

MAX_PAGE = 100


def invoices(actor: Actor, query: InvoiceQuery, *, limit: int, offset: int = 0) -> InvoicePage:
    """A page of all invoices, the newest day first. For staff.

    Each word is looked for in the number, the company's names and label, the amount in toman and rial, and the
    tracking number, reference and visible card digits of every attempt to pay it.
    """
    require_role(actor, *STAFF_ROLES)
    ids, total = search_repository.invoices(query, _page(limit), max(0, offset))
    return InvoicePage(rows=invoices_service.of_ids(actor, ids), total=total)


def payments(
    actor: Actor, wanted: str, *, tenant_id: TenantId | None = None, limit: int, offset: int = 0
) -> PaymentsFound:
    """A page of all payments, or of a company's, the newest first. For staff.

    Each word is looked for in the tracking number, the reference, the visible card digits, the amount in toman and
    rial, the numbers of the invoices, and the company's names and label.
    """
    require_role(actor, *STAFF_ROLES)
    return PaymentsFound(*search_repository.payments(wanted, tenant_id, _page(limit), max(0, offset)))


def accounts(actor: Actor, tenant_ids: Sequence[TenantId]) -> dict[TenantId, CompanyAccount]:
    """Due amounts and credit of these companies. For staff."""
    require_role(actor, *STAFF_ROLES)
    found = search_repository.accounts_of(tenant_ids)
    return {each: found.get(each, NO_ACCOUNT) for each in tenant_ids}


def _page(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))
