"""Paying invoices: preview, start, return, reconcile, and the operators' lists. The only door to payments."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from backend import clock
from backend.actor import (
    OPERATOR_ROLES,
    STAFF_ROLES,
    TENANT_ROLES,
    Actor,
    Role,
    TenantId,
    own_tenant,
    require_process,
    require_role,
    require_role_or_process,
    require_tenant,
)
from backend.config import SANDBOX_MERCHANT, settings
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments import (
    credit_service,
    hand_off_service,
    ledger_repository,
    payable_service,
    reconcile_service,
    report_repository,
    restored_service,
    return_service,
    review_service,
    rules,
    search_service,
    standing_rules,
    standing_service,
    start_rules,
    start_service,
    sweep_service,
)
from backend.payments.standing_rules import CheckReport, Standing
from backend.payments.types import (
    Attempt,
    AttemptId,
    CreditUse,
    HandOff,
    InvoicePayments,
    LedgerEntry,
    OpenedSessions,
    Owed,
    PaymentHealth,
    PaymentPreview,
    Payout,
    PreviewProblem,
    SweepReport,
)

MAX_PAGE = 200

callback = return_service.callback

# For staff.
undecided = review_service.undecided
flagged = review_service.flagged
file_of = review_service.file_of
check_again = review_service.check_again
recheck_for_run = review_service.recheck_for_run
resolve = review_service.resolve
search_invoices = search_service.invoices
search_payments = search_service.payments
accounts = search_service.accounts
# For a restore of the database.
begun_since = restored_service.begun_since
book_again = restored_service.book_again


def preview(actor: Actor, invoice_ids: Sequence[InvoiceId] | None = None) -> PaymentPreview:
    """Preview a click on pay for these invoices, or for all pending ones. Asks no gateway, writes nothing.

    Invoices with an earlier payment under check are left out and named.

    Raises NotFound for an invoice that does not exist or is another tenant's.
    """
    tenant_id = own_tenant(actor)
    found, doubtful = payable_service.offered(actor, tenant_id, invoice_ids)
    minimum, maximum = Rial(settings().zibal_min_rial), Rial(settings().zibal_max_rial)
    plan = start_rules.plan(found, minimum, maximum)
    total = Rial(sum(each.outstanding_rial for each in found))
    return PaymentPreview(
        invoices=tuple(found),
        total_rial=total,
        payments=0 if isinstance(plan, PreviewProblem) else plan.payments,
        next_rial=total if isinstance(plan, PreviewProblem) else plan.amount_rial,
        credit_rial=Rial(max(0, ledger_repository.balance(tenant_id))),
        minimum_rial=minimum,
        maximum_rial=maximum,
        doubtful=tuple(doubtful),
        problem=plan if isinstance(plan, PreviewProblem) else None,
    )


def start(
    actor: Actor,
    invoice_ids: Sequence[InvoiceId] | None = None,
    *,
    consents: AbstractSet[AttemptId] = frozenset(),
) -> HandOff:
    """Open a payment of these invoices, or of all that ``preview`` shows, the oldest first; for tenant admins.

    Safe to click twice and in two tabs: a fresh payment of the same invoices is handed out again while nobody went to
    the bank with it. One that its payer may be at, or that is being checked, is replaced only if ``consents`` names
    it: who gives them was told of it. Above the gateway's ceiling only the first part is paid.

    Raises:
        NotFound: an invoice does not exist or is another tenant's.
        Invalid: together they are below the gateway's floor (``below_minimum``).
        Conflict: nothing is left to pay (``invoices_paid``), an earlier payment may still arrive
            (``payment_undecided``), another tab is just starting one (``payment_starting``), or the payer must first
            be told of others (``payment_open``; ``attempts`` are their ids between commas).
        Unavailable: the gateway or the database did not answer; no money can have moved.
    """
    require_role(actor, Role.TENANT_ADMIN)
    return start_service.start(actor, own_tenant(actor), invoice_ids, consents=consents)


def hand_off(actor: Actor, attempt_id: AttemptId) -> HandOff:
    """A payment that was opened a moment ago, for the page that leads the browser to the bank; for tenant admins.

    Raises:
        NotFound: it is another tenant's or is over.
        Conflict: another payment replaced it (``payment_replaced``), so nobody must pay it.
    """
    require_role(actor, Role.TENANT_ADMIN)
    attempt = _own_attempt(actor, attempt_id)
    hand_off_service.check_handed_over(attempt)
    return hand_off_service.to_hand_off(attempt, is_reused=True)


def leave_for_bank(actor: Actor, attempt_id: AttemptId) -> HandOff:
    """As ``hand_off``, at the moment at which the browser goes on to the bank; noted once. For tenant admins."""
    require_role(actor, Role.TENANT_ADMIN)
    return hand_off_service.leave_for_bank(actor, _own_attempt(actor, attempt_id))


def to_tell_of(actor: Actor, attempt_ids: Sequence[AttemptId]) -> list[Attempt]:
    """The attempts among these that a payer must be told of before another begins, the oldest first.

    For tenant admins. Raises NotFound for an attempt that does not exist or is another tenant's.
    """
    require_role(actor, Role.TENANT_ADMIN)
    now = clock.utc_now()
    found = [_own_attempt(actor, each) for each in attempt_ids]
    return sorted(
        (each for each in found if standing_rules.needs_consent(each, now)), key=lambda each: each.created_at
    )


def _own_attempt(actor: Actor, attempt_id: AttemptId) -> Attempt:
    attempt = reconcile_service.found(attempt_id)
    require_tenant(actor, attempt.tenant_id)
    return attempt


def reconcile(actor: Actor, attempt_id: AttemptId) -> Attempt:
    """Reconcile an attempt with the gateway now. For processes."""
    require_process(actor)
    return reconcile_service.reconcile(actor, attempt_id, clock.utc_now())


def sweep(actor: Actor, now: datetime | None = None) -> SweepReport:
    """Reconcile every due attempt, and close those without a payer. For processes; safe at any time."""
    require_process(actor)
    return sweep_service.sweep(actor, now or clock.utc_now())


def open_sessions(actor: Actor) -> OpenedSessions:
    """Open payments ahead of the click, as many as the setting allows. For processes."""
    require_process(actor)
    return sweep_service.open_sessions(actor)


def history(actor: Actor, invoice_id: InvoiceId) -> InvoicePayments:
    """Paid and outstanding amounts of an invoice, with every attempt at it. For its tenant and staff."""
    require_role_or_process(actor, *Role)
    [due] = invoices.dues(actor, [invoice_id])
    paid = ledger_repository.paid_on([invoice_id]).get(invoice_id, Rial(0))
    return InvoicePayments(
        invoice_id=invoice_id,
        outstanding_rial=Rial(reconcile_service.outstanding_of(due, paid)),
        paid_rial=paid,
        attempts=tuple(report_repository.attempts_on([invoice_id])),
        entries=tuple(ledger_repository.entries_on(invoice_id)),
    )


def standings(actor: Actor, invoice_ids: Sequence[InvoiceId]) -> dict[InvoiceId, Standing]:
    """State of payment of each invoice. Asks no gateway. For their tenant and staff.

    Raises NotFound for an invoice that does not exist or is another tenant's.
    """
    require_role_or_process(actor, *Role)
    return standing_service.standings(actor, invoice_ids)


def check_now(actor: Actor, invoice_ids: Sequence[InvoiceId] | None = None) -> CheckReport:
    """Ask the gateway about payments of these invoices, or of all, that are being checked. For the tenant's people.

    Paced: what was asked about a moment ago is answered from what is stored.
    """
    require_role(actor, *TENANT_ROLES)
    return standing_service.check(actor, invoice_ids)


def owed_by(actor: Actor, tenant_id: TenantId) -> Owed:
    """The unpaid rest of a tenant's issued invoices; held invoices are not due.

    For its tenant and staff.
    """
    require_tenant(actor, tenant_id)
    return report_repository.owed_by(tenant_id)


def credit_balance(actor: Actor, tenant_id: TenantId) -> int:
    """A tenant's credit in rial. Negative when money was taken back that had been paid out.

    For its tenant and staff.
    """
    require_tenant(actor, tenant_id)
    return ledger_repository.balance(tenant_id)


def ledger(actor: Actor, tenant_id: TenantId, limit: int = 50) -> list[LedgerEntry]:
    """A tenant's newest movements of money. For its tenant and staff."""
    require_tenant(actor, tenant_id)
    return ledger_repository.entries_of_tenant(tenant_id, max(1, min(limit, MAX_PAGE)))


