"""Paying invoices: preview, start, return, reconcile, and the operators' lists. The only door to payments."""

import hashlib
import hmac
import threading
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
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
from backend.audit import service as audit
from backend.audit.rules import checked_reason
from backend.config import SANDBOX_MERCHANT, settings
from backend.db.engine import transaction
from backend.errors import Conflict
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.log import get_logger
from backend.money import Rial
from backend.payments import (
    credit_service,
    ledger_repository,
    reconcile_service,
    report_repository,
    repository,
    rules,
    search_service,
    standing_rules,
    standing_service,
    start_rules,
    start_service,
    sweep_service,
)
from backend.payments.reconcile_types import CallbackQuery
from backend.payments.standing_rules import CheckReport, Standing
from backend.payments.types import (
    Attempt,
    AttemptEventKind,
    AttemptId,
    AttemptState,
    CreditUse,
    HandOff,
    InvoicePayments,
    LedgerEntry,
    LedgerEntryKind,
    OpenedSessions,
    Owed,
    PaymentFile,
    PaymentFlag,
    PaymentHealth,
    PaymentPreview,
    Payout,
    PreviewProblem,
    Returned,
    ReturnOutcome,
    SweepReport,
)
from backend.tenants import service as tenants

MAX_PAGE = 200
RETURNING = Actor.process_named("payment_return")
# However slow the gateway is, strangers keep no more threads than this; the others are told what is stored.
STRANGERS_AT_ONCE = 4
_strangers = threading.BoundedSemaphore(STRANGERS_AT_ONCE)

log = get_logger(__name__)

# Lists over all companies, for staff.
search_invoices = search_service.invoices
search_payments = search_service.payments
accounts = search_service.accounts


def preview(actor: Actor, invoice_ids: Sequence[InvoiceId] | None = None) -> PaymentPreview:
    """Preview a click on pay for these invoices, or for all pending ones. Asks no gateway, writes nothing.

    Invoices with an earlier payment under check are left out and named.

    Raises NotFound for an invoice that does not exist or is another tenant's.
    """
    tenant_id = own_tenant(actor)
    found, doubtful = start_service.offered(actor, tenant_id, invoice_ids)
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
    start_service.check_handed_over(attempt)
    return start_service.to_hand_off(attempt, is_reused=True)


def leave_for_bank(actor: Actor, attempt_id: AttemptId) -> HandOff:
    """As ``hand_off``, at the moment at which the browser goes on to the bank; noted once. For tenant admins."""
    require_role(actor, Role.TENANT_ADMIN)
    return start_service.leave_for_bank(actor, _own_attempt(actor, attempt_id))


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


def callback(actor: Actor | None, parameters: Sequence[tuple[str, str]]) -> Returned:
    """The outcome for a returning payer; ``actor`` is None without a session. For everybody, with any input.

    The address only names an attempt; reconciling asks the gateway. It may be repeated, forged, replayed or parallel.
    Only the attempt's nonce or a session of its tenant makes it a return; others learn the outcome and no more.

    Raises:
        Unavailable: the database did not answer; the sweeper settles the payment later.
    """
    query = start_rules.read_callback(parameters)
    if query is None:
        return Returned(outcome=ReturnOutcome.UNREADABLE)
    attempt = repository.attempt_of_track_id(query.track_id)
    if attempt is None:
        return Returned(outcome=ReturnOutcome.UNKNOWN, track_id=query.track_id)
    now, is_payers = clock.utc_now(), _has_nonce(attempt, query) or _is_of_tenant(actor, attempt)
    if is_payers:
        attempt = _note_return(attempt, query, now)
        attempt = reconcile_service.reconcile_attempt(
            RETURNING, attempt, now, claims_success=query.claims_success, asks_settled=False
        )
    else:
        attempt = _asked_by_stranger(attempt, now)
    return _returned(attempt, query, is_payers=is_payers)


