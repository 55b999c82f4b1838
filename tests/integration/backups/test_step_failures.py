"""Backups and restores, killed and left by the bucket at each step: see ``tests/integration/runbooks/failures.py``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.config import settings
from backend.db.engine import read, transaction
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage, Words
from backend.sandbox.postgres import PostgresServer
from tests import factories
from tests.integration.backups.bucket_server import BUCKET, KEY, SECRET, bucket_server
from tests.integration.backups.owned import databases_like
from tests.integration.backups.test_backing_up import no_file_above
from tests.integration.runbooks.failures import (
    ROWS,
    Trial,
    actions_of,
    fail_in_every_step,
    survive_every_crash,
    survive_every_kill,
)
from tests.integration.runbooks.front import Front, Way, front
from tests.integration.runbooks.mortal import KILLED, Moment, Mortals
from tests.waiting import until

RUNNER = Actor.process_named("runbooks")
SWAPPING = """
SELECT 1 FROM pg_locks l, pg_stat_activity a WHERE a.wait_event = 'PgSleep' AND l.granted
   AND l.classid = 'pg_database'::regclass AND l.mode = 'AccessExclusiveLock'
"""
VALUES = {"backend.clients.object_storage.TIMEOUT": 0.5}


@pytest.fixture
def given(owned: str) -> Callable[[str], Mapping[str, str]]:
    """Fields of an action; two backups are there, and a row that a restore takes away."""

    def made(action: str) -> Mapping[str, str]:
        backup = backups.backup(RUNNER, BackupOrigin.ASKED)
        with transaction() as connection:
            connection.execute(
                text("INSERT INTO measured_day VALUES ('2026-11-01', now(), now(), now(), 1, 1)")
            )
        return {"backup": backup.name} if action == "restore_database" else {}

    return made


@pytest.fixture
def trial(owned: str, postgres_server: PostgresServer, run_processes: Mortals) -> Callable[[str], Trial]:
    """What it takes to try out an action; a restore needs somebody who approves it."""
    operator, approver = (factories.user(role).actor for role in (Role.OPERATOR, Role.APPROVER))

    def measured() -> object:
        """What is in the live database, and that its trail is whole."""
        assert audit.verify(RUNNER).is_intact
        with read() as connection:
            return connection.scalar(text("SELECT count(*) FROM measured_day"))

    def made(action: str) -> Trial:
        is_restore = action == "restore_database"
        return Trial(
            actor=operator,
            work=lambda *run: run_processes.work(*run, values=VALUES),
            effect=measured if is_restore else lambda: None,
            approver=approver if is_restore else None,
        )

    return made


@pytest.mark.parametrize("action", actions_of("backups"))
def test_a_run_that_is_killed_in_each_step_goes_on_to_the_same_end(
    action: str,
    trial: Callable[[str], Trial],
    given: Callable[[str], Mapping[str, str]],
    owned: str,
    postgres_server: PostgresServer,
) -> None:
    survive_every_kill(trial(action), action, given(action))

    left = [name for name in databases_like(postgres_server, owned) if "_before_" not in name]
    assert left == [owned]
    assert all(backups.check_backup(RUNNER, each.name) for each in backups.backups(RUNNER))


@pytest.fixture
def bucket(owned: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """Object storage that can be dead."""
    with bucket_server() as behind, front(behind.url) as server:
        monkeypatch.setenv("BACKUP_BUCKET_URL", server.url)
        monkeypatch.setenv("BACKUP_BUCKET_NAME", BUCKET)
        monkeypatch.setenv("BACKUP_BUCKET_ACCESS_KEY", KEY)
        monkeypatch.setenv("BACKUP_BUCKET_SECRET_KEY", SECRET)
        settings.cache_clear()
        yield server


@pytest.mark.parametrize("action", actions_of("backups"))
def test_a_run_whose_bucket_dies_in_a_step_says_so_and_leaves_what_was(
    action: str, bucket: Front, trial: Callable[[str], Trial], given: Callable[[str], Mapping[str, str]]
) -> None:
    def kill(_dependency: str, way: Way | None) -> None:
        for dump in Path(settings().backup_dir).glob("*.dump"):
            dump.unlink()  # the folder is only the bucket's cache
        bucket.dead = way

    # Each way is one to the storage's client; a restore is long.
    ways = tuple(Way) if action == "backup_database" else (Way.BROKEN,)
    fail_in_every_step(trial(action), action, given(action), kill, ways=ways)


def test_a_restore_goes_on_although_postgresql_dies_in_each_step(
    trial: Callable[[str], Trial], given: Callable[[str], Mapping[str, str]], crash: Callable[[], None]
) -> None:
    survive_every_crash(trial("restore_database"), "restore_database", given("restore_database"), crash)


@pytest.fixture
def large(owned: str) -> None:
    """A table that takes a moment to restore, and more than a small disk."""
    with transaction() as connection:
        for statement in (
            "CREATE TABLE large (filler text)",
            "ALTER TABLE large ALTER filler SET STORAGE EXTERNAL",
            "INSERT INTO large SELECT repeat('x', 7000) FROM generate_series(1, 3000)",
        ):
            connection.execute(text(statement))


@contextmanager
def small_disk(server: PostgresServer) -> Iterator[None]:
    """A server none of whose files grows beyond a size, as on a full disk; its log's segments are a bit smaller."""
    server.stop()
    with no_file_above(17 * 1024 * 1024):
        server.start()
    try:
        yield
    finally:
        server.restart()


