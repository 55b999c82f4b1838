"""Reconciles attempts with the gateway: the one way from its answers to the books, for callback, sweeper and operator.

Asking happens outside any transaction, and a process asks about an attempt once at a time: who wants to know meanwhile
shares the answer. What follows from the answers is written in one, under the tenant's account
lock and the attempt's row lock; an attempt that somebody else reconciled meanwhile is asked about again, so that old
answers never overwrite newer ones.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from backend import clock
from backend.actor import Actor
from backend.clients.zibal import GatewayStatus
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import NotFound
from backend.invoices import service as invoices
from backend.invoices.types import Due, InvoiceId, InvoiceStatus
from backend.log import get_logger
from backend.notifications import service as notifications
from backend.payments import credit_rules, gateway_service, ledger_repository, repository, rules
from backend.payments.receipts import receipt_mail, returned_mail
from backend.payments.reconcile_types import Decision
from backend.payments.single_flight import SingleFlight
from backend.payments.types import (
    Attempt,
    AttemptEventKind,
    AttemptId,
    AttemptState,
    AttemptVerdict,
    GatewayCheck,
    LedgerEntryKind,
    PaymentFlag,
)
from backend.tenants import service as tenants

TRIES = 3
# Two inquiries and a verify, each as long as the gateway's client waits.
JOIN_S = 40.0

log = get_logger(__name__)


def reconcile(actor: Actor, attempt_id: AttemptId, now: datetime) -> Attempt:
    """Ask the gateway about an attempt and book the consequences; returns the attempt after that. Idempotent."""
    return reconcile_attempt(actor, found(attempt_id), now)


def reconcile_attempt(
    actor: Actor, attempt: Attempt, now: datetime, *, claims_success: bool = False, asks_settled: bool = True
) -> Attempt:
    """As ``reconcile``, for an attempt as it was just read; a settled one is asked about only if ``asks_settled``.

    Who comes while another question is under way gets its answer, but asks once more where that may be older than
    what the payer did last, or where nobody answered and only a verify can tell.
    """
    for is_last in (False, True):
        if attempt.track_id is None or (attempt.has_money and not asks_settled):
            return attempt
        question = partial(
            _ask, actor, attempt, now, claims_success=claims_success, asks_settled=asks_settled
        )
        landed = _questions.run(attempt.id, question, patience_s=JOIN_S)
        if landed.result is None:
            attempt = found(attempt.id)
            continue
        attempt = landed.result.attempt
        if landed.is_ours or is_last or not _may_be_old(landed.result, claims_success=claims_success):
            break
    return attempt


def is_being_asked(attempt_id: AttemptId) -> bool:
    """Whether this process is asking the gateway about an attempt now."""
    return _questions.is_under_way(attempt_id)


class ReconcileResult(NamedTuple):
    """An attempt after a question, and whether the question was put with a claim of success."""

    attempt: Attempt
    claims_success: bool


_questions: SingleFlight[AttemptId, ReconcileResult] = SingleFlight()


def _may_be_old(asked: ReconcileResult, *, claims_success: bool) -> bool:
    attempt = asked.attempt
    is_unpaid = attempt.check.verdict in {
        AttemptVerdict.WAITING,
        AttemptVerdict.CANCELLED,
        AttemptVerdict.NOT_PAID,
    }
    return is_unpaid or (
        claims_success and not asked.claims_success and attempt.check.last_error == rules.NO_ANSWER
    )


def _ask(
    actor: Actor, attempt: Attempt, now: datetime, *, claims_success: bool, asks_settled: bool
) -> ReconcileResult:
    for _ in range(TRIES):
        if attempt.has_money and not asks_settled:
            break
        decision = gateway_service.examine(attempt, claims_success=claims_success)
        before, attempt = attempt, apply(actor, attempt, decision, now)
        if (
            attempt.check.check_count == before.check.check_count + 1
            and attempt.check.verdict == decision.verdict
        ):
            break
    return ReconcileResult(attempt, claims_success)


def found(attempt_id: AttemptId) -> Attempt:
    """An attempt. Raises NotFound when there is none."""
    if (attempt := repository.attempt(attempt_id)) is None:
        raise NotFound
    return attempt


def apply(actor: Actor, seen: Attempt, decision: Decision, now: datetime) -> Attempt:
    """Store the consequences of a decision, all or nothing; returns the attempt after that.

    When somebody reconciled the attempt after ``seen`` was read, the decision is dropped.
    """
    with transaction():
        repository.lock_account(seen.tenant_id)
        current = repository.attempt(seen.id, lock=True)
        assert current is not None
        if current.check.check_count != seen.check.check_count:
            return current
        after = _after(current, decision, now)
        _tell(actor, current, after, decision)
        if after.has_money and not current.has_money:
            after = _settle(actor, after, now)
        elif current.has_money and not after.has_money:
            _give_back(actor, current, now, is_returning=after.state == AttemptState.REFUNDING)
        after = replace(after, next_check_at=rules.next_check(after, now))
        _store(current, after)
    if after.state != current.state:
        log.info(
            "payment.changed",
            attempt=after.id,
            tenant=after.tenant_id,
            before=current.state,
            state=after.state,
            amount_rial=after.amount_rial,
            track_id=after.track_id,
        )
    if after.check.gateway_status == GatewayStatus.ACCEPTOR_INVALID != current.check.gateway_status:
        # The payer is told that we know.
        log.error(
            "payment.account_refused", attempt=after.id, todo="ask the gateway why our account is refused"
        )
    return after


def _after(current: Attempt, decision: Decision, now: datetime) -> Attempt:
    """The attempt with the evidence applied, before any money is moved."""
    ttl = timedelta(seconds=settings().payment_attempt_ttl_s)
    verdict = decision.verdict
    return replace(
        current,
        redirected_at=rules.handed_over_at(current, verdict, now),
        state=rules.next_state(current.state, verdict, has_expired=rules.has_expired(current, now, ttl)),
        flags=rules.flags_after(current, verdict),
        check=_check_after(current.check, decision, now),
    )


def _check_after(current: GatewayCheck, decision: Decision, now: datetime) -> GatewayCheck:
    evidence, verdict = decision.evidence, decision.verdict
    reports = evidence is not None and evidence.is_report
    # What does not fit may be somebody else's: their card and reference stay in the evidence.
    ours = evidence if verdict != AttemptVerdict.MISMATCH else None
    return GatewayCheck(
        verdict=verdict,
        gateway_status=evidence.status if evidence and reports else current.gateway_status,
        ref_number=(ours.ref_number if ours else None) or current.ref_number,
        card_mask=(ours.card if ours else None) or current.card_mask,
        raw=evidence.to_raw() if evidence else current.raw,
        last_inquiry_at=now,
        check_count=current.check_count + 1,
        last_error=decision.reason or None,
    )


def _settle(actor: Actor, attempt: Attempt, now: datetime) -> Attempt:
    """Book the money in the ledger and on the attempt's own invoices; the rest stays credit."""
    settled = replace(attempt, settlement_no=attempt.settlement_no + 1, settled_at=now)
    debt = max(0, -ledger_repository.balance(settled.tenant_id))
    _enter(actor, settled, LedgerEntryKind.PAYMENT, settled.amount_rial, now=now)
    dues = {due.id: due for due in invoices.dues(actor, settled.invoice_ids, lock=True)}
    paid = ledger_repository.paid_on(settled.invoice_ids)
    left, still_due = int(settled.amount_rial), 0
    for allocation in settled.allocations:
        due = dues[allocation.invoice_id]
        outstanding = outstanding_of(due, paid.get(due.id, 0))
        part = min(allocation.amount_rial, outstanding, left)
        if part:
            _enter(actor, settled, LedgerEntryKind.SETTLEMENT, -part, now=now, invoice_id=due.id)
            left -= part
        still_due += outstanding - part
        if part and part == outstanding:
            invoices.mark_paid(actor, due, settled.track_id, now)
    tenant = tenants.get(actor, settled.tenant_id)
    receipt = receipt_mail(
        settled,
        tenant,
        list(dues.values()),
        at=now,
        credit_rial=left,
        debt_rial=min(debt, left),
        outstanding_rial=still_due,
    )
    notifications.enqueue([receipt], now)
    _event(actor, settled, AttemptEventKind.SETTLED, {"credit_rial": left, "turn": settled.settlement_no})
    if left:
        log.warning("payment.surplus", attempt=attempt.id, tenant=attempt.tenant_id, credit_rial=left)
        return replace(settled, flags=rules.with_flag(settled.flags, PaymentFlag.SURPLUS))
    return settled


