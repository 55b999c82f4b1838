"""Backups and restores, killed and left by the bucket at each step: see ``tests/integration/runbooks/failures.py``."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.config import settings
from backend.db.engine import read, transaction
from backend.sandbox.postgres import PostgresServer
from tests import factories
from tests.integration.backups.bucket_server import BUCKET, KEY, SECRET, bucket_server
from tests.integration.backups.owned import databases_like
from tests.integration.runbooks.failures import (
    Trial,
    actions_of,
    fail_in_every_step,
    survive_every_crash,
    survive_every_kill,
)
from tests.integration.runbooks.front import Front, front
from tests.integration.runbooks.mortal import Mortals

RUNNER = Actor.process_named("runbooks")
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
    def kill(_dependency: str, way: object) -> None:
        for dump in Path(settings().backup_dir).glob("*.dump"):
            dump.unlink()  # the folder is only the bucket's cache
        bucket.dead = way  # type: ignore[assignment]

    fail_in_every_step(trial(action), action, given(action), kill)


def test_a_restore_goes_on_although_postgresql_dies_in_each_step(
    trial: Callable[[str], Trial], given: Callable[[str], Mapping[str, str]], crash: Callable[[], None]
) -> None:
    survive_every_crash(trial("restore_database"), "restore_database", given("restore_database"), crash)
