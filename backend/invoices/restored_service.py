"""Use cases of a restore: which invoices it takes away, and which of those were issued again."""

from collections.abc import Sequence
from datetime import date, datetime

from backend.actor import OPERATOR_ROLES, Actor, TenantId, require_process, require_role_or_process
from backend.invoices import restored_repository
from backend.invoices.types import InvoiceId, IssuedDay


def issued_since(actor: Actor, since: datetime) -> list[IssuedDay]:
    """Invoices that were issued since an instant, by day. For operators and processes."""
    require_role_or_process(actor, *OPERATOR_ROLES)
    return restored_repository.issued_since(since)


def paid_since(actor: Actor, since: datetime) -> list[tuple[TenantId, date]]:
    """Tenant and day of the invoices that were made and paid since an instant. For processes."""
    require_process(actor)
    return restored_repository.paid_since(since)


def pending_at(actor: Actor, places: Sequence[tuple[TenantId, date]]) -> list[InvoiceId]:
    """The invoices of tenants and days that wait for money. For processes."""
    require_process(actor)
    return restored_repository.pending_at(places) if places else []
