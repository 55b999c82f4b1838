"""Use cases of the ledger of deployments: take what a sender tells, list it, match it with rollouts, and count it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role, require_role_or_process
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.deploys import delivery_rules, ledger_repository, ledger_rules
from backend.deploys.ledger_types import (
    PRODUCTION,
    DeliveryFigures,
    DeployFilter,
    DeployPage,
    DeployRecord,
    NewDeploy,
    RolloutTrace,
)
from backend.errors import Conflict, Invalid
from backend.free_text import received

MAX_PAGE = 100
MOST_SERVICES = 12
FIGURES_OVER = timedelta(days=30)
LONGEST_BRANCH = 200
# A list is narrowed to one author by a word of its address.
LONGEST_AUTHOR = 60


def record_deploy(actor: Actor, new: NewDeploy) -> DeployRecord:
    """Store what a sender tells of a deployment, and return all that is known of it.

    Idempotent by ``new.key``: a repeated message changes nothing and gets the same answer, a later one adds to the
    first. Names that people write are cleaned of what nobody sees, and cut.

    Raises:
        Invalid: a time cannot be; ``field`` and ``reason`` say which and why.
        Conflict: it contradicts what was told before; ``field`` says where. Nothing was changed.
    """
    require_process(actor)
    now = clock.utc_now()
    if fault := ledger_rules.fault_of(new, now):
        raise Invalid(field=fault[0], reason=fault[1])
    new = replace(
        new, branch=received(new.branch, LONGEST_BRANCH), author=received(new.author, LONGEST_AUTHOR)
    )
    with transaction():
        stored = ledger_repository.insert_new(uuid4(), new, now)
        if stored is None:
            known = ledger_repository.locked(new.key)
            stored = _merged(known, new, now)
            if stored == known:
                return known
        tell(Topic.DEPLOYMENTS)
    return stored


def _merged(known: DeployRecord, new: NewDeploy, now: datetime) -> DeployRecord:
    try:
        told = ledger_rules.merged(known.told, new)
    except ledger_rules.ContradictionError as wrong:
        raise Conflict(field=wrong.field) from None
    return known if told == known.told else ledger_repository.store(known.id, told, now)


def deployments(actor: Actor, narrowed: DeployFilter, *, limit: int, offset: int = 0) -> DeployPage:
    """A page of the ledger, the newest start first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return ledger_repository.page(narrowed, max(1, min(limit, MAX_PAGE)), max(0, offset))


def deploys_between(actor: Actor, start: datetime, end: datetime) -> list[DeployRecord]:
    """The deployments that were under way at any time in ``[start, end)``, the newest start first.

    One whose end nobody told counts for two hours.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    return ledger_repository.between(start, end, longest=ledger_rules.LONGEST_WITHOUT_END)


def deploys_of(actor: Actor, namespace: str, workload: str, *, limit: int = 20) -> list[DeployRecord]:
    """The deployments that name a workload, the newest start first."""
    require_role_or_process(actor, *STAFF_ROLES)
    return ledger_repository.of_workload(namespace, workload, max(1, min(limit, MAX_PAGE)))


def deploys_behind(actor: Actor, rollouts: Sequence[RolloutTrace]) -> list[DeployRecord | None]:
    """For each rollout, in the order given, the deployment that caused it; None where the ledger has none."""
    require_role_or_process(actor, *STAFF_ROLES)
    if not rollouts:
        return []
    records = ledger_repository.near(
        rollouts,
        before=ledger_rules.LONGEST_DEPLOY + ledger_rules.ROLLS_OUT_AFTER_END,
        after=ledger_rules.STARTS_BEFORE,
    )
    return [ledger_rules.cause_of(rollout, records) for rollout in rollouts]


def deployed_services(actor: Actor) -> list[str]:
    """The services of the ledger, at most a dozen, those that were deployed last first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return ledger_repository.services(MOST_SERVICES)


def delivery_figures(actor: Actor, service: str = "") -> DeliveryFigures:
    """DORA's four figures of the last 30 days in production, of one service where one is named."""
    require_role_or_process(actor, *STAFF_ROLES)
    end = clock.utc_now()
    start = end - FIGURES_OVER
    return delivery_rules.figures_of(
        ledger_repository.ended_between(start, end, service, PRODUCTION),
        start=start,
        end=end,
        first_at=ledger_repository.first_start(service, PRODUCTION),
    )