@pytest.mark.usefixtures("large")
def test_a_disk_that_fills_in_the_middle_of_a_restore_ends_it_and_leaves_what_was(
    trial: Callable[[str], Trial],
    given: Callable[[str], Mapping[str, str]],
    owned: str,
    postgres_server: PostgresServer,
) -> None:
    subject, fields = trial("restore_database"), given("restore_database")
    before, run = subject.effect(), subject.confirmed("restore_database", fields)

    with small_disk(postgres_server):
        assert subject.work(run.id) == 0

    failed = runs.run(subject.actor, run.id)
    assert failed.outcome is not None
    assert (failed.state, failed.outcome.key) == (RunStage.FAILED, "error.refused.postgres_tool_failed")
    assert "could not" in str(failed.outcome.values["said"])
    assert databases_like(postgres_server, owned) == [owned]
    assert subject.effect() == before
    again = subject.confirmed("restore_database", fields)
    assert subject.work(again.id) == 0
    assert runs.run(subject.actor, again.id).state is RunStage.SUCCEEDED


def in_new_database(server: PostgresServer, run: RunbookRun, body: str) -> None:
    """Let PostgreSQL do something whenever audit entries are written into the database that a run restores into."""
    [name] = [name for name in databases_like(server, "owned_") if name.endswith(f"_r{run.id.hex[:8]}")]
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER meet AFTER INSERT ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION meet()"
        )


@pytest.mark.usefixtures("large")
def test_a_restore_goes_on_although_postgresql_dies_while_it_loads_and_while_it_swaps(
    trial: Callable[[str], Trial],
    given: Callable[[str], Mapping[str, str]],
    postgres_server: PostgresServer,
    crash: Callable[[], None],
) -> None:
    subject = trial("restore_database")
    run = subject.confirmed("restore_database", given("restore_database"))
    died: list[str] = []

    def dies_while(step: str, sight: str) -> None:
        def watch() -> None:
            with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
                until(lambda: connection.execute(sight).fetchone())
            crash()
            died.append(step)

        Thread(target=watch).start()

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "load"):
            dies_while(step, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_restore'")
        if (moment, step) == (Moment.BEGUN, "swap"):
            in_new_database(postgres_server, run, "PERFORM pg_sleep(0.5)")
            dies_while(step, SWAPPING)
        return True

    assert subject.work(run.id, at) == 0

    done = runs.run(subject.actor, run.id)
    assert done.state is RunStage.SUCCEEDED, done.outcome
    assert died == ["load", "swap"]
    assert {each.key for each in done.result} == ROWS["restore_database"].result
    assert subject.effect() == 0


def test_a_disk_that_fills_while_rows_are_carried_over_ends_the_restore_at_once_and_says_so(
    trial: Callable[[str], Trial],
    given: Callable[[str], Mapping[str, str]],
    owned: str,
    postgres_server: PostgresServer,
) -> None:
    subject = trial("restore_database")
    run = subject.confirmed("restore_database", given("restore_database"))
    before = subject.effect()

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "carry"):
            in_new_database(postgres_server, run, "RAISE 'no space left' USING ERRCODE = '53100'")
        return True

    assert subject.work(run.id, at) == 0

    failed = runs.run(subject.actor, run.id)
    assert failed.outcome is not None
    assert (failed.state, failed.outcome.key) == (RunStage.FAILED, "error.database_cause.disk_full")
    assert subject.effect() == before
    assert databases_like(postgres_server, owned) == [owned]


