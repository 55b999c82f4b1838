"""Starts a payment: chooses its invoices, deals with earlier attempts, stores a new one and hands it over."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never
from uuid import uuid4

from backend import clock
from backend.actor import Actor, TenantId
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import Conflict, Invalid
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.log import get_logger
from backend.money import RIAL_PER_TOMAN, Rial
from backend.payments import (
    gateway_service,
    hand_off_service,
    payable_service,
    reconcile_service,
    repository,
    standing_rules,
    start_rules,
)
from backend.payments.reconcile_types import PaymentPlan
from backend.payments.start_rules import Obstacle, OpenAttemptAction
from backend.payments.types import (
    PROVIDER,
    Attempt,
    AttemptEventKind,
    AttemptId,
    AttemptState,
    HandOff,
    PreviewProblem,
)

ROUNDS = 5
# Another tab's start takes as long as the gateway needs to answer.
PATIENCE_S = 5.0
POLL_S = 0.05

log = get_logger(__name__)


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
    found, doubtful = payable_service.offered(actor, tenant_id, invoice_ids)
    if doubtful and not found:
        raise Conflict(reason="payment_undecided")
    chosen = [each.invoice_id for each in found]
    for _ in range(ROUNDS):
        claimed = claim(actor, tenant_id, chosen, consents=consents)
        if isinstance(claimed, hand_off_service.Claimed):
            opened = hand_off_service.open_session(actor, claimed, hands_over=True)
            return hand_off_service.to_hand_off(opened, is_reused=False)
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
) -> hand_off_service.Claimed | InTheWay:
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
        return hand_off_service.Claimed(*_store(actor, tenant_id, wanted), numbers)


def _wanted(actor: Actor, chosen: Sequence[InvoiceId]) -> tuple[PaymentPlan, str]:
    """The next payment and its invoices' numbers, with the invoices locked. Raises Conflict or Invalid otherwise."""
    found = [
        each
        for each in payable_service.to_payables(invoices.dues(actor, chosen, lock=True))
        if each.is_pending
    ]
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
            hand_off_service.fail_to_start(actor, attempt, "interrupted")
        case Obstacle.UNUSED:
            hand_off_service.supersede(actor, attempt)
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
            hand_off_service.supersede(actor, reconciled)
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
            return hand_off_service.hand_over_again(actor, reconciled)
        case OpenAttemptAction.WAIT:
            raise Conflict(reason="payment_undecided")
        case OpenAttemptAction.REPLACE | OpenAttemptAction.REUSE:
            _check_told(reconciled, consents, now)
            hand_off_service.supersede(actor, reconciled)
            return None
        case answer:
            assert_never(answer)


def _check_told(reconciled: Attempt, consents: AbstractSet[AttemptId], now: datetime) -> None:
    """Raises Conflict that names all that a payer must be told of, when that attempt is among them."""
    if reconciled.id in consents or not standing_rules.needs_consent(reconciled, now):
        return
    untold = {reconciled.id, *(each.id for each in to_tell_of(reconciled.invoice_ids, now, consents))}
    raise Conflict(reason="payment_open", attempts=",".join(sorted(map(str, untold))))


def _event(
    actor: Actor, attempt: Attempt, kind: AttemptEventKind, now: datetime, **detail: str | bool
) -> None:
    repository.add_event(attempt.id, kind, actor=actor.label, at=now, detail=detail)
