"""A backup is whole or none: checked when it is made, and again before anybody relies on it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.backups import service as backups
from backend.backups.types import Backup, BackupOrigin
from backend.clients.postgres_tools import PostgresTools
from backend.config import settings
from backend.errors import Conflict, Forbidden, Refused
from backend.i18n.errors import error_text
from tests import factories

RUNNER = Actor.process_named("runbooks")


def files() -> list[str]:
    return sorted(path.name for path in Path(settings().backup_dir).iterdir())


def made(origin: BackupOrigin = BackupOrigin.ASKED) -> Backup:
    return backups.backup(RUNNER, origin)


def dump_of(backup: Backup) -> Path:
    return Path(settings().backup_dir) / f"{backup.name}.dump"


def reason(refused: pytest.ExceptionInfo[Refused]) -> object:
    return refused.value.data.get("reason")


def test_a_backup_tells_what_is_in_it_and_is_read_to_its_end(owned: str) -> None:
    audit.record(RUNNER, "first", "nothing")

    backup = made()

    assert (backup.database, backup.rows["audit_entry"], backup.rows["tenant"]) == (owned, 1, 0)
    assert backup.schema.isdigit()
    assert backups.backups(RUNNER) == [backup]
    assert backups.check_backup(RUNNER, backup.name) == backup
    assert files() == [f"{backup.name}.dump", f"{backup.name}.json"]
    with pytest.raises(Forbidden):
        backups.backup(factories.actor(Role.APPROVER), BackupOrigin.ASKED)


def test_a_damaged_backup_is_refused(owned: str) -> None:
    backup = made()
    path = dump_of(backup)
    whole = path.read_bytes()

    for damaged in (whole[:-100], whole[: len(whole) // 2], _flipped(whole, len(whole) // 2), b""):
        path.write_bytes(damaged)
        with pytest.raises(Refused) as refused:
            backups.check_backup(RUNNER, backup.name)
        assert reason(refused) == "backup_damaged"

    path.write_bytes(whole)
    assert backups.check_backup(RUNNER, backup.name) == backup


def _flipped(whole: bytes, at: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


def test_a_backup_that_finds_no_space_leaves_nothing(owned: str) -> None:
    with no_file_above(20_000), pytest.raises(Refused) as refused:
        made()

    # The limit of this test kills the program, which therefore says nothing.
    assert reason(refused) == "postgres_tool_ended"
    assert files() == []
    assert backups.backups(RUNNER) == []


def test_a_program_that_ends_without_a_word_is_told_in_a_sentence_with_its_exit_code(tmp_path: Path) -> None:
    program = tmp_path / "pg_restore"
    program.write_text("#!/bin/sh\nexit 12\n")
    program.chmod(0o700)

    with pytest.raises(Refused) as refused:
        PostgresTools(str(tmp_path), {}).read(tmp_path / "a.dump")

    assert "کد خروج آن ۱۲ است" in error_text(refused.value, "fa")
    assert "exit code" not in error_text(refused.value, "fa")


@contextmanager
def no_file_above(size_bytes: int) -> Iterator[None]:
    """No file of this process or its children grows beyond a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_backup_that_is_ended_half_way_leaves_nothing(owned: str) -> None:
    def give_up() -> None:
        raise Conflict

    with pytest.raises(Conflict):
        backups.backup(RUNNER, BackupOrigin.ASKED, give_up)

    assert files() == []


def test_old_backups_and_leftovers_go_and_the_newest_three_stay(
    owned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [made().name for _ in range(3)]
    folder = Path(settings().backup_dir)
    old = made().name
    manifest = folder / f"{old}.json"
    manifest.write_text(manifest.read_text().replace('"started_at": "2', '"started_at": "1'))
    (folder / f"{kept[0][:-1]}x.dump.partial").write_text("not ours")
    torn = f"{kept[0][:-8]}{'0' * 8}"
    (folder / f"{torn}.dump.partial").write_text("half")
    later = clock.utc_now() + timedelta(days=30)
    monkeypatch.setattr(clock, "utc_now", lambda: later)

    assert backups.forget_old(RUNNER) == [old]

    assert sorted(each.name for each in backups.backups(RUNNER)) == sorted(kept)
    assert f"{torn}.dump.partial" not in files()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "host=else dbname=x", "", "a-20260101t000000z-0000000g"]
)
def test_a_name_never_leads_out_of_the_folder(owned: str, name: str) -> None:
    with pytest.raises(Refused) as refused:
        backups.check_backup(RUNNER, name)
    assert reason(refused) == "backup_missing"
