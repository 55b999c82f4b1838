"""Changes of invoices by payments, always inside the caller's transaction; ``service`` is the door to it."""

from collections.abc import Sequence
from datetime import datetime

from backend.actor import Actor, Role, TenantId, require_process, require_role_or_process, require_tenant
from backend.errors import NotFound
from backend.invoices import payment_repository as repository
from backend.invoices.types import Due, InvoiceId
from backend.money import Rial


def dues(actor: Actor, invoice_ids: Sequence[InvoiceId], *, lock: bool = False) -> list[Due]:
    """Invoices by id, each once, in the order of their ids; locked until the caller's transaction ends, if asked.

    Raises NotFound when one does not exist or is another tenant's.
    """
    require_role_or_process(actor, *Role)
    wanted = sorted(set(invoice_ids))
    found = repository.by_ids(wanted, lock=lock) if wanted else []
    if len(found) < len(wanted):
        raise NotFound
    for each in found:
        require_tenant(actor, each.tenant_id)
    return found


def pending_of(actor: Actor, tenant_id: TenantId) -> list[Due]:
    """A tenant's invoices that wait for money, the oldest first."""
    require_tenant(actor, tenant_id)
    return repository.pending_of(tenant_id)


def pending_without_session(actor: Actor, limit: int, *, minimum: Rial, maximum: Rial) -> list[Due]:
    """Invoices that wait for money, never had a payment session and can be paid in one, the newest first."""
    require_process(actor)
    return repository.pending_without_session(limit, minimum=minimum, maximum=maximum)


def mark_paid(actor: Actor, due: Due, track_id: int | None, paid_at: datetime) -> bool:
    """Mark a pending invoice as paid, by a payment or, without a track id, by credit; whether it was pending."""
    _check_change(actor, due)
    return repository.mark_paid(due.id, track_id, paid_at)


def reopen(actor: Actor, due: Due) -> bool:
    """Make a paid invoice pending again, because its money was taken back; False when it was not paid."""
    _check_change(actor, due)
    return repository.reopen(due.id)


def note_session(actor: Actor, invoice_ids: Sequence[InvoiceId], track_id: int) -> None:
    """Note on pending invoices under which track id they are about to be paid."""
    require_role_or_process(actor, Role.TENANT_ADMIN)
    repository.note_session(invoice_ids, track_id)


def _check_change(actor: Actor, due: Due) -> None:
    require_role_or_process(actor, Role.TENANT_ADMIN, Role.OPERATOR, Role.APPROVER)
    require_tenant(actor, due.tenant_id)
