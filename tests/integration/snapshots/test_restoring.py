"""A restore from a snapshot: a second real server, everybody led to it and back, and nothing lost of the audit."""

from uuid import uuid4

from sqlalchemy import text

from backend import clock
from backend.actor import Actor
from backend.audit import service as audit
from backend.backups import repository
from backend.backups import service as backups
from backend.backups.types import DatabaseRestore
from backend.db.engine import read, transaction
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from runbooks import asking_service, engine
from tests.integration.snapshots.asking import asked, led_to, worked
from tests.integration.snapshots.world import CLAIMS, SERVER, SETS, World

RUNNER = Actor.process_named("runbooks")


def execute(statement: str) -> None:
    with transaction() as connection:
        connection.execute(text(statement))


def days() -> int | None:
    with read() as connection:
        found: int | None = connection.scalar(text("SELECT count(*) FROM measured_day"))
        return found


def test_everybody_is_led_to_a_second_server_and_back_and_nothing_is_lost_of_the_audit(
    portal: World, operator: Actor, approver: Actor
) -> None:
    execute("INSERT INTO measured_day VALUES ('2026-11-01', now(), now(), now(), 1, 1)")
    audit.record(RUNNER, "before", "nothing")
    portal.snapshot("nightly")
    execute("DELETE FROM measured_day")
    audit.record(RUNNER, "after", "nothing")

    done = worked(asked(operator, snapshot="nightly"), operator, approver)

    assert done.state is RunStage.SUCCEEDED, done.outcome
    second = f"{SERVER}-r{done.id.hex[:8]}"
    assert led_to(portal) == f"{second}-0"
    assert days() == 1
    assert audit.verify(RUNNER).is_intact
    assert {"before", "after"} <= {one.event.action for one in audit.entries(operator, limit=1000)}
    audit.record(RUNNER, "meanwhile", "nothing")

    undo = asking_service.ask_undo(operator, done.id, uuid4().hex)
    engine.work_on(undo.id)
    undone = worked(runs.run(operator, undo.id), operator, approver)

    assert undone.state is RunStage.SUCCEEDED, undone.outcome
    assert led_to(portal) == f"{SERVER}-0"
    assert days() == 0
    assert audit.verify(RUNNER).is_intact
    assert "meanwhile" in {one.event.action for one in audit.entries(operator, limit=1000)}
    assert portal.names(SETS) == [SERVER, second, "docuchat-redis"]
    assert portal.get(f"{CLAIMS}/data-{second}-0")["status"]["phase"] == "Bound"
    assert [each.undone_at is None for each in backups.restores(RUNNER)] == [False]


def test_nobody_is_led_back_over_a_backup_that_was_restored_since(
    portal: World, operator: Actor, approver: Actor
) -> None:
    portal.snapshot("nightly")
    done = worked(asked(operator, snapshot="nightly"), operator, approver)
    assert done.state is RunStage.SUCCEEDED, done.outcome
    now = clock.utc_now()
    newer = DatabaseRestore(
        run="0e0e0e0e", backup="newer", backup_at=now, kept="before", swapped_at=now, refused_ms=1
    )
    repository.insert_restore(newer)

    undo = asking_service.ask_undo(operator, done.id, uuid4().hex)
    engine.work_on(undo.id)

    refused = runs.run(operator, undo.id)
    assert refused.outcome is not None
    assert (refused.state, refused.outcome.key) == (RunStage.FAILED, "error.refused.undo_not_newest")
    assert refused.outcome.values["backup"] == "newer"
