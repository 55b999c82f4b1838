"""Payers who return from the bank: the outcome for anybody, and the amounts for those whose payment it is."""

import hashlib
import hmac
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from backend import clock
from backend.actor import TENANT_ROLES, Actor
from backend.db.engine import transaction
from backend.invoices import service as invoices
from backend.money import Rial
from backend.payments import ledger_repository, reconcile_service, repository, rules, start_rules
from backend.payments.reconcile_types import CallbackQuery
from backend.payments.types import (
    Attempt,
    AttemptEventKind,
    AttemptState,
    LedgerEntryKind,
    PaymentFlag,
    Returned,
    ReturnOutcome,
)

RETURNING = Actor.process_named("payment_return")
# However slow the gateway is, strangers keep no more threads than this; the others are told what is stored.
STRANGERS_AT_ONCE = 4
_strangers = threading.BoundedSemaphore(STRANGERS_AT_ONCE)


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
