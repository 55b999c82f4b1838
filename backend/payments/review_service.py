"""Payments that a person looks at: the lists, everything known of one, and what an operator does about it."""

from collections.abc import Mapping
from dataclasses import replace

from backend import clock
from backend.actor import (
    OPERATOR_ROLES,
    STAFF_ROLES,
    Actor,
    require_process,
    require_role,
    require_role_or_process,
)
from backend.audit import service as audit
from backend.audit.rules import checked_reason
from backend.db.engine import transaction
from backend.errors import Conflict
from backend.log import get_logger
from backend.payments import ledger_repository, reconcile_service, report_repository, repository, rules
from backend.payments.types import Attempt, AttemptEventKind, AttemptId, PaymentFile
from backend.tenants import service as tenants

MAX_PAGE = 200

log = get_logger(__name__)


def undecided(actor: Actor, *, limit: int = MAX_PAGE, offset: int = 0) -> list[Attempt]:
    """A stretch of the payments that are neither paid nor unpaid a day after their hand-over, the oldest first.

    For staff. ``service.health`` counts them.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    before = clock.utc_now() - rules.ALARM_AFTER
    return report_repository.undecided(before, max(1, min(limit, MAX_PAGE)), max(0, offset))


def flagged(actor: Actor, *, limit: int = MAX_PAGE, offset: int = 0) -> list[Attempt]:
    """A stretch of the payments that a person should look at, the newest first.

    For staff. ``service.health`` counts them.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    return report_repository.flagged(max(1, min(limit, MAX_PAGE)), max(0, offset))


def file_of(actor: Actor, attempt_id: AttemptId, *, limit: int = MAX_PAGE, offset: int = 0) -> PaymentFile:
    """Everything known of an attempt: a stretch of its events, the gateway's answers, and bookings. For staff."""
    require_role(actor, *STAFF_ROLES)
    attempt = reconcile_service.found(attempt_id)
    tenant = tenants.get(actor, attempt.tenant_id)
    return PaymentFile(
        attempt=attempt,
        tenant_name_fa=tenant.name_fa,
        tenant_name_en=tenant.name_en,
        events=tuple(report_repository.events(attempt_id, max(1, min(limit, MAX_PAGE)), max(0, offset))),
        event_count=report_repository.count_events(attempt_id),
        entries=tuple(ledger_repository.entries_of(attempt_id)),
    )


def check_again(actor: Actor, attempt_id: AttemptId) -> Attempt:
    """Reconcile an attempt with the gateway now. For operators; audited.

    Raises Conflict for one without a session (``payment_no_session``): there is nothing to ask about.
    """
    require_role(actor, *OPERATOR_ROLES)
    if reconcile_service.found(attempt_id).track_id is None:
        raise Conflict(reason="payment_no_session")
    return _check(actor, attempt_id, {})


def recheck_for_run(actor: Actor, attempt_id: AttemptId, *, by: str) -> Attempt:
    """As ``check_again``, for a run of a runbook that somebody asked for. For processes; audited.

    One without a session stays as it is.
    """
    require_process(actor)
    return _check(actor, attempt_id, {"asked_by": by})


def _check(actor: Actor, attempt_id: AttemptId, detail: Mapping[str, object]) -> Attempt:
    reconciled = reconcile_service.reconcile(actor, attempt_id, clock.utc_now())
    told = {
        "state": reconciled.state.value,
        "verdict": str(reconciled.check.verdict),
        "reason": reconciled.check.last_error or "",
    }
    audit.record(actor, "payment.checked", f"payment:{attempt_id}", {**told, **detail})
    return reconciled


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
