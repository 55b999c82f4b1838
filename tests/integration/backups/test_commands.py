"""Backups by hand, with the portal down."""

import re

import pytest

from backend.audit import service as audit
from backend.backups.__main__ import main
from tests import factories


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
