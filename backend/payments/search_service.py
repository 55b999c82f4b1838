"""Lists over all companies, searched by any part of what a caller reads out; for staff."""

from collections.abc import Sequence

from backend.actor import STAFF_ROLES, Actor, TenantId, require_role
from backend.invoices import service as invoices_service
from backend.invoices.types import Status
from backend.money import Rial
from backend.payments import ledger_repository, search_repository
from backend.payments.search_types import (
    NO_ACCOUNT,
    CompanyAccount,
    FoundInvoice,
    InvoiceQuery,
    InvoicesFound,
    PaymentsFound,
)

MAX_PAGE = 100


def invoices(actor: Actor, query: InvoiceQuery, *, limit: int, offset: int = 0) -> InvoicesFound:
    """A page of everybody's invoices, the newest day first. For staff.

    Each word is looked for in the number, the company's names and label, the amount in toman and rial, and the
    tracking number, reference and visible card digits of every attempt to pay it.
    """
    require_role(actor, *STAFF_ROLES)
    ids, total = search_repository.invoices(query, _page(limit), max(0, offset))
    moved = ledger_repository.paid_on(ids)
    rows = [
        FoundInvoice(
            each, Rial(each.amount_rial - moved.get(each.id, 0)) if each.status is Status.PENDING else Rial(0)
        )
        for each in invoices_service.of_ids(actor, ids)
    ]
    return InvoicesFound(rows, total)


def payments(
    actor: Actor, wanted: str, *, tenant_id: TenantId | None = None, limit: int, offset: int = 0
) -> PaymentsFound:
    """A page of everybody's payments, or of one company's, the newest first. For staff.

    Each word is looked for in the tracking number, the reference, the visible card digits, the amount in toman and
    rial, the numbers of the invoices, and the company's names and label.
    """
    require_role(actor, *STAFF_ROLES)
    return PaymentsFound(*search_repository.payments(wanted, tenant_id, _page(limit), max(0, offset)))


def accounts(actor: Actor, tenant_ids: Sequence[TenantId]) -> dict[TenantId, CompanyAccount]:
    """What each of these companies owes, and its credit. For staff."""
    require_role(actor, *STAFF_ROLES)
    found = search_repository.accounts_of(tenant_ids)
    return {each: found.get(each, NO_ACCOUNT) for each in tenant_ids}


def _page(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))