def break_proof(server: PostgresServer, database: str) -> None:
    """Let the live database be of a schema that nobody knows."""
    with psycopg.connect(server.url(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'damaged'")


def is_proof_broken(server: PostgresServer, database: str) -> bool:
    with psycopg.connect(server.url(database)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("damaged",)


def test_a_restore_whose_process_dies_while_it_swaps_back_goes_back_when_it_goes_on_and_has_failed(
    trial: Callable[[str], Trial],
    given: Callable[[str], Mapping[str, str]],
    owned: str,
    postgres_server: PostgresServer,
) -> None:
    subject = trial("restore_database")
    run = subject.confirmed("restore_database", given("restore_database"))
    before = subject.effect()

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "prove"):
            break_proof(postgres_server, owned)
        return (moment, step) != (Moment.NOTED, "prove") or is_proof_broken(postgres_server, owned)

    assert subject.work(run.id, at) == KILLED

    gone = runs.note_gone(RUNNER, runs.run(subject.actor, run.id), Words(key="runbooks.outcome.process_gone"))
    assert gone is not None
    assert gone.state is RunStage.LOST
    runs.go_on(subject.actor, run.id)
    assert subject.work(run.id) == 0
    assert_swapped_back(subject, run)
    assert subject.effect() == before


def assert_swapped_back(subject: Trial, run: RunbookRun) -> None:
    """The run has failed, says that it went back, and so does the list of restores."""
    failed = runs.run(subject.actor, run.id)
    assert failed.outcome is not None
    assert (failed.state, failed.outcome.key) == (RunStage.FAILED, "error.refused.smoke_test_schema")
    assert "runbooks.restore_database.swapped_back" in {each.key for each in failed.result}
    assert [each.undone_at is None for each in backups.restores(RUNNER)] == [False]


def lose_postgresql_once(server: PostgresServer, database: str) -> None:
    """Let the connection die that first notes in this database that a restore is taken back."""
    with psycopg.connect(server.url(database)) as connection:
        connection.execute("CREATE SCHEMA apart; CREATE SEQUENCE apart.times")
        connection.execute(
            "CREATE FUNCTION apart.once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
            " IF nextval('apart.times') = 1"
            " THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER once AFTER UPDATE OF undone_at ON database_restore"
            " FOR EACH STATEMENT EXECUTE FUNCTION apart.once()"
        )


def test_a_restore_that_loses_postgresql_while_it_swaps_back_has_failed_and_says_so(
    trial: Callable[[str], Trial],
    given: Callable[[str], Mapping[str, str]],
    owned: str,
    postgres_server: PostgresServer,
) -> None:
    subject = trial("restore_database")
    run = subject.confirmed("restore_database", given("restore_database"))
    before = subject.effect()

    def at(moment: Moment, step: str) -> bool:
        if (moment, step) == (Moment.BEGUN, "swap"):
            lose_postgresql_once(postgres_server, owned)
        if (moment, step) == (Moment.BEGUN, "prove"):
            break_proof(postgres_server, owned)
        return True

    assert subject.work(run.id, at) == 0

    assert_swapped_back(subject, run)
    assert subject.effect() == before
