"""What restores and drills left is dropped in time; a database or a file of somebody else never is."""

import os
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from backend import clock
from backend.actor import Actor
from backend.backups import repository
from backend.backups import service as backups
from backend.backups.types import DatabaseRestore, ForgottenDatabases
from backend.config import settings
from backend.sandbox.postgres import PostgresServer
from tests.conftest import forget_caches
from tests.integration.backups.killed import RUN, UNDO
from tests.integration.backups.owned import create_owned, databases_like, owners_url
from tests.integration.backups.test_restoring import made, restored

RUNNER = Actor.process_named("runbooks")


def test_a_database_that_no_run_of_this_installation_made_is_never_dropped(
    owned: str, postgres_server: PostgresServer
) -> None:
    of_others = [
        f"{owned}_staging_r{RUN}",
        f"{owned}_demo_drill_{RUN}",
        f"{owned}_staging",
        f"{owned}_r{RUN}x",
    ]
    by_date = f"{owned}_r20261122"
    for name in (*of_others, by_date):
        create_owned(postgres_server, name)

    forgotten = backups.forget_kept(RUNNER, [RUN])

    assert (forgotten.dropped, forgotten.unknown) == ((), (by_date,))
    assert databases_like(postgres_server, owned) == sorted([owned, by_date, *of_others])


def test_what_restores_and_drills_left_that_died_is_dropped_unless_one_may_go_on(
    owned: str, postgres_server: PostgresServer
) -> None:
    left = (f"{owned}_drill_{RUN}", f"{owned}_r{RUN}")
    for name in (*left, f"{owned}_r{UNDO}"):
        create_owned(postgres_server, name)

    assert backups.forget_kept(RUNNER, [RUN, UNDO], going_on=[UNDO]).dropped == left

    assert databases_like(postgres_server, owned) == [owned, f"{owned}_r{UNDO}"]


def test_a_kept_database_of_another_installation_whose_backup_was_restored_here_stays(
    owned: str, postgres_server: PostgresServer
) -> None:
    theirs = f"{owned}_staging_before_{RUN}"
    create_owned(postgres_server, theirs)
    old = clock.utc_now() - timedelta(days=30)
    repository.insert_restore(
        DatabaseRestore(run=RUN, backup="b", backup_at=old, kept=theirs, swapped_at=old, refused_ms=1)
    )

    assert backups.forget_kept(RUNNER).dropped == ()

    assert theirs in databases_like(postgres_server, owned)


def test_a_leftover_of_another_role_is_named_and_the_others_are_dropped(
    owned: str, postgres_server: PostgresServer
) -> None:
    theirs, ours = f"{owned}_drill_{RUN}", f"{owned}_r{RUN}"
    create_owned(postgres_server, ours)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(theirs)))

    forgotten = backups.forget_kept(RUNNER, [RUN])

    assert (forgotten.dropped, forgotten.refused) == ((ours,), (theirs,))


def test_a_restore_of_a_database_with_a_long_name_is_undone_and_leaves_nothing(
    owned: str,
    owned_template: str,
    owner_password: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = f"{owned}_".ljust(63, "x")
    create_owned(postgres_server, long, owned_template)
    monkeypatch.setenv("DATABASE_URL", owners_url(postgres_server, owner_password, long))
    forget_caches()
    backup = made()
    restored(backup)
    backups.load(RUNNER, backup.name, UNDO)

    assert backups.undoable(RUNNER, RUN).backup == backup.name
    assert backups.forget_kept(RUNNER, [UNDO]).dropped == (f"{long[:53]}_r{UNDO}",)


def test_a_half_written_backup_of_another_database_in_the_same_folder_stays(owned: str) -> None:
    made()
    folder = Path(settings().backup_dir)
    theirs, ours = (
        folder / f"{name}-20261101t000000z-{RUN}.dump.partial" for name in (f"{owned}_staging", owned)
    )
    for path in (theirs, ours):
        path.write_bytes(b"")
        os.utime(path, (0, 0))

    backups.forget_old(RUNNER)

    assert (theirs.exists(), ours.exists()) == (True, False)


def test_a_week_after_an_undo_the_database_that_the_restore_had_brought_is_dropped(
    owned: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(made())
    backups.undo(RUNNER, RUN, UNDO)
    kept = f"{owned}_before_{UNDO}"

    assert backups.forget_kept(RUNNER) == ForgottenDatabases(dropped=(), refused=(), unknown=())
    later = clock.utc_now() + timedelta(days=8)
    monkeypatch.setattr(clock, "utc_now", lambda: later)

    assert backups.forget_kept(RUNNER).dropped == (kept,)
    assert databases_like(postgres_server, owned) == [owned]
