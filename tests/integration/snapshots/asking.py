"""Runs of these tests: asked for, approved, worked on, and the server that everybody is led to."""

from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from runbooks import asking_service, engine
from tests.integration.runbooks.conftest import wish
from tests.integration.snapshots.world import SERVER, SERVICES, World


def asked(operator: Actor, **given: str) -> RunbookRun:
    """A run whose plan was made, or refused."""
    run = asking_service.ask(operator, wish("restore_from_snapshot", given))
    engine.work_on(run.id)
    return runs.run(operator, run.id)


def approved(run: RunbookRun, operator: Actor, approver: Actor) -> RunbookRun:
    """A run that waits for its process."""
    assert run.state is RunStage.PLANNED, run.outcome
    assert run.plan is not None
    run = runs.confirm(operator, run.id, run.plan_hash, run.plan.confirmation)
    return runs.approve(approver, run.id, run.plan_hash)


def worked(run: RunbookRun, operator: Actor, approver: Actor) -> RunbookRun:
    """A run that was worked on to its end."""
    engine.work_on(approved(run, operator, approver).id)
    return runs.run(operator, run.id)


def led_to(world: World) -> str:
    selector: dict[str, str] = world.get(f"{SERVICES}/{SERVER}")["spec"]["selector"]
    return selector.get("statefulset.kubernetes.io/pod-name", "")
