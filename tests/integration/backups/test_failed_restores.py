"""Whatever ends a restore, the live database is open and whole, and the restore can be done again."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import text

from backend.actor import Actor
from backend.audit import service as audit
from backend.backups import restore_service
from backend.backups import service as backups
from backend.backups.types import Backup, BackupOrigin
from backend.config import settings
from backend.db import engine, migrate
from backend.db.engine import read, transaction
from backend.errors import Conflict, Refused
from backend.sandbox.postgres import PostgresServer
from tests.integration.backups.killed import RUN, UNDO
from tests.integration.backups.owned import databases_like

RUNNER = Actor.process_named("runbooks")


def made() -> Backup:
    return backups.backup(RUNNER, BackupOrigin.ASKED)


def reason(refused: pytest.ExceptionInfo[Refused]) -> object:
    return refused.value.data.get("reason")


def killed(step: str, backup: Backup, place: str) -> None:
    """Run a step in a process that dies at a place of it; the live database is open and whole after that."""
    command = [sys.executable, "-m", "tests.integration.backups.killed", step, backup.name, place]
    assert subprocess.run(command, check=False).returncode == -9
    audit.record(RUNNER, "goes on", place)
    assert audit.verify(RUNNER).is_intact


def test_a_restore_that_is_killed_anywhere_is_done_again(owned: str, postgres_server: PostgresServer) -> None:
    backup = made()

    killed("load", backup, "restored")
    backups.load(RUNNER, backup.name, RUN)
    killed("carry", backup, "half carried")
    backups.carry(RUNNER, backup.name, RUN)
    killed("swap", backup, "cut off")
    assert databases_like(postgres_server, owned) == [owned, f"{owned}_r{RUN}"]
    killed("swap", backup, "renamed")
    assert databases_like(postgres_server, owned) == [owned, f"{owned}_before_{RUN}"]
    [swapped] = backups.restores(RUNNER)
    assert backups.undoable(RUNNER, RUN) == swapped
    assert backups.swap(RUNNER, backup.name, RUN) == swapped
    killed("undo", backup, "cut off")
    assert len(backups.restores(RUNNER)) == 1
    killed("undo", backup, "renamed back")
    assert [each.undone_kept for each in backups.restores(RUNNER)] == [f"{owned}_before_{UNDO}"]
    backups.undo(RUNNER, RUN, UNDO)

    backups.smoke_test(RUNNER)
    assert targets() == ["restored", "half carried", "cut off", "renamed", "cut off", "renamed back"]


def targets() -> list[str]:
    with read() as connection:
        return list(connection.scalars(text("SELECT target FROM audit_entry ORDER BY id")))


def downgrade(revision: str) -> None:
    """Take the newest migrations back."""
    with engine.engine().begin() as connection:
        command.downgrade(migrate._config(connection), revision)


def test_a_backup_of_an_older_schema_is_migrated_before_the_swap(
    owned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    downgrade("0016")
    with monkeypatch.context() as old:
        old.setattr("backend.backups.repository.insert_backup", lambda _backup: None)
        backup = made()
    migrate.upgrade(settings().database_url.get_secret_value())

    assert backups.plan_restore(RUNNER, backup.name).migrates
    backups.load(RUNNER, backup.name, RUN)
    backups.swap(RUNNER, backup.name, RUN)

    backups.smoke_test(RUNNER)
    assert backup.schema == "0016"
    assert len(backups.restores(RUNNER)) == 1


def test_a_backup_of_a_newer_schema_is_refused(owned: str) -> None:
    with transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    backup = made()
    with transaction() as connection:
        connection.execute(
            text("UPDATE alembic_version SET version_num = :head"), {"head": migrate.newest_known()}
        )

    for refuse in (backups.plan_restore, lambda actor, name: backups.load(actor, name, RUN)):
        with pytest.raises(Refused) as refused:
            refuse(RUNNER, backup.name)
        assert reason(refused) == "backup_schema_newer"


def test_two_restores_at_once_are_one(owned: str) -> None:
    backup = made()
    with restore_service.only_restore(), pytest.raises(Conflict):
        backups.load(RUNNER, backup.name, RUN)
    backups.load(RUNNER, backup.name, RUN)


def test_a_damaged_dump_leaves_no_database_behind(owned: str, postgres_server: PostgresServer) -> None:
    backup = made()
    path = Path(settings().backup_dir) / f"{backup.name}.dump"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])

    with pytest.raises(Refused):
        backups.load(RUNNER, backup.name, RUN)
    failed = backups.drill(RUNNER, RUN)
    path.write_bytes(whole)
    passed = backups.drill(RUNNER, UNDO)

    assert (failed.error, passed.error) == ("refused.backup_damaged", "")
    assert passed.row_count == backup.row_count
    assert databases_like(postgres_server, owned) == [owned]
    health = backups.health(RUNNER)
    assert (health.drill, health.backup_at, health.passed_at) == (
        passed,
        backup.started_at,
        passed.finished_at,
    )


def test_a_trail_that_does_not_go_on_where_the_backup_ends_is_not_joined(
    owned: str, postgres_server: PostgresServer
) -> None:
    audit.record(RUNNER, "true", "nothing")
    backup = made()
    with psycopg.connect(postgres_server.url(owned)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_entry SET hash = set_byte(hash, 0, 255 - get_byte(hash, 0))")
    backups.load(RUNNER, backup.name, RUN)

    with pytest.raises(Refused) as refused:
        backups.swap(RUNNER, backup.name, RUN)

    assert reason(refused) == "audit_differs"
