"""The page that is followed by hand: its commands, as they stand there, bring a database back, and back again."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.audit import service as audit
from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.config import settings
from backend.db.engine import read, transaction
from backend.sandbox.postgres import REPOSITORY, PostgresServer, binaries
from runbooks.service import PAGES
from tests import factories
from tests.conftest import forget_caches
from tests.integration.backups.owned import OWNER, databases_like

PAGE = (PAGES / "recovery-db.md").read_text(encoding="utf-8")


def fences() -> list[str]:
    """The blocks of commands, in the order of the page: where, check, the short way, stop, save, load, and so on."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(owned: str, owner_password: str, postgres_server: PostgresServer) -> Iterator["Shell"]:
    yield Shell(owned, owner_password, postgres_server.port)
    forget_caches()


class Shell:
    """A shell on the server of backups, with the password where psql looks for it."""

    def __init__(self, database: str, password: str, port: int) -> None:
        self.environment = os.environ | {
            "PATH": f"{binaries()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": OWNER,
            "PGPASSWORD": password,
            "PGDATABASE": "postgres",
            "DB": database,
            "BACKUPS": settings().backup_dir,
        }

    def follow(self, block: str) -> str:
        """Type a block of the page, without what belongs to the cluster; every line must succeed."""
        ours = [line for line in block.splitlines() if not line.startswith(("kubectl", "export"))]
        done = subprocess.run(
            ["bash", "-euc", "\n".join(ours)],
            env=self.environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def names() -> list[str]:
    with read() as connection:
        return list(connection.scalars(text("SELECT name_en FROM tenant ORDER BY 1")))


def test_the_commands_of_the_page_bring_the_database_back_and_the_way_back_works(
    shell: Shell, owned: str, postgres_server: PostgresServer
) -> None:
    where, check, _short, _stop, save, load, prove, swap, start, books, back, *_snapshot = fences()
    factories.tenant()
    made = backups.backup(factories.PROCESS, BackupOrigin.ASKED)
    before = names()
    with transaction() as connection:
        connection.execute(text("UPDATE tenant SET name_en = 'lost'"))
    shell.environment["NAME"] = made.name
    assert f"{made.name}.dump" in shell.follow(where)

    assert made.sha256 in shell.follow(check)
    shell.follow(save)
    shell.follow(load)
    assert made.schema in shell.follow(prove)
    shell.follow(swap)
    forget_caches()
    assert "Intact" in shell.follow(start)
    assert names() == before
    assert audit.verify(factories.PROCESS).is_intact

    shell.follow("\n".join(line for line in books.splitlines() if line.startswith("psql")))
    shell.follow(back)
    forget_caches()
    assert names() == ["lost"]
    assert databases_like(postgres_server, owned) == [owned, f"{owned}_restored"]


def test_the_page_finds_out_a_backup_that_was_cut_off(shell: Shell) -> None:
    made = backups.backup(factories.PROCESS, BackupOrigin.ASKED)
    dump = Path(settings().backup_dir) / f"{made.name}.dump"
    dump.write_bytes(dump.read_bytes()[:-100])
    shell.environment["NAME"] = made.name

    with pytest.raises(AssertionError):
        shell.follow(fences()[1])