def check_again(actor: Actor, attempt_id: AttemptId) -> Attempt:
    """Reconcile an attempt with the gateway now. For operators; audited.

    Raises Conflict for one without a session (``payment_no_session``): there is nothing to ask about.
    """
    require_role(actor, *OPERATOR_ROLES)
    if reconcile_service.found(attempt_id).track_id is None:
        raise Conflict(reason="payment_no_session")
    reconciled = reconcile_service.reconcile(actor, attempt_id, clock.utc_now())
    detail = {
        "state": reconciled.state.value,
        "verdict": str(reconciled.check.verdict),
        "reason": reconciled.check.last_error or "",
    }
    audit.record(actor, "payment.checked", f"payment:{attempt_id}", detail)
    return reconciled


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


def undecided(actor: Actor, limit: int = 100) -> list[Attempt]:
    """Payments that are neither paid nor unpaid a day after their hand-over, the oldest first. For staff."""
    require_role_or_process(actor, *STAFF_ROLES)
    return report_repository.undecided(clock.utc_now() - rules.ALARM_AFTER, max(1, min(limit, MAX_PAGE)))


def flagged(actor: Actor, limit: int = 100) -> list[Attempt]:
    """Payments that a person should look at, the newest first. For staff."""
    require_role_or_process(actor, *STAFF_ROLES)
    return report_repository.flagged(max(1, min(limit, MAX_PAGE)))


def file_of(actor: Actor, attempt_id: AttemptId) -> PaymentFile:
    """Everything known of an attempt: events, the gateway's answers, and bookings. For staff."""
    require_role(actor, *STAFF_ROLES)
    attempt = reconcile_service.found(attempt_id)
    tenant = tenants.get(actor, attempt.tenant_id)
    return PaymentFile(
        attempt=attempt,
        tenant_name_fa=tenant.name_fa,
        tenant_name_en=tenant.name_en,
        events=tuple(report_repository.events(attempt_id)),
        entries=tuple(ledger_repository.entries_of(attempt_id)),
    )


def resolve(actor: Actor, attempt_id: AttemptId, reason: str) -> Attempt:
    """Take a payment off the operators' lists with a written reason; audited. No money is moved by it.

    One that is not decided is closed, and its invoices can be paid again; should its money arrive after all, the
    reconciling books it as ever.

    Raises:
        Invalid: the reason is empty or too long.
        NotFound: there is no such payment.
        Conflict: there is nothing to resolve about it.
    """
    require_role(actor, *OPERATOR_ROLES)
    reason = checked_reason(reason)
    now = clock.utc_now()
    tenant_id = reconcile_service.found(attempt_id).tenant_id
    with transaction():
        repository.lock_account(tenant_id)
        attempt = repository.attempt(attempt_id, lock=True)
        assert attempt is not None
        if not rules.is_resolvable(attempt, now):
            raise Conflict
        state = rules.resolved_state(attempt)
        repository.change(
            attempt_id,
            state,
            resolved_at=now,
            resolution=reason,
            next_check_at=rules.next_check(replace(attempt, state=state, resolved_at=now), now),
        )
        repository.add_event(
            attempt_id, AttemptEventKind.RESOLVED, actor=actor.label, at=now, detail={"reason": reason}
        )
        audit.record(
            actor, "payment.resolved", f"payment:{attempt_id}", {"reason": reason, "state": state.value}
        )
    log.info("payment.resolved", attempt=attempt_id, state=state, by=actor.name)
    return reconcile_service.found(attempt_id)


def health(actor: Actor) -> PaymentHealth:
    """State of payments for the overview and the metrics. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    now = clock.utc_now()
    return report_repository.health(now, now - rules.ALARM_AFTER)


def is_sandbox_gateway() -> bool:
    """Whether the gateway's public sandbox is in use, where nothing is really paid; pages say so. For anybody."""
    return settings().zibal_merchant.get_secret_value() == SANDBOX_MERCHANT


