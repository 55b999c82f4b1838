"""What may be written down, and how entries are chained."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.actor import Actor, Role
from backend.audit import rules
from backend.audit.types import AuditEntry, AuditEvent, Head
from backend.errors import Invalid

NOW = datetime(2026, 11, 23, 12, 0, 0, 1, tzinfo=UTC)
OPERATOR = Actor(name="op@docuchat.example", role=Role.OPERATOR)


def event(**detail: object) -> AuditEvent:
    return rules.event_of(OPERATOR, "invoice.released", "invoice:1", detail, NOW)


def entry(of: AuditEvent, previous: bytes = rules.BEGINNING) -> AuditEntry:
    return AuditEntry(id=1, event=of, previous_hash=previous, hash=rules.chained(previous, of))


def test_an_entry_that_nobody_touched_has_no_fault() -> None:
    assert rules.fault(entry(event(reason="checked")), rules.BEGINNING) == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"at": NOW + timedelta(microseconds=1)},
        {"actor": "user:else"},
        {"action": "invoice.held"},
        {"target": "invoice:2"},
        {"detail": {"reason": "Checked"}},
        {"detail": {}},
    ],
)
def test_a_change_of_any_field_is_a_fault(changed: dict[str, object]) -> None:
    whole = entry(event(reason="checked"))

    assert rules.fault(replace(whole, event=replace(whole.event, **changed)), rules.BEGINNING) == "changed"


def test_a_missing_predecessor_is_a_fault() -> None:
    assert rules.fault(entry(event(), previous=b"1" * 32), b"2" * 32) == "missing_before"


def test_a_process_and_a_user_of_the_same_name_are_told_apart() -> None:
    assert rules.actor_text(Actor.process_named("cli")) == "process:cli"
    assert rules.actor_text(replace(OPERATOR, name="cli")) == "user:cli"


def test_the_spelling_is_the_same_in_every_zone() -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))

    assert rules.canonical(replace(event(), at=NOW.astimezone(tehran))) == rules.canonical(event())


def test_an_event_is_hashed_the_same_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    here = rules.canonical(event())
    monkeypatch.setenv("TZ", "Asia/Tehran")
    time.tzset()
    try:
        assert rules.canonical(event()) == here
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_json_cannot_hold_exactly_is_kept_as_text() -> None:
    kept = event(
        share=0.1,
        amount=Decimal("1.50"),
        day=date(2026, 11, 22),
        id=UUID(int=1),
        huge=2**70,
        role=Role.AUDITOR,
    ).detail

    assert kept == {
        "share": "0.1",
        "amount": "1.50",
        "day": "2026-11-22",
        "id": "00000000-0000-0000-0000-000000000001",
        "huge": str(2**70),
        "role": "auditor",
    }


def test_secrets_are_blacked_out_at_any_depth() -> None:
    kept = event(
        password="hunter22", inner={"Token": "abc"}, note="authorization: bearer abc", tokens=5
    ).detail

    assert kept["password"] == "***"
    assert kept["inner"] == {"Token": "***"}
    assert "abc" not in str(kept["note"])
    assert kept["tokens"] == 5


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), anything, max_size=4))
def test_whatever_is_written_down_reads_back_as_it_was_hashed(detail: dict[str, object]) -> None:
    written = event(detail=detail)

    spelled = rules.canonical(written)
    assert orjson.loads(spelled)["detail"] == written.detail
    assert b"\\u0000" not in spelled


def test_the_spelling_that_is_hashed_never_changes() -> None:
    """Every hash that was ever stored depends on it."""
    tehran = timezone(timedelta(hours=3, minutes=30))
    one = rules.event_of(
        OPERATOR, "invoice.released", "invoice:1", {"z": 1, "a": None}, NOW.astimezone(tehran)
    )

    assert (one.at, one.at.tzinfo) == (NOW, UTC)
    assert rules.canonical(replace(one, at=NOW.astimezone(tehran))) == (
        b'{"action":"invoice.released","actor":"user:op@docuchat.example","at":"2026-11-23T12:00:00.000001+00:00",'
        b'"detail":{"a":null,"z":1},"target":"invoice:1"}'
    )


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        pytest.param(True, True, id="true"),
        pytest.param(None, None, id="nothing"),
        pytest.param(2**63 - 1, 2**63 - 1, id="the largest number"),
        pytest.param(2**63, "9223372036854775808", id="a larger one"),
        pytest.param(-(2**63), -(2**63), id="the smallest number"),
        pytest.param(-(2**63) - 1, "-9223372036854775809", id="a smaller one"),
        pytest.param(1.5, "1.5", id="a fraction"),
        pytest.param([1, "a"], [1, "a"], id="a list"),
        pytest.param((1, None), [1, None], id="a tuple"),
        pytest.param({"in": {"token": "x", "n": 1}}, {"in": {"token": "***", "n": 1}}, id="a secret inside"),
        pytest.param("a\0b", "a\N{REPLACEMENT CHARACTER}b", id="a letter that is not storable"),
        pytest.param("a\ud800b", "a?b", id="half a letter"),
    ],
)
def test_details_are_written_down_as_json_spells_them(value: object, stored: object) -> None:
    assert event(given=value).detail == {"given": stored}


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_that_says_nothing_or_too_much_is_refused(reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked_reason(reason)

    assert refused.value.data == {"field": "reason", "reason": "reason", "max_length": 500}


def test_a_reason_keeps_its_lines() -> None:
    assert rules.checked_reason(" first\nsecond ") == "first\nsecond"
    assert rules.checked_reason("x" * 500) == "x" * 500


@pytest.mark.parametrize(
    ("stored", "entries", "own_hash", "fault"),
    [
        pytest.param(Head(entries=2, hash=b"a"), 2, b"a", "", id="the stored end"),
        pytest.param(Head(entries=2, hash=b"a"), 2, b"b", "rewritten", id="another end"),
        pytest.param(Head(entries=3, hash=b"a"), 2, b"b", "", id="more were added meanwhile"),
        pytest.param(None, 2, b"b", "", id="nothing was stored"),
    ],
)
def test_an_end_that_was_rewritten_is_seen(
    stored: Head | None, entries: int, own_hash: bytes, fault: str
) -> None:
    assert rules.fault_of_end(stored, entries, own_hash) == fault
