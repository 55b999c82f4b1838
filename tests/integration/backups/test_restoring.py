"""A restore brings back what was lost, loses nothing that must not be lost, and can be taken back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count

import psycopg
import pytest
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.alerts import report_repository
from backend.audit import service as audit
from backend.backups import service as backups
from backend.backups.types import Backup, BackupOrigin, DatabaseRestore
from backend.db.engine import read, transaction
from backend.errors import Refused, Unavailable
from backend.i18n.errors import error_text
from backend.sandbox.postgres import PostgresServer
from tests import factories
from tests.integration.backups.killed import RUN, UNDO
from tests.integration.backups.owned import databases_like, outside

RUNNER = Actor.process_named("runbooks")
NEWER = "0e0e0e0e"


def execute(statement: str, **given: object) -> None:
    with transaction() as connection:
        connection.execute(text(statement), given)


def one(statement: str) -> object:
    with read() as connection:
        return connection.scalar(text(statement))


def made() -> Backup:
    return backups.backup(RUNNER, BackupOrigin.ASKED)


def restored(backup: Backup, run: str = RUN) -> DatabaseRestore:
    backups.load(RUNNER, backup.name, run)
    backups.carry(RUNNER, backup.name, run)
    done = backups.swap(RUNNER, backup.name, run)
    backups.smoke_test(RUNNER)
    return done


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", ("smoke_test_schema", "schema", "0001")),
        ("UPDATE audit_entry SET action = 'x' WHERE id = 2", ("smoke_test_audit", "entry", 2)),
    ],
)
def test_a_database_that_fails_its_test_is_refused_with_what_is_wrong_and_what_to_do(
    owned: str, postgres_server: PostgresServer, harm: str, told: tuple[str, str, str | int]
) -> None:
    for number in range(3):
        audit.record(RUNNER, "note.added", f"note:{number}")
    with psycopg.connect(postgres_server.url(owned)) as connection:
        connection.execute(f"SET LOCAL session_replication_role = replica; {harm}".encode())

    with pytest.raises(Refused) as refused:
        backups.smoke_test(RUNNER)

    assert (refused.value.data["reason"], refused.value.data[told[1]]) == (told[0], told[2])
    assert "نتیجه می‌گوید اکنون کدام پایگاه داده زنده است" in error_text(refused.value, "fa")


def test_a_restore_brings_back_rows_and_carries_over_the_audit(
    owned: str, postgres_server: PostgresServer
) -> None:
    execute("INSERT INTO measured_day VALUES ('2026-11-01', now(), now(), now(), 1, 1)")
    audit.record(RUNNER, "before", "nothing")
    backup = made()
    execute("DELETE FROM measured_day")
    audit.record(RUNNER, "after", "nothing")
    execute(
        "INSERT INTO outbox_mail VALUES ('a', 'x@y.example', 'fa', 'receipt', '{}', now(), now(), 1, NULL, now(), NULL)"
    )

    plan = backups.plan_restore(RUNNER, backup.name)
    assert dict(plan.changed_rows) == {"measured_day": (0, 1)}
    done = restored(backup)

    assert one("SELECT count(*) FROM measured_day") == 1
    assert one("SELECT count(*) FROM outbox_mail WHERE sent_at IS NOT NULL") == 1
    assert [each.event.action for each in audit.entries(factories.actor(Role.AUDITOR))] == ["after", "before"]
    assert audit.verify(RUNNER).is_intact
    assert databases_like(postgres_server, owned) == [owned, done.kept]
    assert done.refused_ms < 4000
    audit.record(RUNNER, "later", "nothing")
    assert audit.verify(RUNNER).entries == 3


def test_after_an_undo_nothing_is_lost_that_was_written_meanwhile(
    owned: str, postgres_server: PostgresServer
) -> None:
    backup = made()
    execute("INSERT INTO measured_day VALUES ('2026-11-02', now(), now(), now(), 1, 1)")
    audit.record(RUNNER, "between", "nothing")
    restored(backup)
    assert one("SELECT count(*) FROM measured_day") == 0
    audit.record(RUNNER, "meanwhile", "nothing")

    backups.undo(RUNNER, RUN, UNDO)
    backups.undo(RUNNER, RUN, UNDO)

    backups.smoke_test(RUNNER)
    assert one("SELECT count(*) FROM measured_day") == 1
    assert audit.verify(RUNNER).entries == 2
    assert [(each.run, each.undone_at is not None) for each in backups.restores(RUNNER)] == [(RUN, True)]
    assert databases_like(postgres_server, owned) == [owned, f"{owned}_before_{UNDO}"]
    with pytest.raises(Refused):
        backups.undo(RUNNER, RUN, "1f1f1f1f")


def test_an_older_restore_is_not_undone_while_a_newer_one_stands(owned: str) -> None:
    first = made()
    execute("INSERT INTO measured_day VALUES ('2026-11-02', now(), now(), now(), 1, 1)")
    second = made()
    restored(first)
    restored(second, NEWER)

    for undo in (partial(backups.undoable, RUNNER, RUN), partial(backups.undo, RUNNER, RUN, UNDO)):
        with pytest.raises(Refused) as refused:
            undo()
        assert (refused.value.data["reason"], refused.value.data["number"]) == ("undo_not_newest", NEWER)
    assert second.name in error_text(refused.value, "fa")
    assert one("SELECT count(*) FROM measured_day") == 1

    backups.undo(RUNNER, NEWER, UNDO)
    backups.undo(RUNNER, RUN, "1f1f1f1f")
    assert one("SELECT count(*) FROM measured_day") == 1
    backups.smoke_test(RUNNER)


def test_what_a_dump_does_not_hold_is_copied(owned: str, postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        for statement in (
            f"ALTER DATABASE {owned} SET work_mem = '7MB'",
            f"ALTER DATABASE {owned} SET search_path = public, pg_catalog",
            f"ALTER ROLE portal_owner IN DATABASE {owned} SET lock_timeout = '11s'",
            f"REVOKE ALL ON DATABASE {owned} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {owned} TO pg_monitor",
            f"COMMENT ON DATABASE {owned} IS 'the portal''s'",
            f"ALTER DATABASE {owned} CONNECTION LIMIT 90",
        ):
            connection.execute(statement)
    before = outside(postgres_server, owned)

    restored(made())

    assert outside(postgres_server, owned) == before
    assert before["comment"] == "the portal's"


def test_connections_that_are_held_open_are_cut_off(owned: str) -> None:
    backup = made()
    with psycopg.connect(backups_url()) as held:
        held.execute("INSERT INTO measured_day VALUES ('2026-11-03', now(), now(), now(), 1, 1)")
        restored(backup)
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")


def backups_url() -> str:
    from backend.backups.backup_service import database_url  # noqa: PLC0415

    return database_url()


def test_a_connection_that_nobody_may_cut_off_stops_the_swap_and_nothing_else(
    owned: str, postgres_server: PostgresServer
) -> None:
    backup = made()
    backups.load(RUNNER, backup.name, RUN)
    with psycopg.connect(postgres_server.url(owned)):
        with pytest.raises(Refused) as refused:
            backups.swap(RUNNER, backup.name, RUN)
        assert refused.value.data == {"reason": "database_in_use", "accounts": "postgres"}
        audit.record(RUNNER, "goes on", "nothing")

    assert backups.swap(RUNNER, backup.name, RUN).kept in databases_like(postgres_server, owned)
    assert audit.verify(RUNNER).entries == 1


def test_no_entry_is_lost_while_everybody_writes_on(owned: str) -> None:
    backup = made()
    with writers() as (written, causes):
        restored(backup)

    assert written
    assert causes <= {None, "swapped"}
    assert audit.verify(RUNNER).is_intact
    with read() as connection:
        targets = set(connection.scalars(text("SELECT target FROM audit_entry")))
    assert set(written) <= targets


@contextmanager
def writers() -> Iterator[tuple[list[str], set[object]]]:
    """Threads that write audit entries all the time: the targets that were committed, and why others were not."""
    written: list[str] = []
    causes: set[object] = set()
    stop, numbers = threading.Event(), count()

    def write() -> None:
        while not stop.is_set():
            target = f"click:{next(numbers)}"
            try:
                audit.record(RUNNER, "click", target)
            except Unavailable as refused:
                causes.add(refused.data.get("cause"))
                continue
            written.append(target)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield written, causes
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_board_that_readers_share_is_not_shared_between_two_databases(owned: str) -> None:
    backup = made()
    before = report_repository.version()

    restored(backup)

    assert report_repository.version() != before
    assert report_repository.version()._replace(database=before.database) == before
