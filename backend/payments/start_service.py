"""Starts a payment: choose its invoices, deal with an earlier attempt, store it, open its session, hand it over."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never
from uuid import uuid4

from backend import clock
from backend.actor import Actor, TenantId
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import AppError, Conflict, Invalid, NotFound
from backend.invoices import service as invoices
from backend.invoices.types import Due, InvoiceId, InvoiceStatus
from backend.log import get_logger
from backend.money import RIAL_PER_TOMAN, Rial
from backend.payments import (
    gateway_service,
    ledger_repository,
    reconcile_service,
    repository,
    rules,
    standing_rules,
    start_rules,
)
from backend.payments.reconcile_service import outstanding_of
from backend.payments.reconcile_types import PaymentPlan
from backend.payments.start_rules import Obstacle, OpenAttemptAction
from backend.payments.types import (
    PROVIDER,
    Attempt,
    AttemptEventKind,
    AttemptId,
    AttemptState,
    HandOff,
    Payable,
    PreviewProblem,
)

ROUNDS = 5
# Another tab's start takes as long as the gateway needs to answer.
PATIENCE_S = 5.0
POLL_S = 0.05
MOST_INVOICES = 1000

log = get_logger(__name__)


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


def start(
    actor: Actor,
    tenant_id: TenantId,
    invoice_ids: Sequence[InvoiceId] | None,
    *,
    consents: AbstractSet[AttemptId] = frozenset(),
) -> HandOff:
    """Hand an attempt to the payer's browser: the attempt that is open already, or a new one.

    ``consents`` are attempts that the payer was told of and replaces. Raises as ``service.start`` does.
    """
    found, doubtful = offered(actor, tenant_id, invoice_ids)
    if doubtful and not found:
        raise Conflict(reason="payment_undecided")
    chosen = [each.invoice_id for each in found]
    for _ in range(ROUNDS):
        claimed = claim(actor, tenant_id, chosen, consents=consents)
        if isinstance(claimed, Claimed):
            opened = open_session(actor, claimed, hands_over=True)
            return to_hand_off(opened, is_reused=False)
        for attempt in claimed.attempts:
            if (reused := _deal_with(actor, attempt, claimed.wanted, consents)) is not None:
                return reused
    raise Conflict(reason="payment_starting")


def in_the_way(invoice_ids: Sequence[InvoiceId]) -> list[Attempt]:
    """Attempts that block these invoices: open ones, and those whose money may be at the bank."""
    now = clock.utc_now()
    found = repository.open_or_undecided(invoice_ids)
    return [each for each in found if each.is_open or _is_in_doubt(each, now)]


def to_tell_of(
    invoice_ids: Sequence[InvoiceId], now: datetime, consents: AbstractSet[AttemptId] = frozenset()
) -> list[Attempt]:
    """Attempts that a payer is told of before another one begins: they are at the bank, or being checked."""
    found = repository.open_or_undecided(invoice_ids, expired_since=now - standing_rules.AT_BANK_FOR)
    return [each for each in found if each.id not in consents and standing_rules.needs_consent(each, now)]


def _is_in_doubt(attempt: Attempt, now: datetime) -> bool:
    return start_rules.is_in_doubt(attempt, now, timedelta(seconds=settings().payment_attempt_ttl_s))


class Claimed(NamedTuple):
    """A stored attempt that blocks others on its invoices, its callback's nonce, and the invoices' numbers."""

    attempt: Attempt
    nonce: str
    numbers: str


class InTheWay(NamedTuple):
    """A payment plan, and the attempts that block its invoices."""

    wanted: PaymentPlan
    attempts: list[Attempt]


def claim(
    actor: Actor,
    tenant_id: TenantId,
    chosen: Sequence[InvoiceId],
    *,
    consents: AbstractSet[AttemptId] = frozenset(),
) -> Claimed | InTheWay:
    """Store a new attempt on the invoices, unless others keep them, or the payer must be told of others.

    One that has ended stands before those that are open: when its money is there, they may be needed no more.
    """
    with transaction():
        repository.lock_account(tenant_id)
        wanted, numbers = _wanted(actor, chosen)
        covered = [each.invoice_id for each in wanted.allocations]
        keepers = in_the_way(covered)
        known = {each.id for each in keepers}
        told = to_tell_of(covered, clock.utc_now())
        # One that expired is replaced like an open one, so that its payer is told of it when he comes back.
        keepers += [
            each
            for each in told
            if each.id not in known and (each.id not in consents or each.state == AttemptState.EXPIRED)
        ]
        if keepers:
            return InTheWay(wanted, [each for each in keepers if not each.is_open] or keepers)
        return Claimed(*_store(actor, tenant_id, wanted), numbers)


def _wanted(actor: Actor, chosen: Sequence[InvoiceId]) -> tuple[PaymentPlan, str]:
    """The next payment and its invoices' numbers, with the invoices locked. Raises Conflict or Invalid otherwise."""
    found = [each for each in to_payables(invoices.dues(actor, chosen, lock=True)) if each.is_pending]
    wanted = start_rules.plan(found, Rial(settings().zibal_min_rial), Rial(settings().zibal_max_rial))
    match wanted:
        case PreviewProblem.NOTHING_TO_PAY:
            raise Conflict(reason="invoices_paid")
        case PreviewProblem.BELOW_MINIMUM:
            raise Invalid(reason="below_minimum", minimum_toman=settings().zibal_min_rial // RIAL_PER_TOMAN)
        case PaymentPlan():
            covered = {each.invoice_id for each in wanted.allocations}
            return wanted, ", ".join(each.number for each in found if each.invoice_id in covered)
        case _:
            assert_never(wanted)


def _store(actor: Actor, tenant_id: TenantId, wanted: PaymentPlan) -> tuple[Attempt, str]:
    now = clock.utc_now()
    nonce = secrets.token_urlsafe(24)
    attempt = Attempt(
        id=AttemptId(uuid4()),
        tenant_id=tenant_id,
        provider=PROVIDER,
        merchant_fingerprint=gateway_service.fingerprint(),
        amount_rial=wanted.amount_rial,
        order_ref=secrets.token_hex(12),
        nonce_sha256=hashlib.sha256(nonce.encode()).digest(),
        track_id=None,
        state=AttemptState.CREATED,
        settlement_no=0,
        flags=(),
        created_by=actor.label,
        created_at=now,
        requested_at=None,
        redirected_at=None,
        returned_at=None,
        settled_at=None,
        next_check_at=None,
        resolved_at=None,
        resolution=None,
        allocations=wanted.allocations,
    )
    repository.insert_attempt(attempt)
    _event(actor, attempt, AttemptEventKind.CREATED, now)
    return attempt, nonce


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


def _hand_over_again(actor: Actor, attempt: Attempt) -> HandOff:
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


def _deal_with(
    actor: Actor, attempt: Attempt, wanted: PaymentPlan, consents: AbstractSet[AttemptId]
) -> HandOff | None:
    """Hand an attempt over again, or get it out of the way; refuses while its money may be on the way.

    One that its payer may be at, or that is being checked, is replaced only by who was told of it.
    """
    now = clock.utc_now()
    match start_rules.obstacle(attempt, wanted, now):
        case Obstacle.STARTING:
            _wait_for(attempt)
        case Obstacle.DEAD:
            fail_to_start(actor, attempt, "interrupted")
        case Obstacle.UNUSED:
            _supersede(actor, attempt)
        case Obstacle.ASK:
            return _ask(actor, attempt, wanted, consents)
        case kind:
            assert_never(kind)
    return None


def _wait_for(attempt: Attempt) -> None:
    """Let another tab's start get its answer. Raises Conflict when that takes long."""
    deadline = time.monotonic() + PATIENCE_S
    while reconcile_service.found(attempt.id).state == AttemptState.CREATED:
        if time.monotonic() > deadline:
            raise Conflict(reason="payment_starting")
        time.sleep(POLL_S)


def _ask(
    actor: Actor, attempt: Attempt, wanted: PaymentPlan, consents: AbstractSet[AttemptId]
) -> HandOff | None:
    now = clock.utc_now()
    reconciled = reconcile_service.reconcile(actor, attempt.id, now)
    if not reconciled.is_open:
        if _is_in_doubt(reconciled, now):
            raise Conflict(reason="payment_undecided")
        _check_told(reconciled, consents, now)
        if reconciled.state == AttemptState.EXPIRED and reconciled.id in consents:
            _supersede(actor, reconciled)
        return None
    match start_rules.answer(
        reconciled,
        wanted,
        gateway_service.fingerprint(),
        now=now,
        ttl=timedelta(seconds=settings().payment_attempt_ttl_s),
        prepared_ttl=timedelta(seconds=settings().payment_prepared_ttl_s),
    ):
        case OpenAttemptAction.REUSE if reconciled.id not in consents:
            # Nobody has left our page for the bank, as after a double click: both tabs go on with one payment.
            if repository.has_departed(reconciled.id):
                _check_told(reconciled, consents, now)
            return _hand_over_again(actor, reconciled)
        case OpenAttemptAction.WAIT:
            raise Conflict(reason="payment_undecided")
        case OpenAttemptAction.REPLACE | OpenAttemptAction.REUSE:
            _check_told(reconciled, consents, now)
            _supersede(actor, reconciled)
            return None
        case answer:
            assert_never(answer)


def _check_told(reconciled: Attempt, consents: AbstractSet[AttemptId], now: datetime) -> None:
    """Raises Conflict that names all that a payer must be told of, when that attempt is among them."""
    if reconciled.id in consents or not standing_rules.needs_consent(reconciled, now):
        return
    untold = {reconciled.id, *(each.id for each in to_tell_of(reconciled.invoice_ids, now, consents))}
    raise Conflict(reason="payment_open", attempts=",".join(sorted(map(str, untold))))


def _supersede(actor: Actor, attempt: Attempt) -> None:
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
