"""Payments under way on invoices, and the tenant's own way to check them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from backend import clock
from backend.actor import TENANT_ROLES, Actor, Role, own_tenant, require_role, require_role_or_process
from backend.config import settings
from backend.invoices import service as invoices
from backend.invoices.types import Due, InvoiceId, InvoiceStatus
from backend.money import Rial
from backend.payments import ledger_repository, reconcile_service, repository, standing_rules, start_rules
from backend.payments.reconcile_service import outstanding_of
from backend.payments.standing_rules import CheckReport, Standing
from backend.payments.types import Attempt

# Each may take the gateway its whole timeout; the next click takes those that were asked about longest ago.
MOST_CHECKED = 3


def standings(actor: Actor, invoice_ids: Sequence[InvoiceId]) -> dict[InvoiceId, Standing]:
    """State of payment of each invoice. Asks no gateway. Raises NotFound for an invoice of another tenant."""
    require_role_or_process(actor, *Role)
    now = clock.utc_now()
    dues = invoices.dues(actor, invoice_ids)
    paid = ledger_repository.paid_on(invoice_ids)
    found = unfinished([due.id for due in dues if due.status == InvoiceStatus.PENDING], now)
    return {due.id: _standing(due, paid.get(due.id, Rial(0)), found, now) for due in dues}


def _standing(due: Due, paid: Rial, unfinished_ones: Sequence[Attempt], now: datetime) -> Standing:
    own = [each for each in unfinished_ones if due.id in each.invoice_ids]
    ttl = timedelta(seconds=settings().payment_attempt_ttl_s)
    return Standing(
        invoice_id=due.id,
        paid_rial=paid,
        outstanding_rial=Rial(outstanding_of(due, paid)),
        checked=tuple(each for each in own if standing_rules.is_being_checked(each)),
        at_bank=tuple(each for each in own if standing_rules.may_be_at_bank(each, now)),
        is_blocked=any(start_rules.is_in_doubt(each, now, ttl) for each in own),
    )


def unfinished(invoice_ids: Sequence[InvoiceId], now: datetime) -> list[Attempt]:
    """Attempts at these invoices that are open, not decided, or may be open at the bank still."""
    return repository.open_or_undecided(invoice_ids, expired_since=now - standing_rules.AT_BANK_FOR)


def check(actor: Actor, invoice_ids: Sequence[InvoiceId] | None) -> CheckReport:
    """Ask the gateway about the payments of these invoices that are being checked, or of all; paced."""
    require_role(actor, *TENANT_ROLES)
    tenant_id, now = own_tenant(actor), clock.utc_now()
    wanted = (
        [due.id for due in invoices.pending_of(actor, tenant_id)]
        if invoice_ids is None
        else [due.id for due in invoices.dues(actor, invoice_ids)]
    )
    checked = [each for each in unfinished(wanted, now) if standing_rules.is_being_checked(each)]
    longest_ago = sorted(checked, key=lambda each: each.check.last_inquiry_at or each.created_at)
    return standing_rules.to_report([_ask(actor, each, now) for each in longest_ago[:MOST_CHECKED]])


def _ask(actor: Actor, attempt: Attempt, now: datetime) -> Attempt:
    # Who clicks in many tabs waits in one of them only.
    if standing_rules.was_checked_lately(attempt, now) or reconcile_service.is_being_asked(attempt.id):
        return attempt
    return reconcile_service.reconcile_attempt(actor, attempt, now)
