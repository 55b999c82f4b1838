"""Whatever keeps a restore from a snapshot from its end, the live server is untouched and nothing is left behind."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from backend.actor import Actor
from backend.audit import service as audit
from backend.backups import service as backups
from backend.errors import Invalid
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage, Words
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import RUNNER
from runbooks import asking_service
from runbooks.actions import restore_from_snapshot
from tests.integration.runbooks.mortal import KILLED, Moment, Mortals
from tests.integration.snapshots.asking import approved, asked, led_to, worked
from tests.integration.snapshots.world import (
    CLAIMS,
    CLASSES,
    DATABASE,
    QUOTAS,
    SERVER,
    SERVICES,
    SETS,
    SNAPSHOTS,
    World,
)
from tests.waiting import until

PROCESS = Actor.process_named("tests")
VALUES = {
    "runbooks.database_servers.AGAIN_S": 0.05,
    "runbooks.actions.restore_from_snapshot.POLL_S": 0.1,
    "backend.runbooks.rules.HEARTBEAT_S": 0.1,
}


def reason(run: RunbookRun) -> str:
    assert run.outcome is not None
    return run.outcome.key.removeprefix("error.refused.")


def assert_untouched(world: World) -> None:
    """Nothing of a second server is left, and the first one goes on."""
    until(lambda: world.names(CLAIMS) == [f"data-{SERVER}-0"])
    assert world.names(SETS) == [SERVER, "docuchat-redis"]
    assert led_to(world) in {"", f"{SERVER}-0"}
    audit.record(PROCESS, "goes on", "nothing")
    assert audit.verify(PROCESS).is_intact


def test_a_snapshot_that_is_not_ready_or_of_another_volume_is_refused(portal: World, operator: Actor) -> None:
    portal.snapshot("lost", claim="data-nobody-0")
    portal.snapshot("nightly")
    with pytest.raises(Invalid):
        asked(operator, snapshot="lost")
    for wrong in ("", "Nightly", "../nightly", "nightly;x"):
        with pytest.raises(Invalid):
            asked(operator, snapshot=wrong)

    portal.patch(
        f"{SNAPSHOTS}/nightly/status", {"status": {"readyToUse": False, "error": {"message": "no space"}}}
    )
    with pytest.raises(Invalid):
        asked(operator, snapshot="nightly")


def test_a_quota_without_room_refuses_the_plan_in_its_own_words(portal: World, operator: Actor) -> None:
    portal.create(QUOTAS, "storage", spec={"hard": {"persistentvolumeclaims": "1"}})
    portal.snapshot("nightly")

    refused = asked(operator, snapshot="nightly")

    assert refused.state is RunStage.FAILED
    assert reason(refused) == "kubernetes_rejected"
    assert "exceeded quota: storage" in str(refused.outcome.values["words"])  # type: ignore[union-attr] - an ended run has one
    assert_untouched(portal)


@pytest.mark.parametrize("fault", ["no storage class", "damaged volume"])
def test_a_second_server_that_does_not_come_up_is_taken_away_again(
    fault: str, portal: World, operator: Actor, approver: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_from_snapshot, "START_S", 3.0)
    monkeypatch.setattr(restore_from_snapshot, "POLL_S", 0.1)
    portal.snapshot("nightly")
    if fault == "damaged volume":
        folder = portal.cluster.cluster.volumes.folder(portal.get(f"{SNAPSHOTS}/nightly"))
        assert folder is not None
        (folder / "global" / "pg_control").unlink()
    run = asked(operator, snapshot="nightly")
    if fault == "no storage class":
        portal.http.delete(f"{CLASSES}/fast").raise_for_status()

    failed = worked(run, operator, approver)

    assert (failed.state, reason(failed)) == (RunStage.FAILED, "second_server_not_ready")
    words = str(failed.outcome.values["words"])  # type: ignore[union-attr] - an ended run has one
    assert ('storageclass.storage.k8s.io "fast" not found' if "class" in fault else "Back-off") in words
    assert [line.key for line in failed.result] == ["runbooks.restore_from_snapshot.cleaned_up"]
    assert_untouched(portal)


def test_a_database_that_cannot_be_trusted_is_not_led_to(
    portal: World, operator: Actor, approver: Actor
) -> None:
    audit.record(PROCESS, "true", "nothing")
    with psycopg.connect(portal.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        [(head,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        portal.snapshot("newer")
        connection.execute("UPDATE alembic_version SET version_num = %s", [head])
        flipped = "UPDATE audit_entry SET hash = set_byte(hash, 0, 255 - get_byte(hash, 0)) WHERE id = 1"
        connection.execute(flipped)
        portal.snapshot("broken")
        connection.execute(flipped)

    ends = {
        name: reason(worked(asked(operator, snapshot=name), operator, approver))
        for name in ("newer", "broken")
    }

    assert ends == {"newer": "snapshot_schema_newer", "broken": "snapshot_audit_broken"}
    assert_untouched(portal)


@pytest.fixture
def work(kubeconfig: Path, run_processes: Mortals) -> partial[int]:
    """A process of a run that a test may stop at each step."""
    environment = {"KUBECONFIG": str(account_file(kubeconfig, RUNNER)), "KUBERNETES_TIMEOUT_S": "1"}
    return partial(run_processes.work, environment=environment, values=VALUES)


def test_until_everybody_is_led_elsewhere_a_run_can_be_cancelled_and_takes_everything_away(
    portal: World, operator: Actor, approver: Actor, work: partial[int]
) -> None:
    portal.snapshot("nightly")
    run = approved(asked(operator, snapshot="nightly"), operator, approver)
    cancellable = {step.name for step in runs.steps(operator, run.id) if step.is_cancellable}

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.DONE, "start"):
            runs.cancel(operator, run.id)
        return True

    work(run.id, at)

    assert {"create", "start", "verify", "carry", "book"} == cancellable
    stopped = runs.run(operator, run.id)
    assert [line.key for line in stopped.result] == ["runbooks.restore_from_snapshot.cleaned_up"]
    assert stopped.state in {RunStage.CANCELLED, RunStage.CANCELLING}
    assert_untouched(portal)


def test_a_lost_answer_of_the_switch_is_found_and_a_failed_test_leads_everybody_back(
    portal: World, operator: Actor, approver: Actor, work: partial[int]
) -> None:
    portal.snapshot("nightly")
    run = approved(asked(operator, snapshot="nightly"), operator, approver)
    seen: list[str] = []

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "switch"):
            portal.console("trouble", loses="patch services")
        if (moment, step) == (Moment.BEGUN, "prove"):
            seen.append(led_to(portal))
            with psycopg.connect(portal.url) as second:
                second.execute("UPDATE alembic_version SET version_num = 'damaged'")
        return True

    work(run.id, at)

    assert seen == [f"{SERVER}-r{run.id.hex[:8]}-0"]
    failed = runs.run(operator, run.id)
    assert (failed.state, reason(failed)) == (RunStage.FAILED, "smoke_test_schema")
    assert [line.key.rpartition(".")[2] for line in failed.result] == ["switched", "led_back"]
    assert led_to(portal) == f"{SERVER}-0"
    assert audit.verify(PROCESS).is_intact


def change_server(world: World) -> None:
    """Let the live server have another specification, as after a deployment."""
    world.patch(f"{SETS}/{SERVER}", {"spec": {"minReadySeconds": 1}})


def replace_database(world: World) -> None:
    """Let the live server have another database, as after a restore from a backup."""
    with psycopg.connect(world.url_at(world.address(SERVER), "postgres"), autocommit=True) as connection:
        for statement in (
            f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'",
            f"CREATE DATABASE another TEMPLATE {DATABASE}",
            f"ALTER DATABASE {DATABASE} RENAME TO before",
            f"ALTER DATABASE another RENAME TO {DATABASE}",
        ):
            connection.execute(statement)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(change_server, f"statefulsets/{SERVER}", id="its specification"),
        pytest.param(replace_database, f"database/{DATABASE}", id="its database"),
    ],
)
def test_nobody_is_led_away_from_a_live_server_that_is_not_the_one_of_the_plan_any_more(
    change: Callable[[World], None],
    named: str,
    portal: World,
    people: tuple[Actor, Actor],
    work: partial[int],
) -> None:
    portal.snapshot("nightly")
    run = approved(asked(people[0], snapshot="nightly"), *people)

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "switch"):
            change(portal)
        return True

    work(run.id, at)

    failed = runs.run(people[0], run.id)
    assert (failed.state, reason(failed)) == (RunStage.FAILED, "snapshot_live_differs")
    assert failed.outcome is not None
    assert failed.outcome.values["what"] == named
    assert failed.plan is not None
    claim = portal.get(f"{CLAIMS}/data-{SERVER}-0")["metadata"]["uid"]
    assert failed.plan.versions[f"persistentvolumeclaims/data-{SERVER}-0"] == claim
    assert_untouched(portal)


def test_nobody_is_led_back_to_a_server_that_is_not_the_one_of_the_plan_any_more(
    portal: World, people: tuple[Actor, Actor], work: partial[int]
) -> None:
    portal.snapshot("nightly")
    done = worked(asked(people[0], snapshot="nightly"), *people)
    second = led_to(portal)
    undo = asking_service.ask_undo(people[0], done.id, uuid4().hex)
    work(undo.id)
    undo = approved(runs.run(people[0], undo.id), *people)

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "switch_back"):
            change_server(portal)
        return True

    work(undo.id, at)

    failed = runs.run(people[0], undo.id)
    assert (failed.state, reason(failed)) == (RunStage.FAILED, "snapshot_live_differs")
    assert led_to(portal) == second
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(portal.url_at(portal.address(SERVER)))


@pytest.fixture
def people(operator: Actor, approver: Actor) -> tuple[Actor, Actor]:
    """Who asks for a run, and who approves it."""
    return operator, approver


def test_a_restore_whose_process_dies_while_it_leads_everybody_back_goes_back_when_it_goes_on_and_has_failed(
    portal: World, operator: Actor, approver: Actor, work: partial[int]
) -> None:
    portal.snapshot("nightly")
    run = approved(asked(operator, snapshot="nightly"), operator, approver)

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "prove"):
            with psycopg.connect(portal.url) as second:
                second.execute("UPDATE alembic_version SET version_num = 'damaged'")
        return (moment, step) != (Moment.NOTED, "prove") or led_to(portal) != f"{SERVER}-0"

    assert work(run.id, at) == KILLED

    gone = runs.note_gone(PROCESS, runs.run(operator, run.id), Words(key="runbooks.outcome.process_gone"))
    assert gone is not None
    assert gone.state is RunStage.LOST
    runs.go_on(operator, run.id)
    assert work(run.id) == 0
    failed = runs.run(operator, run.id)
    assert (failed.state, reason(failed)) == (RunStage.FAILED, "smoke_test_schema")
    assert [line.key.rpartition(".")[2] for line in failed.result] == ["switched", "led_back"]
    assert led_to(portal) == f"{SERVER}-0"


def test_a_run_that_died_right_after_everybody_was_led_over_is_undone(
    portal: World, people: tuple[Actor, Actor], work: partial[int]
) -> None:
    portal.snapshot("nightly")
    run = approved(asked(people[0], snapshot="nightly"), *people)

    def at(moment: Moment, step: str) -> bool:
        return (moment, step) != (Moment.NOTED, "switch") or led_to(portal) == f"{SERVER}-0"

    assert work(run.id, at) == KILLED
    assert runs.note_gone(PROCESS, runs.run(people[0], run.id), Words(key="runbooks.outcome.process_gone"))
    assert [each.undone_at for each in backups.restores(PROCESS)] == [None]

    undo = asking_service.ask_undo(people[0], run.id, uuid4().hex)
    work(undo.id)
    assert work(approved(runs.run(people[0], undo.id), *people).id) == 0

    done = runs.run(people[0], undo.id)
    assert done.state is RunStage.SUCCEEDED, done.outcome
    assert led_to(portal) == f"{SERVER}-0"
    assert [each.undone_at is None for each in backups.restores(PROCESS)] == [False]


def test_who_is_led_there_already_is_followed_and_the_first_server_is_closed(
    portal: World, operator: Actor, approver: Actor, work: partial[int]
) -> None:
    portal.snapshot("nightly")
    run = approved(asked(operator, snapshot="nightly"), operator, approver)
    first = portal.url_at(portal.address(SERVER))

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (
            Moment.BEGUN,
            "switch",
        ):  # as if a process had died right after it led everybody there
            pod = f"{SERVER}-r{run.id.hex[:8]}-0"
            portal.patch(
                f"{SERVICES}/{SERVER}", {"spec": {"selector": {"statefulset.kubernetes.io/pod-name": pod}}}
            )
        return True

    work(run.id, at)

    done = runs.run(operator, run.id)
    assert done.state is RunStage.SUCCEEDED, done.outcome
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(first)
    assert audit.verify(PROCESS).is_intact
