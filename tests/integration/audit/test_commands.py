"""``python -m backend.audit``, as a person at a terminal uses it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from backend import clock
from backend.audit import service
from backend.audit.__main__ import main
from backend.db.engine import transaction
from jobs import publish_audit_head
from tests import factories


@pytest.fixture
def chain(database: str) -> str:
    """The head of a chain of three entries."""
    for number in range(3):
        service.record(factories.PROCESS, "note.added", f"note:{number}")
    return service.verify(factories.PROCESS).head


def test_an_intact_chain_is_said_to_be_so_with_its_head(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify"]) == 0

    assert capsys.readouterr().out == f"Intact: 3 entries. Head: {chain}\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param(
            "UPDATE audit_entry SET action = 'note.lost' WHERE id = 2",
            "The chain is broken at entry 2: it is not what was written. The 1 entries before it are intact.",
            id="changed",
        ),
        pytest.param(
            "DELETE FROM audit_entry WHERE id = 2",
            "The chain is broken at entry 3: an entry before it is missing",
            id="missing",
        ),
    ],
)
def test_a_broken_chain_is_a_sentence_that_says_where_and_exit_code_1(
    chain: str, capsys: pytest.CaptureFixture[str], statement: str, said: str
) -> None:
    with transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))

    assert main(["verify"]) == 1

    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_a_head_that_was_noted_is_compared_and_a_cut_off_tail_is_told_with_its_row(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--head", chain[:16].upper(), "--entries", "3"]) == 0
    with transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        last = connection.scalar(text("SELECT encode(hash, 'hex') FROM audit_entry WHERE id = 2"))
        connection.execute(text("DELETE FROM audit_entry WHERE id = 3"))
        connection.execute(text(f"UPDATE audit_head SET entries = 2, hash = '\\x{last}'"))
    assert main(["verify"]) == 0
    capsys.readouterr()

    assert main(["verify", "--head", chain, "--entries", "3"]) == 1
    assert "broken at entry 3: entries at the end were removed" in capsys.readouterr().err
    assert main(["verify", "--head", chain]) == 1
    assert "the noted head is nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [["--head", "abc"], ["--head", "g" * 16], ["--head", "a" * 16, "--entries", "0"]]
)
def test_what_is_no_head_is_refused(chain: str, capsys: pytest.CaptureFixture[str], wrong: list[str]) -> None:
    assert main(["verify", *wrong]) == 1

    assert "16 to 64 hexadecimal digits" in capsys.readouterr().err


def test_a_number_of_entries_without_its_head_is_refused_and_not_dropped(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--entries", "1000000"]) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert "A number of entries proves nothing without the head" in told.err


def test_the_job_says_where_the_trail_ended_at_the_last_full_hour(
    chain: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert publish_audit_head.run(factories.PROCESS) == ""

    later = clock.utc_now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "utc_now", lambda: later)

    assert publish_audit_head.run(factories.PROCESS) == "3 entries"
    assert caplog.records[-1].getMessage() == "audit.head"
    assert caplog.records[-1].__dict__["fields"] == {"entries": 3, "hash": chain}
