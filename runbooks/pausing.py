"""The common part of pausing and resuming a rollout."""

from collections.abc import Callable, Mapping, Sequence

from backend.deploys import service as deploys
from backend.deploys.acting_types import WorkloadNow
from backend.deploys.types import RolloutState, WorkloadId, WorkloadKind
from backend.errors import Refused
from backend.runbooks.types import Plan, PlannedChange, Words
from runbooks import rollouts
from runbooks.action import Need, ParameterChoice
from runbooks.context import Planning, Running
from runbooks.rollouts import DeploymentParameters

ALIKE = frozenset({"pause_rollout", "resume_rollout"})


def choices(*, is_paused: bool) -> Callable[[Planning, Mapping[str, str]], Sequence[ParameterChoice]]:
    """The Deployments; those that are paused are offered, or those that are not."""
    return rollouts.choices(
        lambda one: (
            one.id.kind is WorkloadKind.DEPLOYMENT and (one.rollout.state is RolloutState.PAUSED) == is_paused
        )
    )


def needs(parameters: DeploymentParameters) -> tuple[Need, ...]:
    """The permissions of both actions."""
    wanted = rollouts.id_of(parameters.workload)
    return (*rollouts.reading_needs(wanted), rollouts.patching_need(wanted))


def require_paused(workload: WorkloadId, now: WorkloadNow) -> None:
    """Raise Refused for a Deployment whose rollout goes on."""
    if not now.is_paused:
        raise Refused(reason="workload_not_paused", workload=workload.name)


def plan(planning: Planning, workload: WorkloadId, now: WorkloadNow, *, is_paused: bool) -> Plan:
    """The plan of pausing or resuming, tried by the API server without keeping anything."""
    deploys.set_paused(
        planning.actor, planning.kubernetes, workload, now.identity, is_paused=is_paused, dry_run=True
    )
    change = PlannedChange(
        what=Words(key="runbooks.rollout.paused"),
        before=_yes_or_no(now.is_paused),
        after=_yes_or_no(is_paused),
    )
    verb = "pause" if is_paused else "resume"
    return Plan(
        changes=(change,),
        versions=rollouts.versions_of(workload, now),
        notes=rollouts.standing_notes(now),
        commands=(f"kubectl rollout {verb} {rollouts.kubectl_name(workload)}",),
    )


def make(running: Running, workload: WorkloadId, *, is_paused: bool) -> None:
    """Pause or resume, once."""

    def change(identity: str) -> None:
        deploys.set_paused(
            running.actor, running.kubernetes, workload, identity, is_paused=is_paused, dry_run=False
        )

    rollouts.make(running, workload, change, lambda now: now.is_paused is is_paused)
    key = "runbooks.rollout.was_paused" if is_paused else "runbooks.rollout.was_resumed"
    running.changed(key, workload=workload.name)


def _yes_or_no(holds: bool) -> Words:
    return Words(key="runbooks.side.yes") if holds else Words(key="runbooks.side.no")
