"""The common part of actions that give a workload another number of replicas."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from backend.deploys import service as deploys
from backend.deploys.acting_types import WorkloadNow
from backend.deploys.types import WorkloadId
from backend.errors import Refused
from backend.runbooks.types import Plan, PlannedChange, RunbookRun, Words
from runbooks import rollouts
from runbooks.action import ActionParameters, Need, Step, Undo
from runbooks.context import Planning, Running

MOST_REPLICAS = 50


class ScalingParameters(ActionParameters):
    """A workload, and how many pods it is to have; an action narrows what the workload may be."""

    workload: str
    replicas: int = Field(ge=0, le=MOST_REPLICAS)


def targets(parameters: ScalingParameters) -> tuple[str, ...]:
    """The lock of the workload."""
    wanted = rollouts.id_of(parameters.workload)
    return (f"deploy:{wanted.namespace}/{wanted.name}",)


def needs(workload: WorkloadId) -> tuple[Need, ...]:
    """The permissions to read a workload and the quotas around it, and to scale it."""
    quotas = Need(verb="list", resource="resourcequotas", namespace=workload.namespace)
    return (*rollouts.reading_needs(workload), quotas, rollouts.patching_need(workload, "scale"))


def plan(
    planning: Planning,
    workload: WorkloadId,
    now: WorkloadNow,
    replicas: int,
    notes: tuple[Words, ...] = (),
) -> Plan:
    """The plan of scaling, tried by the API server without keeping anything.

    Raises:
        Refused: it has so many replicas already, or a quota has no room for more.
    """
    before = now.detail.summary.replicas
    if replicas == before:
        raise Refused(reason="scale_same", workload=workload.name, replicas=replicas)
    _require_quota(planning, workload, replicas - before)
    deploys.scale_workload(
        planning.actor, planning.kubernetes, workload, now.identity, replicas=replicas, dry_run=True
    )
    to_zero = (Words(key="runbooks.rollout.to_zero"),) if replicas == 0 else ()
    change = PlannedChange(
        what=Words(key="runbooks.rollout.replicas"), before=str(before), after=str(replicas)
    )
    return Plan(
        changes=(change,),
        versions=rollouts.versions_of(workload, now),
        notes=(*rollouts.standing_notes(now), *to_zero, *notes),
        commands=(
            f"kubectl scale --replicas={replicas} {rollouts.kubectl_name(workload)}",
            f"kubectl rollout status {rollouts.kubectl_name(workload)}",
        ),
    )


def _plan_undo(planning: Planning, parameters: ScalingParameters, done: RunbookRun) -> Plan:
    """Plan to go back to the number before. Raises Refused where somebody scaled it since."""
    workload = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, workload)
    if now.detail.summary.replicas != parameters.replicas:
        raise Refused(reason="workload_changed_since", workload=workload.name)
    return plan(planning, workload, now, _before_in(done))


def _before_in(done: RunbookRun) -> int:
    return int(str(done.memory["replicas"]))


def _scale(running: Running, parameters: ScalingParameters) -> None:
    _make(running, rollouts.id_of(parameters.workload), parameters.replicas)


def _scale_back(running: Running, parameters: ScalingParameters) -> None:
    assert running.undone is not None
    _make(running, rollouts.id_of(parameters.workload), _before_in(running.undone))


def _watch(running: Running, parameters: ScalingParameters) -> None:
    rollouts.watch(running, rollouts.id_of(parameters.workload))


def _make(running: Running, workload: WorkloadId, replicas: int) -> None:
    """Scale, once. The number before is remembered."""

    def change(identity: str) -> None:
        deploys.scale_workload(
            running.actor, running.kubernetes, workload, identity, replicas=replicas, dry_run=False
        )

    rollouts.make(
        running,
        workload,
        change,
        lambda now: now.detail.summary.replicas == replicas,
        lambda now: {"replicas": now.detail.summary.replicas},
    )
    running.changed("runbooks.rollout.scaled", workload=workload.name, replicas=replicas)


def _require_quota(planning: Planning, workload: WorkloadId, more: int) -> None:
    short = deploys.quota_shortage(planning.actor, planning.kubernetes, workload, more) if more > 0 else None
    if short is not None:
        raise Refused(
            reason="quota_too_small",
            quota=short.quota,
            resource=short.resource,
            needed=short.needed,
            free=short.free,
        )


_WATCH: Step[Any] = Step(name="watch", run=_watch)
STEPS: tuple[Step[Any], ...] = (Step(name="scale", run=_scale), _WATCH)
UNDO: Undo[Any] = Undo(
    plan=_plan_undo,
    steps=(Step(name="scale_back", run=_scale_back), _WATCH),
    holds=timedelta(days=1),
    alike=frozenset({"scale_workload", "scale_gpu"}),
)
