"""Roll a Deployment back to one of its revisions. Undone by going to the revision that was the newest before.

The plan shows what differs: images, names of environment variables, resources, containers, the chart. The number of
replicas stays. It is refused where the database is ahead of the image: the annotation ``docuchat-database-heads`` on
the template of the pods names the migrations that an image can work with, and the database's own is none of them. A
revision without the annotation is not refused, and the plan says that nobody knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from pydantic import Field

from backend.deploys import service as deploys
from backend.deploys.acting_types import WorkloadNow
from backend.deploys.revision_rules import compare
from backend.deploys.types import Revision, RevisionChange, RolloutState, WorkloadId, WorkloadKind
from backend.errors import NotFound, Refused
from backend.runbooks.types import Plan, PlannedChange, Risk, RunbookRun, Words
from runbooks import rollouts
from runbooks.action import Action, ActionParameters, Need, ParameterChoice, Step, Undo
from runbooks.context import Planning, Running
from runbooks.rollouts import DeploymentOnly


class RollbackParameters(ActionParameters):
    """A Deployment, and the revision that it is to go back to."""

    workload: DeploymentOnly
    revision: int = Field(ge=1, le=10**9)


def _revisions(planning: Planning, given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    """The revisions of the Deployment that is chosen, newest first; the newest, which runs, is not offered.

    Where the newest is stuck, the one before it is suggested.
    """
    workload = given.get("workload", "")
    try:
        now = deploys.workload(planning.actor, rollouts.id_of(workload)) if workload else None
    except (NotFound, ValueError):
        return []
    if now is None:
        return []
    older = [one for one in now.revisions if not one.is_newest]
    is_stuck = now.summary.rollout.state in {RolloutState.STUCK, RolloutState.FAILED}
    return [
        ParameterChoice(
            value=str(one.number),
            words=Words(
                key="runbooks.rollback_deployment.revision",
                values={"number": one.number, "images": _images(one), "at": one.created_at},
            ),
            is_suggested=is_stuck and one in older[:1],
            is_offered=not one.is_newest,
        )
        for one in now.revisions
    ]


def _images(one: Revision) -> str:
    """The images without their registry: a choice is read on a phone, and the plan names them whole."""
    names = [
        each.image.text.partition("@")[0].rpartition("/")[2] for each in one.containers if not each.is_init
    ]
    return ", ".join(names)


def _targets(parameters: RollbackParameters) -> tuple[str, ...]:
    wanted = rollouts.id_of(parameters.workload)
    return (f"deploy:{wanted.namespace}/{wanted.name}",)


def _needs(parameters: RollbackParameters) -> tuple[Need, ...]:
    wanted = rollouts.id_of(parameters.workload)
    old = Need(verb="get", group="apps", resource="replicasets", namespace=wanted.namespace)
    return (*rollouts.reading_needs(wanted), old, rollouts.patching_need(wanted))


def _plan(planning: Planning, parameters: RollbackParameters) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    return _plan_to(planning, wanted, now, now.numbered(parameters.revision))


def _plan_undo(planning: Planning, parameters: RollbackParameters, done: RunbookRun) -> Plan:
    """Back to the revision before the run. Raises Refused where another one was rolled out since."""
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    if now.newest is None or now.newest.name != done.memory["to"]:
        raise Refused(reason="workload_changed_since", workload=wanted.name)
    return _plan_to(planning, wanted, now, now.named(str(done.memory["from"])))


def _plan_to(planning: Planning, wanted: WorkloadId, now: WorkloadNow, to: Revision | None) -> Plan:
    rollouts.require_not_paused(wanted, now)
    if to is None or now.newest is None:
        raise NotFound(reason="revision")
    if to.is_newest:
        raise Refused(reason="revision_runs_already", revision=to.number)
    fit = _require_database(planning, now, to)
    deploys.roll_back_workload(
        planning.actor, planning.kubernetes, wanted, now.identity, revision=to.name, dry_run=True
    )
    change = compare(now.newest, to)
    stays = Words(
        key="runbooks.rollback_deployment.replicas_stay", values={"replicas": now.detail.summary.replicas}
    )
    return Plan(
        changes=(*_changes(now, now.newest, to, change),),
        versions=rollouts.versions_of(wanted, now) | {_revision_key(wanted, to.name): str(to.number)},
        notes=(*rollouts.standing_notes(now), stays, fit),
        commands=(
            f"kubectl rollout undo --to-revision={to.number} {rollouts.kubectl_name(wanted)}",
            f"kubectl rollout status {rollouts.kubectl_name(wanted)}",
        ),
    )


def _require_database(planning: Planning, now: WorkloadNow, to: Revision) -> Words:
    """A note about the database and the image. Raises Refused where the image does not know the database's schema."""
    head, heads = deploys.database_head(planning.actor), now.heads.get(to.name, ())
    if not heads:
        return Words(key="runbooks.rollback_deployment.database_unknown", values={"head": head or "-"})
    if head not in heads:
        raise Refused(
            reason="database_ahead", head=head or "-", expected=", ".join(heads), revision=to.number
        )
    return Words(key="runbooks.rollback_deployment.database_fits", values={"head": head})


