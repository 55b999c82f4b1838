"""Backups, drills and restores as runs of the engine, which runs on the database that is swapped."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.clock import utc_now
from backend.config import settings
from backend.db import engine as engine_of_database
from backend.db.engine import read, transaction
from backend.i18n.catalog import sentences
from backend.runbooks import service as runs
from backend.runbooks.types import LineKind, RunbookRun, RunStage, Words
from backend.runbooks.words_rules import said_line
from backend.sandbox.postgres import PostgresServer
from runbooks import asking_service, engine
from runbooks.form_types import RunWish
from tests import factories
from tests.integration.backups.owned import databases_like

RUNNER = Actor.process_named("runbooks")
OTHER = "0e0e0e0e"


@pytest.fixture
def database(owned: str) -> str:
    return owned


@pytest.fixture
def requester(database: str) -> Actor:
    return factories.user(Role.OPERATOR).actor


@pytest.fixture
def approver(database: str) -> Actor:
    return factories.user(Role.APPROVER).actor


def done(actor: Actor, action: str, given: Mapping[str, str], approver: Actor | None = None) -> RunbookRun:
    run = asking_service.ask(actor, RunWish(action=action, given=given, request_key=uuid4().hex))
    return worked(actor, run, approver)


def worked(actor: Actor, run: RunbookRun, approver: Actor | None) -> RunbookRun:
    """Let a run be planned, confirmed, approved where it must be, and done."""
    run = approved(actor, run, approver)
    engine.work_on(run.id)
    run = runs.run(actor, run.id)
    assert run.state is RunStage.SUCCEEDED, run.outcome
    return run


def approved(actor: Actor, run: RunbookRun, approver: Actor | None) -> RunbookRun:
    """Let a run be planned, confirmed, and approved where it must be."""
    assert engine.work_on(run.id) is RunStage.PLANNED, runs.run(actor, run.id).outcome
    run = runs.run(actor, run.id)
    assert run.plan is not None
    run = runs.confirm(actor, run.id, run.plan_hash, run.plan.confirmation)
    if approver is not None:
        runs.approve(approver, run.id, run.plan_hash)
    return run


def test_a_nightly_backup_is_made_and_tried_out_by_runs_that_nobody_confirms(database: str) -> None:
    for action in ("backup_database", "restore_drill"):
        run = asking_service.ask_scheduled(RUNNER, action, {}, utc_now())
        assert engine.work_on(run.id) is RunStage.SUCCEEDED, runs.run(RUNNER, run.id).outcome

    [backup] = backups.backups(RUNNER)
    health = backups.health(RUNNER)
    assert backup.origin is BackupOrigin.NIGHTLY
    assert health.drill is not None
    assert (health.backup_at, health.drill.backup) == (backup.started_at, backup.name)


def test_a_drill_that_fails_says_why_in_a_sentence(database: str) -> None:
    made = asking_service.ask_scheduled(RUNNER, "backup_database", {}, utc_now())
    assert engine.work_on(made.id) is RunStage.SUCCEEDED
    [backup] = backups.backups(RUNNER)
    (Path(settings().backup_dir) / f"{backup.name}.dump").write_bytes(b"")

    run = asking_service.ask_scheduled(RUNNER, "restore_drill", {}, utc_now())

    assert engine.work_on(run.id) is RunStage.FAILED
    told = [said_line(line.text, "fa") for line in runs.lines(RUNNER, run.id) if line.kind is LineKind.WORDS]
    assert sentences("fa")["error.refused.backup_damaged"] in told
    assert not any("backup_damaged" in line for line in told)


def test_a_restore_goes_on_while_its_own_database_is_swapped_and_so_does_its_undo(
    requester: Actor, approver: Actor
) -> None:
    done(requester, "backup_database", {})
    [backup] = backups.backups(RUNNER)
    with transaction() as connection:
        connection.execute(text("INSERT INTO measured_day VALUES ('2026-11-01', now(), now(), now(), 1, 1)"))

    run = done(requester, "restore_database", {"backup": backup.name}, approver)

    assert count("measured_day") == 0
    assert run.approver == approver.label
    assert_whole_log(run)
    assert audit.verify(RUNNER).is_intact
    assert [each.origin for each in backups.backups(RUNNER)] == [BackupOrigin.SAFETY, BackupOrigin.ASKED]

    undo = worked(requester, asking_service.ask_undo(requester, run.id, uuid4().hex), approver)

    assert count("measured_day") == 1
    for each in (run, undo):
        assert_whole_log(each)
        assert_done(each)
    assert audit.verify(RUNNER).is_intact
    assert runs.run(requester, run.id).state is RunStage.SUCCEEDED


def test_a_restore_whose_process_is_killed_at_each_step_goes_on_to_its_end(
    requester: Actor, approver: Actor
) -> None:
    done(requester, "backup_database", {})
    [backup] = backups.backups(RUNNER)
    with transaction() as connection:
        connection.execute(text("INSERT INTO measured_day VALUES ('2026-11-01', now(), now(), now(), 1, 1)"))
    wish = RunWish(action="restore_database", given={"backup": backup.name}, request_key=uuid4().hex)
    run = approved(requester, asking_service.ask(requester, wish), approver)

    for place in ("restored", "half carried", "cut off", "renamed"):
        command = [sys.executable, "-m", "tests.integration.backups.killed", "run", str(run.id), place]
        assert subprocess.run(command, check=False).returncode == -9
        lost = runs.note_gone(RUNNER, runs.run(RUNNER, run.id), Words(key="runbooks.outcome.crashed"))
        assert lost is not None
        assert lost.state is RunStage.LOST
        assert_whole_log(run)
        runs.go_on(requester, run.id)
    assert engine.work_on(run.id) is RunStage.SUCCEEDED, runs.run(RUNNER, run.id).outcome

    assert count("measured_day") == 0
    assert_done(run)
    assert audit.verify(RUNNER).is_intact


def test_a_lost_restore_is_not_swapped_in_over_a_database_that_its_plan_does_not_know(
    requester: Actor, approver: Actor
) -> None:
    done(requester, "backup_database", {})
    [backup] = backups.backups(RUNNER)
    run = _killed_before_the_swap(requester, backup.name, approver)
    backups.load(RUNNER, backup.name, OTHER)
    backups.carry(RUNNER, backup.name, OTHER)
    backups.swap(RUNNER, backup.name, OTHER)

    runs.go_on(requester, run.id)

    assert engine.work_on(run.id) is RunStage.FAILED
    outcome = runs.run(RUNNER, run.id).outcome
    assert outcome is not None
    assert outcome.key == "error.conflict.restore_live_differs"
    assert [each.run for each in backups.restores(RUNNER)] == [OTHER]


def test_the_nightly_backup_leaves_a_restore_what_it_needs_to_go_on_and_drops_it_later(
    requester: Actor, approver: Actor, owned: str, postgres_server: PostgresServer
) -> None:
    done(requester, "backup_database", {})
    [backup] = backups.backups(RUNNER)
    run = _killed_before_the_swap(requester, backup.name, approver, "half carried")
    loaded = f"{owned}_r{run.id.hex[:8]}"
    engine.work_on(asking_service.ask_scheduled(RUNNER, "backup_database", {}, utc_now()).id)
    assert loaded in databases_like(postgres_server, owned)

    with transaction() as connection:
        connection.execute(text("UPDATE runbook_run SET ended_at = ended_at - interval '61 minutes'"))
    engine.work_on(asking_service.ask_scheduled(RUNNER, "backup_database", {}, utc_now()).id)

    assert loaded not in databases_like(postgres_server, owned)


def _killed_before_the_swap(
    requester: Actor, backup: str, approver: Actor, place: str = "restored"
) -> RunbookRun:
    """A restore whose process died before the swap."""
    wish = RunWish(action="restore_database", given={"backup": backup}, request_key=uuid4().hex)
    return _killed(approved(requester, asking_service.ask(requester, wish), approver), place)


def _killed(run: RunbookRun, place: str) -> RunbookRun:
    command = [sys.executable, "-m", "tests.integration.backups.killed", "run", str(run.id), place]
    assert subprocess.run(command, check=False).returncode == -9
    lost = runs.note_gone(RUNNER, runs.run(RUNNER, run.id), Words(key="runbooks.outcome.process_gone"))
    assert lost is not None
    return lost


def count(table: str) -> int:
    with read() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def assert_whole_log(run: RunbookRun) -> None:
    """The log of a run has each number once, without a gap."""
    numbers = [line.number for line in runs.lines(RUNNER, run.id)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def assert_done(run: RunbookRun) -> None:
    assert {step.state.value for step in runs.steps(RUNNER, run.id)} == {"done"}


def test_the_nightly_backup_is_made_although_a_leftover_belongs_to_another_role(
    requester: Actor, approver: Actor, owned: str, postgres_server: PostgresServer
) -> None:
    done(requester, "backup_database", {})
    [backup] = backups.backups(RUNNER)
    run = _killed_before_the_swap(requester, backup.name, approver)
    theirs = f"{owned}_drill_{run.id.hex[:8]}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as server:
        server.execute(SQL("CREATE DATABASE {}").format(Identifier(theirs)))
    with transaction() as connection:
        connection.execute(text("UPDATE runbook_run SET ended_at = ended_at - interval '61 minutes'"))

    made = asking_service.ask_scheduled(RUNNER, "backup_database", {}, utc_now())

    assert engine.work_on(made.id) is RunStage.SUCCEEDED
    told = [line for line in runs.run(RUNNER, made.id).result if line.key.endswith("not_dropped")]
    assert [line.values["database"] for line in told] == [theirs]


def test_a_lost_undo_does_not_replace_a_live_database_that_its_plan_does_not_know(
    requester: Actor, approver: Actor, owned: str, postgres_server: PostgresServer
) -> None:
    done(requester, "backup_database", {})
    [backup] = backups.backups(RUNNER)
    run = done(requester, "restore_database", {"backup": backup.name}, approver)
    undo = approved(requester, asking_service.ask_undo(requester, run.id, uuid4().hex), approver)
    assert undo.plan is not None
    assert undo.plan.versions == {f"database/{owned}": backups.live_version(RUNNER)}
    lost = _killed(undo, "half carried")
    replace_by_hand(postgres_server, owned)

    runs.go_on(requester, lost.id)

    assert engine.work_on(lost.id) is RunStage.FAILED
    outcome = runs.run(RUNNER, lost.id).outcome
    assert outcome is not None
    assert outcome.key == "error.conflict.restore_live_differs"
    assert f"{owned}_by_hand" in databases_like(postgres_server, owned)


def replace_by_hand(server: PostgresServer, name: str) -> None:
    """Put a copy in the place of a database, as an administrator does."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for statement in (
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            f"CREATE DATABASE {name}_copy TEMPLATE {name} OWNER portal_owner",
            f"ALTER DATABASE {name} RENAME TO {name}_by_hand",
            f"ALTER DATABASE {name}_copy RENAME TO {name}",
        ):
            connection.execute(statement)
    engine_of_database.dispose()
