"""Use of a tenant's credit: it pays invoices, or it is paid out."""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from backend import clock
from backend.actor import Actor, TenantId
from backend.audit import service as audit
from backend.audit.rules import checked_reason
from backend.db.engine import transaction
from backend.errors import Conflict, Invalid
from backend.free_text import latin_digits, pasted
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.log import get_logger
from backend.money import RIAL_PER_TOMAN, Rial
from backend.payments import hand_off_service, ledger_repository, payable_service, repository, start_service
from backend.payments.types import Attempt, AttemptState, CreditUse, LedgerEntryKind, Payable, Payout
from backend.tenants import service as tenants

log = get_logger(__name__)


def use(actor: Actor, tenant_id: TenantId, invoice_ids: Sequence[InvoiceId] | None) -> CreditUse:
    """Pay invoices out of credit, the oldest first, as far as it reaches. Asking again finds nothing left to do."""
    chosen = [each.invoice_id for each in payable_service.payables(actor, tenant_id, invoice_ids)]
    now = clock.utc_now()
    with transaction():
        repository.lock_account(tenant_id)
        balance = left = max(0, ledger_repository.balance(tenant_id))
        # Its amount is frozen on a payment that is open or may arrive, so it must not shrink meanwhile.
        keepers = _not_prepared(actor, chosen, balance)
        busy = {kept for attempt in keepers for kept in attempt.invoice_ids}
        dues = {due.id: due for due in invoices.dues(actor, chosen, lock=True)}
        paid = []
        for each, part in _shares(payable_service.to_payables(list(dues.values())), busy, balance):
            ledger_repository.append(
                tenant_id,
                LedgerEntryKind.CREDIT_USE,
                -part,
                actor=actor.label,
                at=now,
                invoice_id=each.invoice_id,
            )
            left -= part
            if part == each.outstanding_rial and invoices.mark_paid(actor, dues[each.invoice_id], None, now):
                paid.append(each.invoice_id)
    log.info("payment.credit_used", tenant=tenant_id, used_rial=balance - left, paid=len(paid))
    return CreditUse(used_rial=Rial(balance - left), paid=tuple(paid), balance_rial=Rial(left))


def _shares(
    payables: Sequence[Payable], busy: AbstractSet[InvoiceId], credit_rial: int
) -> Iterator[tuple[Payable, int]]:
    """Credit for each invoice, the oldest first; busy invoices are left out."""
    left = credit_rial
    for each in payables:
        part = min(left, each.outstanding_rial)
        if part and each.invoice_id not in busy:
            left -= part
            yield each, part


def _not_prepared(actor: Actor, chosen: Sequence[InvoiceId], credit_rial: int) -> list[Attempt]:
    """Attempts that keep invoices from credit, after superseding the prepared payments that stand in its way.

    No payer was sent to those, so they cannot be paid. The caller holds the account's lock, and no lock of an invoice.
    """
    keepers = start_service.in_the_way(chosen)
    busy = {kept for each in keepers if each.state != AttemptState.REQUESTED for kept in each.invoice_ids}
    payables = payable_service.to_payables(invoices.dues(actor, chosen))
    reached = {each.invoice_id for each, _ in _shares(payables, busy, credit_rial)}
    return [
        each
        for each in keepers
        if each.state != AttemptState.REQUESTED
        or reached.isdisjoint(each.invoice_ids)
        or not hand_off_service.supersede_prepared(actor, each.id)
    ]


def pay_out(actor: Actor, tenant_id: TenantId, amount_rial: int, reason: str, key: str) -> Payout:
    """Book that credit left the house; the same key again books nothing. Raises as ``service.pay_out_credit`` does."""
    key = latin_digits(pasted(key))
    _check(amount_rial, key)
    reason = checked_reason(reason)
    tenants.get(actor, tenant_id)
    with transaction():
        repository.lock_account(tenant_id)
        balance = ledger_repository.balance(tenant_id)
        if (known := ledger_repository.payout(tenant_id, key)) is not None:
            if known.amount_rial != -amount_rial:
                raise Conflict(reason="payout_key_used", amount_toman=-known.amount_rial // RIAL_PER_TOMAN)
            return Payout(amount_rial=Rial(amount_rial), balance_rial=balance, is_new=False)
        if amount_rial > balance:
            raise Conflict(reason="payout_above_credit", credit_toman=max(0, balance) // RIAL_PER_TOMAN)
        ledger_repository.append(
            tenant_id,
            LedgerEntryKind.PAYOUT,
            -amount_rial,
            actor=actor.label,
            at=clock.utc_now(),
            payout_key=key,
        )
        detail = {"amount_rial": amount_rial, "reason": reason, "key": key}
        audit.record(actor, "credit.paid_out", f"tenant:{tenant_id}", detail)
    log.info("payment.credit_paid_out", tenant=tenant_id, amount_rial=amount_rial, key=key, by=actor.name)
    return Payout(amount_rial=Rial(amount_rial), balance_rial=balance - amount_rial, is_new=True)


def _check(amount_rial: int, key: str) -> None:
    if amount_rial <= 0:
        raise Invalid(field="amount", reason="payout_amount")
    if not re.fullmatch(r"[A-Za-z0-9._:/-]{1,100}", key):
        raise Invalid(field="key", reason="payout_key")