def _give_back(actor: Actor, attempt: Attempt, now: datetime, *, is_returning: bool) -> None:
    """Take the money of a settled attempt out of the ledger again, let its invoices wait for money, and mail that.

    Where its surplus had become credit and paid other invoices, those are opened again too, the youngest use first
    and only as far as the credit does not reach.
    """
    settled = Counter(
        {
            entry.invoice_id: -entry.amount_rial
            for entry in ledger_repository.entries_of(attempt.id, attempt.settlement_no)
            if entry.kind == LedgerEntryKind.SETTLEMENT and entry.invoice_id is not None
        }
    )
    balance = ledger_repository.balance(attempt.tenant_id) - attempt.amount_rial + settled.total()
    of_credit = credit_rules.to_reopen(
        ledger_repository.credit_uses(attempt.tenant_id),
        ledger_repository.credit_reopened(attempt.tenant_id),
        -balance,
    )
    # One entry for each invoice: it may lose money of this attempt and credit at once.
    reopened = settled + of_credit
    dues = invoices.dues(actor, list(reopened), lock=True)
    _enter(actor, attempt, LedgerEntryKind.REVERSAL, -attempt.amount_rial, now=now)
    for due in dues:
        _enter(actor, attempt, LedgerEntryKind.REOPENING, reopened[due.id], now=now, invoice_id=due.id)
        invoices.reopen(actor, due)
    mail = returned_mail(
        attempt,
        tenants.get(actor, attempt.tenant_id),
        dues,
        at=now,
        is_returning=is_returning,
        reopened_rial=reopened.total(),
        balance_rial=balance + of_credit.total(),
    )
    notifications.enqueue([mail], now)
    told = {"turn": attempt.settlement_no, "credit_reopened_rial": of_credit.total()}
    _event(actor, attempt, AttemptEventKind.MONEY_RETURNED, told)
    log.error(
        "payment.money_returned",
        attempt=attempt.id,
        tenant=attempt.tenant_id,
        amount_rial=attempt.amount_rial,
        credit_reopened_rial=of_credit.total(),
        debt_rial=max(0, -balance - of_credit.total()),
    )


