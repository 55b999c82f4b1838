"""Paying out of a tenant's credit."""

from collections.abc import Sequence

from backend import clock
from backend.actor import Actor, TenantId
from backend.db.engine import transaction
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.log import get_logger
from backend.money import Rial
from backend.payments import ledger_repository, repository, start_service
from backend.payments.judge_service import name_of
from backend.payments.types import CreditUse, EntryKind

log = get_logger(__name__)


def use(actor: Actor, tenant_id: TenantId, invoice_ids: Sequence[InvoiceId] | None) -> CreditUse:
    """Pay invoices out of credit, the oldest first, as far as it reaches. Asking again finds nothing left to do."""
    chosen = [each.invoice_id for each in start_service.payables(actor, tenant_id, invoice_ids)]
    now = clock.utc_now()
    with transaction():
        repository.lock_account(tenant_id)
        balance = left = max(0, ledger_repository.balance(tenant_id))
        dues = {due.id: due for due in invoices.dues(actor, chosen, lock=True)}
        # Its amount is frozen on an open payment, so it must not shrink meanwhile.
        busy = (
            {kept for attempt in repository.open_attempts(chosen) for kept in attempt.invoice_ids}
            if chosen
            else set()
        )
        paid = []
        for each in start_service.to_payables(list(dues.values())):
            part = min(left, each.outstanding_rial)
            if not part or each.invoice_id in busy:
                continue
            ledger_repository.append(
                tenant_id,
                EntryKind.CREDIT_USE,
                -part,
                actor=name_of(actor),
                at=now,
                invoice_id=each.invoice_id,
            )
            left -= part
            if part == each.outstanding_rial and invoices.mark_paid(actor, dues[each.invoice_id], None, now):
                paid.append(each.invoice_id)
    log.info("payment.credit_used", tenant=tenant_id, used_rial=balance - left, paid=len(paid))
    return CreditUse(used_rial=Rial(balance - left), paid=tuple(paid), balance_rial=Rial(left))
