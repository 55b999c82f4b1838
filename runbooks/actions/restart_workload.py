"""Restart a workload: every pod is replaced by a new one of the same template, as ``kubectl rollout restart`` does.

Its strategy bounds how many pods are away at once, so a healthy Deployment serves on all the while. It helps where
processes hang, leak, or hold an old credential. There is no undo: the template stays what it was.
"""

from datetime import UTC, datetime

from backend.deploys import service as deploys
from backend.deploys.acting_types import WorkloadNow
from backend.deploys.types import RolloutState
from backend.errors import Refused
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks import rollouts
from runbooks.action import Action, Need, Step
from runbooks.context import Planning, Running
from runbooks.rollouts import WorkloadParameters


def _needs(parameters: WorkloadParameters) -> tuple[Need, ...]:
    wanted = rollouts.id_of(parameters.workload)
    return (*rollouts.reading_needs(wanted), rollouts.patching_need(wanted))


def _plan(planning: Planning, parameters: WorkloadParameters) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    rollouts.require_not_paused(wanted, now)
    if now.detail.summary.rollout.state is RolloutState.MANUAL:
        raise Refused(reason="workload_manual", workload=wanted.name)
    deploys.restart_workload(
        planning.actor, planning.kubernetes, wanted, now.identity, at=planning.now, dry_run=True
    )
    revision = now.detail.summary.revision or (now.newest.number if now.newest else 0)
    return Plan(
        changes=(
            PlannedChange(
                what=Words(key="runbooks.restart_workload.revision"),
                before=str(revision),
                after=str(revision + 1),
            ),
        ),
        versions=rollouts.versions_of(wanted, now),
        notes=rollouts.standing_notes(now),
        commands=(
            f"kubectl rollout restart {rollouts.kubectl_name(wanted)}",
            f"kubectl rollout status {rollouts.kubectl_name(wanted)}",
        ),
    )


def _restart(running: Running, parameters: WorkloadParameters) -> None:
    wanted, at = rollouts.id_of(parameters.workload), _named_at(running)

    def change(identity: str) -> None:
        deploys.restart_workload(running.actor, running.kubernetes, wanted, identity, at=at, dry_run=False)

    def is_made(now: WorkloadNow) -> bool:
        return now.restarted_at == at.isoformat(timespec="seconds")

    rollouts.make(running, wanted, change, is_made)
    running.changed("runbooks.restart_workload.restarted", workload=wanted.name)


def _named_at(running: Running) -> datetime:
    """The time that names this run's restart, the same for every process of the run."""
    at = running.run.confirmed_at or running.run.requested_at
    return at.astimezone(UTC).replace(microsecond=0)


ACTION = Action(
    name="restart_workload",
    risk=Risk.DISRUPTIVE,
    parameters=WorkloadParameters,
    choices={"workload": rollouts.choices(lambda _one: True)},
    targets=rollouts.targets,
    needs=_needs,
    plan=_plan,
    steps=(
        Step(name="restart", run=_restart),
        Step(
            name="watch", run=lambda running, given: rollouts.watch(running, rollouts.id_of(given.workload))
        ),
    ),
    deadline_s=900,
)
