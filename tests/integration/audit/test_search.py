"""The audit trail is searched by who, what, target and time, and proved step by step."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from backend.actor import STAFF_ROLES, Actor, Role
from backend.audit import service
from backend.audit import writing_service as writing
from backend.audit.types import AuditKey, AuditPage, AuditSearch, BrokenEntry, ChainMark
from backend.db.engine import transaction
from backend.errors import Forbidden
from tests import factories

AUDITOR = factories.actor(Role.AUDITOR)
START = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture
def trail(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine entries, a minute apart: mina releases and reza resolves in turns."""
    people = [Actor(name=f"{name}@x.example", role=Role.OPERATOR) for name in ("mina", "reza")]
    for number in range(9):
        monkeypatch.setattr(writing, "utc_now", lambda n=number: START + timedelta(minutes=n))
        action, target = ("payment.resolved", "payment") if number % 2 else ("invoice.released", "invoice")
        service.record(people[number % 2], action, f"{target}:{number % 3}", {"n": number})


@pytest.mark.parametrize("kind", ["run", "run_input", "silence"])
def test_an_entry_is_found_by_the_id_of_what_it_is_about(database: str, kind: str) -> None:
    service.record(AUDITOR, "new.thing", f"{kind}:{uuid4()}", {"n": 0})
    [entry] = service.search(AUDITOR, AuditSearch()).rows

    found = service.search(AUDITOR, AuditSearch(target=entry.event.target.partition(":")[2]))

    assert numbers(found) == [0]


def numbers(page: AuditPage) -> list[object]:
    return [entry.event.detail["n"] for entry in page.rows]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(AuditSearch(), [8, 7, 6, 5, 4, 3, 2, 1, 0], id="all"),
        pytest.param(AuditSearch(who="REZA"), [7, 5, 3, 1], id="who"),
        pytest.param(AuditSearch(who="x.example"), [8, 7, 6, 5, 4, 3, 2, 1, 0], id="several of them"),
        pytest.param(AuditSearch(who="nobody"), [], id="nobody"),
        pytest.param(AuditSearch(action="invoice.released"), [8, 6, 4, 2, 0], id="what"),
        pytest.param(AuditSearch(target="payment:1"), [7, 1], id="a target"),
        pytest.param(AuditSearch(target="1"), [7, 4, 1], id="an id of any kind"),
        pytest.param(AuditSearch(target="invoice:"), [8, 6, 4, 2, 0], id="a kind"),
        pytest.param(AuditSearch(target="invoice%:"), [], id="no pattern"),
        pytest.param(
            AuditSearch(since=START + timedelta(minutes=2), until=START + timedelta(minutes=4)), [3, 2], id="when"
        ),
        pytest.param(
            AuditSearch(who="mina", target="invoice:", until=START + timedelta(minutes=5)), [4, 2, 0], id="all of it"
        ),
    ],
)  # fmt: skip
def test_entries_are_found(trail: None, wanted: AuditSearch, expected: list[int]) -> None:
    assert numbers(service.search(AUDITOR, wanted)) == expected


def test_pages_lead_back_and_forth_by_place(trail: None) -> None:
    first = service.search(AUDITOR, AuditSearch(), limit=4)
    second = service.search(AUDITOR, AuditSearch(), before=place(first, -1), limit=4)
    third = service.search(AUDITOR, AuditSearch(), before=place(second, -1), limit=4)
    back = service.search(AUDITOR, AuditSearch(), after=place(third, 0), limit=4)
    top = service.search(AUDITOR, AuditSearch(), after=place(back, 0), limit=4)

    assert [numbers(page) for page in (first, second, third, back, top)] == [
        [8, 7, 6, 5], [4, 3, 2, 1], [0], [4, 3, 2, 1], [8, 7, 6, 5],
    ]  # fmt: skip
    assert [(page.has_newer, page.has_older) for page in (first, second, third, top)] == [
        (False, True), (True, True), (True, False), (False, True),
    ]  # fmt: skip


def place(page: AuditPage, index: int) -> AuditKey:
    return AuditKey(at=page.rows[index].event.at, id=page.rows[index].id)