def _asked_by_stranger(attempt: Attempt, now: datetime) -> Attempt:
    """An attempt after a question, where none is under way, was answered a moment ago, or has no thread left."""
    if rules.was_asked_lately(attempt, now) or reconcile_service.is_being_asked(attempt.id):
        return attempt
    if not _strangers.acquire(blocking=False):
        return attempt
    try:
        return reconcile_service.reconcile_attempt(RETURNING, attempt, now, asks_settled=False)
    finally:
        _strangers.release()


def _note_return(attempt: Attempt, query: CallbackQuery, now: datetime) -> Attempt:
    """Record that a browser returned; the claims of its address are kept as evidence and never trusted."""
    if attempt.returned_at is not None or attempt.state not in {
        AttemptState.REQUESTED,
        AttemptState.REDIRECTED,
    }:
        return attempt
    detail = {"claims_success": query.claims_success, "has_nonce": _has_nonce(attempt, query)}
    with transaction():
        current = repository.attempt(attempt.id, lock=True)
        assert current is not None
        if current.state not in {AttemptState.REQUESTED, AttemptState.REDIRECTED}:
            return current
        returned = replace(
            current, state=AttemptState.RETURNED, returned_at=now, redirected_at=current.redirected_at or now
        )
        # The process may die before it has asked the gateway.
        returned = replace(returned, next_check_at=rules.next_check(returned, now))
        repository.change(
            attempt.id,
            returned.state,
            returned_at=now,
            redirected_at=returned.redirected_at,
            next_check_at=returned.next_check_at,
        )
        repository.add_event(
            attempt.id, AttemptEventKind.RETURNED, actor=RETURNING.label, at=now, detail=detail
        )
    return returned


def _returned(attempt: Attempt, query: CallbackQuery, *, is_payers: bool) -> Returned:
    credit, debt = _surplus_of(attempt) if attempt.has_money else (0, 0)
    outcome = rules.outcome_of(attempt, credit)
    if not is_payers:
        return Returned(outcome=outcome, track_id=query.track_id)
    return Returned(
        outcome=outcome,
        track_id=query.track_id,
        gateway_status=attempt.check.gateway_status,
        attempt_id=attempt.id,
        amount_rial=attempt.amount_rial,
        credit_rial=Rial(credit),
        debt_rial=Rial(debt),
        outstanding_rial=_outstanding_on(attempt),
        ref_number=attempt.check.ref_number,
        invoice_ids=attempt.invoice_ids,
    )


def _surplus_of(attempt: Attempt) -> tuple[int, int]:
    """The surplus of a settled attempt, in rial, and the part of it that made up for a debt."""
    if PaymentFlag.SURPLUS not in attempt.flags:
        return 0, 0
    entries = ledger_repository.entries_of(attempt.id, attempt.settlement_no)
    credit = sum(
        entry.amount_rial
        for entry in entries
        if entry.kind in {LedgerEntryKind.PAYMENT, LedgerEntryKind.SETTLEMENT}
    )
    first = min(entry.id for entry in entries)
    debt = max(0, -ledger_repository.balance(attempt.tenant_id, before=first))
    return credit, min(credit, debt)


def _outstanding_on(attempt: Attempt) -> Rial:
    dues = invoices.dues(RETURNING, attempt.invoice_ids)
    paid = ledger_repository.paid_on(attempt.invoice_ids)
    return Rial(sum(reconcile_service.outstanding_of(due, paid.get(due.id, 0)) for due in dues))


def _has_nonce(attempt: Attempt, query: CallbackQuery) -> bool:
    return hmac.compare_digest(hashlib.sha256(query.nonce.encode()).digest(), attempt.nonce_sha256)


def _is_of_tenant(actor: Actor | None, attempt: Attempt) -> bool:
    return actor is not None and actor.role in TENANT_ROLES and actor.tenant_id == attempt.tenant_id