def _changes(
    now: WorkloadNow, newest: Revision, to: Revision, change: RevisionChange
) -> Iterator[PlannedChange]:
    yield PlannedChange(
        what=Words(key="runbooks.rollback_deployment.to_revision"),
        before=str(newest.number),
        after=str(to.number),
    )
    for one in change.images:
        what = Words(key="runbooks.rollback_deployment.image", values={"container": one.container})
        yield PlannedChange(what=what, before=one.before, after=one.after)
    for container, name in change.environment_removed:
        what = Words(key="runbooks.rollback_deployment.variable", values={"container": container})
        yield PlannedChange(what=what, before=name, after="")
    for container, name in change.environment_added:
        what = Words(key="runbooks.rollback_deployment.variable", values={"container": container})
        yield PlannedChange(what=what, before="", after=name)
    for one in change.resources:
        what = Words(
            key="runbooks.rollback_deployment.resource",
            values={"container": one.container, "resource": one.subject},
        )
        yield PlannedChange(what=what, before=one.before, after=one.after)
    for before, after in [(name, "") for name in change.containers_removed] + [
        ("", name) for name in change.containers_added
    ]:
        yield PlannedChange(
            what=Words(key="runbooks.rollback_deployment.container"), before=before, after=after
        )
    charts = (now.charts.get(newest.name, ""), now.charts.get(to.name, ""))
    if charts[0] != charts[1]:
        yield PlannedChange(
            what=Words(key="runbooks.rollback_deployment.chart"), before=charts[0], after=charts[1]
        )


def _roll_back(running: Running, parameters: RollbackParameters) -> None:
    """Go to the revision that the plan binds, once."""
    wanted = rollouts.id_of(parameters.workload)
    assert running.run.plan is not None
    prefix = _revision_key(wanted, "")
    to = next(key.removeprefix(prefix) for key in running.run.plan.versions if key.startswith(prefix))

    def change(identity: str) -> None:
        deploys.roll_back_workload(
            running.actor, running.kubernetes, wanted, identity, revision=to, dry_run=False
        )

    def is_made(now: WorkloadNow) -> bool:
        return now.newest is not None and now.newest.name == to

    def before(now: WorkloadNow) -> dict[str, str | int]:
        return {"from": now.newest.name if now.newest else "", "to": to}

    rollouts.make(running, wanted, change, is_made, before)
    running.changed("runbooks.rollback_deployment.rolled_back", workload=wanted.name, revision=to)


def _revision_key(wanted: WorkloadId, name: str) -> str:
    return f"replicasets/{wanted.namespace}/{name}"


def _watch(running: Running, parameters: RollbackParameters) -> None:
    rollouts.watch(running, rollouts.id_of(parameters.workload))


_WATCH = Step(name="watch", run=_watch)
ACTION = Action(
    name="rollback_deployment",
    risk=Risk.DISRUPTIVE,
    parameters=RollbackParameters,
    choices={
        "workload": rollouts.choices(lambda one: one.id.kind is WorkloadKind.DEPLOYMENT),
        "revision": _revisions,
    },
    targets=_targets,
    needs=_needs,
    plan=_plan,
    steps=(Step(name="roll_back", run=_roll_back), _WATCH),
    undo=Undo(plan=_plan_undo, steps=(Step(name="return", run=_roll_back), _WATCH), holds=timedelta(days=1)),
    deadline_s=900,
)
