"""The life of a stored attempt until its payer is at the bank: session, hand-off, replacement."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from backend import clock
from backend.actor import Actor
from backend.db.engine import transaction
from backend.errors import AppError, Conflict, NotFound
from backend.invoices import service as invoices
from backend.log import get_logger
from backend.payments import gateway_service, repository, rules
from backend.payments.types import Attempt, AttemptEventKind, AttemptId, AttemptState, HandOff

log = get_logger(__name__)


class Claimed(NamedTuple):
    """A stored attempt that blocks others on its invoices, its callback's nonce, and the invoices' numbers."""

    attempt: Attempt
    nonce: str
    numbers: str


def open_session(actor: Actor, claimed: Claimed, *, hands_over: bool = False) -> Attempt:
    """Open the gateway's session of a stored attempt and note it, as handed to a browser at once if asked.

    When no answer comes, the attempt fails to start: a session that may exist has no address that anybody knows, so
    nobody can pay it.
    """
    attempt, nonce, numbers = claimed
    try:
        track_id = gateway_service.open_session(attempt, nonce, f"DocuChat {numbers}")
        now = clock.utc_now()
        first_check = now + timedelta(minutes=rules.CHECK_MINUTES[0])
        handed_over = {"redirected_at": now, "next_check_at": first_check} if hands_over else {}
        with transaction():
            repository.lock_account(attempt.tenant_id)
            if not repository.note_track_id(attempt.id, track_id, now, **handed_over):
                raise Conflict(reason="payment_starting")
            invoices.note_session(actor, attempt.invoice_ids, track_id)
            _event(
                actor,
                attempt,
                AttemptEventKind.REQUESTED,
                now,
                track_id=str(track_id),
                handed_over=hands_over,
            )
    except AppError as error:
        if error.data.get("service") != "database":
            fail_to_start(actor, attempt, error.reason_key)
        raise
    return replace(
        attempt, track_id=track_id, state=AttemptState.REDIRECTED if hands_over else AttemptState.REQUESTED
    )


def fail_to_start(actor: Actor, attempt: Attempt, reason: str) -> None:
    """Close an attempt whose session is unknown and free its invoices. ``reason`` is a key, not a sentence."""
    now = clock.utc_now()
    with transaction():
        current = repository.attempt(attempt.id, lock=True)
        assert current is not None
        if current.state != AttemptState.CREATED:
            return
        repository.change(
            attempt.id, AttemptState.FAILED_TO_START, check=replace(current.check, last_error=reason)
        )
        _event(actor, attempt, AttemptEventKind.FAILED_TO_START, now, reason=reason)
    log.warning("payment.not_started", attempt=attempt.id, tenant=attempt.tenant_id, reason=reason)


def hand_over_again(actor: Actor, attempt: Attempt) -> HandOff:
    """Hand an attempt to one more browser. Raises Conflict (``payment_starting``) for one that moved on."""
    now = clock.utc_now()
    with transaction():
        repository.lock_account(attempt.tenant_id)
        current = repository.attempt(attempt.id, lock=True)
        assert current is not None
        if current.state not in {AttemptState.REQUESTED, AttemptState.REDIRECTED}:
            raise Conflict(reason="payment_starting")
        if current.state == AttemptState.REQUESTED:
            first_check = now + timedelta(minutes=rules.CHECK_MINUTES[0])
            repository.change(
                attempt.id, AttemptState.REDIRECTED, redirected_at=now, next_check_at=first_check
            )
        _event(actor, attempt, AttemptEventKind.REDIRECTED, now)
    return to_hand_off(attempt, is_reused=True)


def to_hand_off(attempt: Attempt, *, is_reused: bool) -> HandOff:
    """The hand-off of an attempt to the gateway's page."""
    return HandOff(
        attempt_id=attempt.id,
        start_url=gateway_service.start_url(attempt),
        amount_rial=attempt.amount_rial,
        invoice_ids=attempt.invoice_ids,
        is_reused=is_reused,
    )


def leave_for_bank(actor: Actor, attempt: Attempt) -> HandOff:
    """Note that a browser goes on from our page to the bank's. Raises as ``service.hand_off`` does."""
    with transaction():
        repository.lock_account(attempt.tenant_id)
        current = repository.attempt(attempt.id, lock=True)
        assert current is not None
        check_handed_over(current)
        repository.note_departure(attempt.id, actor=actor.label, at=clock.utc_now())
    return to_hand_off(attempt, is_reused=True)


def check_handed_over(attempt: Attempt) -> None:
    """Raises Conflict for an attempt that was replaced (``payment_replaced``), NotFound for one that is over."""
    if attempt.state == AttemptState.SUPERSEDED:
        raise Conflict(reason="payment_replaced")
    if attempt.state != AttemptState.REDIRECTED:
        raise NotFound


def supersede(actor: Actor, attempt: Attempt) -> None:
    """Free an attempt's invoices for a new one. It is still asked about: its money would not be lost."""
    with transaction():
        repository.lock_account(attempt.tenant_id)
        current = repository.attempt(attempt.id, lock=True)
        assert current is not None
        if (current.state, current.check.check_count) != (attempt.state, attempt.check.check_count):
            return
        repository.change(attempt.id, AttemptState.SUPERSEDED)
        _event(actor, attempt, AttemptEventKind.SUPERSEDED, clock.utc_now())


def supersede_prepared(actor: Actor, attempt_id: AttemptId) -> bool:
    """Supersede a prepared payment in the caller's transaction; False when it was not prepared any more."""
    current = repository.attempt(attempt_id, lock=True)
    assert current is not None
    if current.state != AttemptState.REQUESTED:
        return False
    repository.change(attempt_id, AttemptState.SUPERSEDED)
    _event(actor, current, AttemptEventKind.SUPERSEDED, clock.utc_now())
    return True


def _event(
    actor: Actor, attempt: Attempt, kind: AttemptEventKind, now: datetime, **detail: str | bool
) -> None:
    repository.add_event(attempt.id, kind, actor=actor.label, at=now, detail=detail)
