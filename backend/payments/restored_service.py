"""Use cases of a restore: which payments it takes away, and how their money comes into the books again.

The payments themselves are carried over without an answer of the gateway. It is asked again, and its word books the
money as ever. Where the invoice is issued again under another id, the money is credit first and then pays that invoice.
"""

from collections.abc import Sequence
from datetime import date, datetime

from backend import clock
from backend.actor import OPERATOR_ROLES, Actor, TenantId, require_process, require_role_or_process
from backend.invoices import service as invoices
from backend.log import get_logger
from backend.payments import credit_service, report_repository, sweep_service
from backend.payments.reconcile_service import reconcile
from backend.payments.types import Attempt, AttemptId, BookedAgain, PaymentFlag

log = get_logger(__name__)


def begun_since(actor: Actor, since: datetime) -> list[Attempt]:
    """Payments with a session at the gateway that were begun or moved since an instant, the oldest first.

    For operators and processes.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    return report_repository.begun_since(since)


def book_again(
    actor: Actor, attempt_ids: Sequence[AttemptId], were_paid: Sequence[tuple[TenantId, date]]
) -> BookedAgain:
    """Ask the gateway about payments again, and let what became credit pay the invoices that were paid before.

    ``were_paid`` are the tenants and days of those invoices; one that is not issued again yet is left. Idempotent.
    For processes.
    """
    require_process(actor)
    now = clock.utc_now()
    done = sweep_service.in_parallel(
        lambda each: reconcile(actor, each, now).has_money, attempt_ids, "payment.not_booked_again"
    )
    tenants = _with_surplus(attempt_ids)
    paid = sum(_use_credit(actor, tenant, were_paid) for tenant in tenants)
    log.info("payment.booked_again", asked=done.done, settled=done.yes, failed=done.failed, paid=paid)
    return BookedAgain(asked=done.done, settled=done.yes, failed=done.failed, paid_from_credit=paid)


def _with_surplus(attempt_ids: Sequence[AttemptId]) -> list[TenantId]:
    found = report_repository.by_ids(attempt_ids)
    flagged = [each for each in found if each.has_money and PaymentFlag.SURPLUS in each.flags]
    return sorted({each.tenant_id for each in flagged})


def _use_credit(actor: Actor, tenant: TenantId, were_paid: Sequence[tuple[TenantId, date]]) -> int:
    """Pay a tenant's invoices that were paid before; their number."""
    again = invoices.pending_at(actor, [each for each in were_paid if each[0] == tenant])
    return len(credit_service.use(actor, tenant, again).paid) if again else 0