def use_credit(actor: Actor, invoice_ids: Sequence[InvoiceId] | None = None) -> CreditUse:
    """Pay these invoices, or all that wait for money, out of the tenant's credit as far as it reaches.

    The oldest first; one may be paid in part. For tenant admins. An invoice with an open payment is left out.
    """
    require_role(actor, Role.TENANT_ADMIN)
    return credit_service.use(actor, own_tenant(actor), invoice_ids)


def pay_out_credit(actor: Actor, tenant_id: TenantId, amount_rial: int, reason: str, key: str) -> Payout:
    """Book that an operator paid credit back to a tenant; the money itself moves at the bank. Audited.

    ``key`` names the payout, such as the number of the transfer: the same one again books nothing. For operators and
    processes.

    Raises:
        Invalid: the amount is not positive, or reason or key do not fit.
        NotFound: there is no such tenant.
        Conflict: the credit is smaller (``payout_above_credit``), or the key names a payout of another amount
            (``payout_key_used``).
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    return credit_service.pay_out(actor, tenant_id, amount_rial, reason, key)


def health(actor: Actor) -> PaymentHealth:
    """State of payments for the overview and the metrics. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    now = clock.utc_now()
    return report_repository.health(now, now - rules.ALARM_AFTER)


def is_sandbox_gateway() -> bool:
    """Whether the gateway's public sandbox is in use, where nothing is really paid; pages say so. For anybody."""
    return settings().zibal_merchant.get_secret_value() == SANDBOX_MERCHANT
