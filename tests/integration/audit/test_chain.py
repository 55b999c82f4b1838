"""What was done is written down in a chain; one changed byte is found, and where."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.actor import STAFF_ROLES, Actor, Role
from backend.audit import service
from backend.audit.types import NotedHead
from backend.db.engine import transaction
from backend.errors import Forbidden
from tests import factories

OPERATOR = factories.actor(Role.OPERATOR)
AUDITOR = factories.actor(Role.AUDITOR)


def record(count: int) -> None:
    for number in range(count):
        service.record(
            OPERATOR,
            "invoice.released",
            f"invoice:{number}",
            {"reason": "بررسی شد", "share": 0.5, "n": number},
        )


def tamper(statement: str) -> None:
    """As somebody does who may do everything in the database, and so is stopped by no trigger."""
    with transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(text(statement)).rowcount in {1, -1}


def tamper_all(statement: str) -> None:
    """As ``tamper``, for statements that change any number of rows."""
    with transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))


def test_an_untouched_chain_is_intact(database: str) -> None:
    assert service.verify(AUDITOR).entries == 0
    record(5)

    verified = service.verify(AUDITOR)

    assert (verified.is_intact, verified.entries) == (True, 5)
    assert verified.head == service.entries(AUDITOR)[0].hash.hex()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        pytest.param("UPDATE audit_entry SET action = 'invoice.releasee' WHERE id = 3", "changed", id="a letter"),
        pytest.param("UPDATE audit_entry SET actor = 'user:else' WHERE id = 3", "changed", id="who"),
        pytest.param("UPDATE audit_entry SET detail = detail || '{\"n\": 9}' WHERE id = 3", "changed", id="a number"),
        pytest.param("UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE id = 3", "changed", id="when"),
        pytest.param("UPDATE audit_entry SET hash = set_byte(hash, 0, 255 - get_byte(hash, 0)) WHERE id = 3", "changed", id="hash"),  # noqa: E501 - one statement
        pytest.param("DELETE FROM audit_entry WHERE id = 2", "missing_before", id="one taken out"),
    ],
)  # fmt: skip
def test_a_change_behind_our_back_is_found_where_it_is(database: str, statement: str, reason: str) -> None:
    record(5)

    tamper(statement)

    verified = service.verify(AUDITOR)
    assert (verified.is_intact, verified.broken_at, verified.reason) == (False, 3, reason)


def test_two_entries_that_changed_places_are_found(database: str) -> None:
    record(4)
    with transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("CREATE TEMPORARY TABLE old ON COMMIT DROP AS SELECT * FROM audit_entry"))
        connection.execute(text("DELETE FROM audit_entry WHERE id IN (2, 3)"))
        connection.execute(
            text("""
            INSERT INTO audit_entry OVERRIDING SYSTEM VALUE
            SELECT 5 - id, at, actor, action, target, detail, previous_hash, hash FROM old WHERE id IN (2, 3)
            """)
        )

    assert service.verify(AUDITOR).broken_at == 2


def test_a_cut_off_end_is_found_and_shows_in_the_head(database: str) -> None:
    record(3)
    noted = service.verify(AUDITOR).head

    tamper("DELETE FROM audit_entry WHERE id = 3")

    found = service.verify(AUDITOR)
    assert (found.entries, found.broken_at, found.reason) == (2, 3, "cut_off")
    tamper(f"UPDATE audit_head SET entries = 2, hash = '\\x{found.head}'")
    assert service.verify(AUDITOR).is_intact
    assert service.verify(AUDITOR).head != noted


HIDE = "UPDATE audit_head SET entries = {entries}, hash = '\\x{head}'"


def test_a_noted_head_lies_on_the_chain_however_long_it_grows(database: str) -> None:
    record(3)
    noted = NotedHead(hash=service.verify(AUDITOR).head[:16], entries=3)
    record(2)

    assert service.verify(AUDITOR, noted).is_intact
    assert service.verify(AUDITOR, NotedHead(hash=noted.hash)).is_intact


@pytest.mark.parametrize(
    ("statement", "entries", "found"),
    [
        pytest.param("UPDATE audit_entry SET actor = 'user:else' WHERE id = 2", 4, (2, "changed"), id="edited"),
        pytest.param("DELETE FROM audit_entry WHERE id = 2", 4, (3, "missing_before"), id="deleted"),
        pytest.param("DELETE FROM audit_entry WHERE id > 2", 4, (3, "cut_off"), id="cut off"),
        pytest.param("DELETE FROM audit_entry WHERE id > 2", None, (2, "not_met"), id="cut off, no length noted"),
    ],
)  # fmt: skip
def test_a_noted_head_shows_what_a_changed_head_beside_the_trail_hides(
    database: str, statement: str, entries: int | None, found: tuple[int, str]
) -> None:
    record(4)
    noted = NotedHead(hash=service.verify(AUDITOR).head, entries=entries)

    tamper_all(statement)
    left = service.entries(AUDITOR)
    tamper(HIDE.format(entries=len(left), head=left[0].hash.hex()))

    verified = service.verify(AUDITOR, noted)
    assert (verified.broken_at, verified.reason) == found


def test_a_chain_that_was_written_anew_with_its_head_is_found_by_a_noted_one(database: str) -> None:
    record(3)
    noted = NotedHead(hash=service.verify(AUDITOR).head[:16], entries=3)
    tamper_all("TRUNCATE audit_entry RESTART IDENTITY")
    tamper(HIDE.format(entries=0, head=""))
    record(5)

    assert service.verify(AUDITOR).is_intact
    found = service.verify(AUDITOR, noted)
    assert (found.broken_at, found.reason) == (3, "rewritten")
    without = service.verify(AUDITOR, NotedHead(hash=noted.hash))
    assert (without.broken_at, without.reason) == (5, "not_met")


def test_a_chain_that_was_emptied_is_found_whatever_is_written_next(database: str) -> None:
    record(3)
    for following in (0, 2, 9):
        tamper("TRUNCATE audit_entry")
        record(following)

        assert service.verify(AUDITOR).reason == "cut_off"


def test_a_chain_that_was_written_anew_is_found(database: str) -> None:
    record(3)
    tamper("UPDATE audit_head SET hash = hash || '\\x00'")

    assert (service.verify(AUDITOR).broken_at, service.verify(AUDITOR).reason) == (3, "rewritten")


def test_no_statement_changes_or_empties_an_append_only_table(database: str) -> None:
    record(1)
    statements = [
        "UPDATE audit_entry SET actor = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE tenant CASCADE",
        *(f"TRUNCATE {table}" for table in ("tenant_ledger", "payment_event", "audit_entry")),
    ]
    for statement in statements:
        with transaction() as connection, pytest.raises(DBAPIError, match="is append-only"):
            connection.execute(text(statement))


def test_an_entry_is_kept_only_if_the_transaction_is(database: str) -> None:
    record(1)

    def record_and_fail() -> None:
        with transaction():
            record(3)
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        record_and_fail()
    record(1)

    verified = service.verify(AUDITOR)
    assert (verified.is_intact, verified.entries) == (True, 2)


def test_entries_written_at_the_same_time_form_one_chain(database: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: record(5), range(8)))

    verified = service.verify(AUDITOR)
    assert (verified.is_intact, verified.entries) == (True, 40)


def test_a_long_chain_is_read_in_pieces(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_READ_AT_ONCE", 3)
    record(10)

    assert service.verify(AUDITOR).entries == 10
    tamper("UPDATE audit_entry SET target = 'invoice:0' WHERE id = 9")
    assert service.verify(AUDITOR).broken_at == 9


def test_what_is_written_down_is_read_back(database: str) -> None:
    before = datetime.now(UTC)
    record(2)

    [latest, first] = service.entries(AUDITOR)

    assert (first.event.target, latest.event.target) == ("invoice:0", "invoice:1")
    assert latest.event.actor == f"user:{OPERATOR.name}"
    assert latest.event.detail == {"reason": "بررسی شد", "share": "0.5", "n": 1}
    assert before <= latest.event.at <= datetime.now(UTC)


def test_entries_of_one_target_are_found(database: str) -> None:
    record(3)

    assert [entry.event.target for entry in service.entries(AUDITOR, "invoice:1")] == ["invoice:1"]
    assert len(service.entries(AUDITOR, limit=2)) == 2
    assert len(service.entries(AUDITOR, limit=-1)) == 1


def test_strange_text_is_kept_readable(database: str) -> None:
    service.record(OPERATOR, "note.added", "note:1", {"text": "a\0b \ud800 <b>", "password": "hunter22"})

    [entry] = service.entries(AUDITOR)
    assert entry.event.detail == {"text": "a\ufffdb ? <b>", "password": "***"}
    assert service.verify(AUDITOR).is_intact


@pytest.mark.parametrize("role", list(Role))
def test_only_staff_reads_the_audit(database: str, role: Role) -> None:
    reader = factories.actor(role)
    if role in STAFF_ROLES:
        assert service.entries(reader) == []
        assert service.verify(reader).is_intact
        return
    for read in (service.entries, service.verify):
        with pytest.raises(Forbidden):
            read(reader)


def test_nobody_without_a_role_reads_the_audit(database: str) -> None:
    with pytest.raises(Forbidden):
        service.entries(Actor(name="stranger"))