def test_everything_is_handed_out_once_and_that_is_on_record(trail: None) -> None:
    service.begin_export(AUDITOR, AuditSearch(who="reza"))
    found = service.export_next(AUDITOR, AuditSearch(who="reza"), None)
    rest = service.export_next(
        AUDITOR, AuditSearch(who="reza"), AuditKey(at=found[-1].event.at, id=found[-1].id)
    )

    assert ([entry.event.detail["n"] for entry in found], rest) == ([1, 3, 5, 7], [])
    [newest] = service.entries(AUDITOR, limit=1)
    assert (newest.event.action, newest.event.detail) == ("audit.exported", {"who": "reza"})
    assert service.actions(AUDITOR) == ["audit.exported", "invoice.released", "payment.resolved"]


def test_a_search_by_a_part_of_a_name_finds_and_hands_out_the_entries_of_everybody_who_has_it(
    database: str,
) -> None:
    for number in range(60):
        person = Actor(name=f"p{number}@acme.example", role=Role.OPERATOR)
        service.record(person, "job.paused", "job:x", {"n": number})
    wanted = AuditSearch(who="acme.example")

    page = service.search(AUDITOR, wanted, limit=200)
    handed_out = service.export_next(AUDITOR, wanted, None)

    assert sorted(map(int, map(str, numbers(page)))) == list(range(60))
    assert len(handed_out) == 60


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        pytest.param("SELECT 1", [], id="whole"),
        pytest.param(
            "UPDATE audit_entry SET action = 'x' WHERE id IN (2, 5)", [(2, "changed"), (5, "changed")], id="changed"
        ),
        pytest.param("DELETE FROM audit_entry WHERE id = 4", [(5, "missing_before")], id="one taken out"),
        pytest.param("DELETE FROM audit_entry WHERE id > 7", [(8, "cut_off")], id="the end cut off"),
        pytest.param("DELETE FROM audit_entry", [(1, "cut_off")], id="emptied"),
        pytest.param("DELETE FROM audit_head", [(10, "cut_off")], id="no head"),
        pytest.param("UPDATE audit_head SET hash = '\\x00'", [(9, "rewritten")], id="another head"),
    ],
)  # fmt: skip
def test_every_broken_entry_is_named_and_the_check_goes_on(
    trail: None, monkeypatch: pytest.MonkeyPatch, statement: str, expected: list[tuple[int, str]]
) -> None:
    monkeypatch.setattr("backend.audit.chain_service.READ_AT_ONCE", 4)
    with transaction() as connection:
        # As somebody does who may do everything in the database, and so is stopped by no trigger.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))

    mark = checked()

    assert mark.broken == tuple(BrokenEntry(id=entry, reason=reason) for entry, reason in expected)


def checked() -> ChainMark:
    mark = service.begin_check(AUDITOR)
    while not mark.is_end:
        mark = service.check_next(AUDITOR, mark)
    return mark


def test_an_entry_that_comes_while_the_chain_is_checked_changes_nothing(trail: None) -> None:
    mark = service.begin_check(AUDITOR)
    service.record(factories.actor(Role.OPERATOR), "job.paused", "job:x")
    while not mark.is_end:
        mark = service.check_next(AUDITOR, mark)

    assert (mark.broken, mark.entries) == ((), 10)


def test_a_trail_without_an_entry_is_whole(database: str) -> None:
    assert (checked().broken, checked().entries) == ((), 0)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda actor: service.search(actor, AuditSearch()), id="search"),
        pytest.param(service.actions, id="actions"),
        pytest.param(lambda actor: service.begin_export(actor, AuditSearch()), id="begin to export"),
        pytest.param(lambda actor: service.export_next(actor, AuditSearch(), None), id="export"),
        pytest.param(service.begin_check, id="begin to check"),
        pytest.param(lambda actor: service.check_next(actor, service.begin_check(AUDITOR)), id="check"),
    ],
)
def test_nobody_but_staff_reads_the_trail(database: str, use: Callable[[Actor], object]) -> None:
    for role in set(Role) - STAFF_ROLES:
        with pytest.raises(Forbidden):
            use(factories.actor(role))