def outstanding_of(due: Due, paid_rial: int) -> int:
    """The rest to be paid on an invoice, in rial; 0 unless it is pending."""
    return due.amount_rial - paid_rial if due.status == InvoiceStatus.PENDING else 0


def _store(before: Attempt, after: Attempt) -> None:
    repository.change(
        after.id,
        after.state,
        redirected_at=after.redirected_at,
        settlement_no=after.settlement_no,
        flags=after.flags,
        settled_at=after.settled_at,
        next_check_at=after.next_check_at,
        resolved_at=None if rules.is_news(before, after) else after.resolved_at,
        check=after.check,
    )


def _tell(actor: Actor, before: Attempt, after: Attempt, decision: Decision) -> None:
    """Record the answer before its consequences; an unchanged answer is only counted."""
    was, check = before.check, after.check
    told = (after.state, check.verdict, check.last_error, check.gateway_status)
    if told != (before.state, was.verdict, was.last_error, was.gateway_status):
        detail = {
            "verdict": decision.verdict.value,
            "reason": decision.reason,
            "state": after.state.value,
            **check.raw,
        }
        _event(actor, after, AttemptEventKind.RECONCILED, detail)


def _enter(
    actor: Actor,
    attempt: Attempt,
    kind: LedgerEntryKind,
    amount_rial: int,
    *,
    now: datetime,
    invoice_id: InvoiceId | None = None,
) -> None:
    ledger_repository.append(
        attempt.tenant_id,
        kind,
        amount_rial,
        actor=actor.label,
        at=now,
        attempt=(attempt.id, attempt.settlement_no),
        invoice_id=invoice_id,
    )


def _event(actor: Actor, attempt: Attempt, kind: AttemptEventKind, detail: Mapping[str, object]) -> None:
    # A question may take half a minute, and a round of the sweeper longer; what happens is told when it does.
    repository.add_event(attempt.id, kind, actor=actor.label, at=clock.utc_now(), detail=detail)
