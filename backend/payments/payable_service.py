"""Invoices that can be paid now, with the rest to be paid on each."""

from collections.abc import Sequence
from typing import NamedTuple

from backend.actor import Actor, TenantId
from backend.errors import Invalid
from backend.invoices import service as invoices
from backend.invoices.types import Due, InvoiceId, InvoiceStatus
from backend.money import Rial
from backend.payments import ledger_repository, repository, standing_rules, start_rules
from backend.payments.reconcile_service import outstanding_of
from backend.payments.types import Payable

MOST_INVOICES = 1000


def payables(actor: Actor, tenant_id: TenantId, invoice_ids: Sequence[InvoiceId] | None) -> list[Payable]:
    """The chosen or all pending invoices, each with its unpaid rest, the oldest first.

    Raises NotFound for an invoice that does not exist or is another tenant's.
    """
    if invoice_ids is None:
        return to_payables(invoices.pending_of(actor, tenant_id)[:MOST_INVOICES])
    if len(invoice_ids) > MOST_INVOICES:
        raise Invalid(field="invoice_ids", reason="too_many_invoices")
    return to_payables(invoices.dues(actor, invoice_ids))


def to_payables(dues: Sequence[Due]) -> list[Payable]:
    """Invoices with their unpaid rest, the oldest first."""
    paid = ledger_repository.paid_on([due.id for due in dues])
    found = [
        Payable(
            invoice_id=due.id,
            tenant_id=due.tenant_id,
            number=due.number,
            day=due.day,
            amount_rial=due.amount_rial,
            outstanding_rial=Rial(outstanding_of(due, paid.get(due.id, 0))),
            is_pending=due.status == InvoiceStatus.PENDING,
        )
        for due in dues
    ]
    return start_rules.oldest_first(found)


class Offered(NamedTuple):
    """The invoices that a click on pay covers, and those that it leaves out because a payment of theirs may arrive."""

    payables: list[Payable]
    doubtful: list[Payable]


def offered(actor: Actor, tenant_id: TenantId, invoice_ids: Sequence[InvoiceId] | None) -> Offered:
    """The chosen invoices that wait for money; or all but those being checked, which would hold up the others.

    Who chooses one of those has the gateway asked about it. Raises as ``payables`` does.
    """
    found = [each for each in payables(actor, tenant_id, invoice_ids) if each.is_pending]
    if invoice_ids is not None:
        return Offered(found, [])
    checked = {
        invoice_id
        for attempt in repository.open_or_undecided([each.invoice_id for each in found])
        if standing_rules.is_being_checked(attempt)
        for invoice_id in attempt.invoice_ids
    }
    return Offered(
        [each for each in found if each.invoice_id not in checked],
        [each for each in found if each.invoice_id in checked],
    )
