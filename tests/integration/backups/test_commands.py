"""Backups by hand, with the portal down."""

import re

import psycopg
import pytest

from backend.audit import service as audit
from backend.backups.__main__ import main
from backend.sandbox.postgres import PostgresServer
from tests import factories
from tests.integration.backups.owned import databases_like


def test_a_backup_is_made_tried_out_restored_and_taken_back_by_hand(
    owned: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["create"]) == 0
    name = capsys.readouterr().out.partition(":")[0]
    audit.record(factories.PROCESS, "later", "nothing")

    assert [main([*command]) for command in (("list",), ("check", name), ("drill",), ("restore", name))] == [
        0
    ] * 4
    said = capsys.readouterr().out
    assert said.count(name) >= 3
    undo = re.findall(r"backend\.backups undo ([0-9a-f]{8})", said)
    assert main(["undo", *undo]) == 0

    assert "The audit trail is intact: 1 entries." in capsys.readouterr().out
    assert main(["check", "portal-20261128t020000z-0a1b2c3d"]) == 1
    assert "There is no such backup" in capsys.readouterr().err


def test_a_restore_by_hand_that_is_refused_leaves_no_database(
    owned: str, postgres_server: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.record(factories.PROCESS, "true", "nothing")
    assert main(["create"]) == 0
    name = capsys.readouterr().out.partition(":")[0]
    with psycopg.connect(postgres_server.url(owned)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_entry SET hash = set_byte(hash, 0, 255 - get_byte(hash, 0))")

    assert main(["restore", name]) == 1

    assert databases_like(postgres_server, owned) == [owned]
