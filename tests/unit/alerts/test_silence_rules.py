"""A silence ends when somebody said, in Tehran, and says so before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.alerts import silence_rules
from backend.alerts.types import Silence, SilenceState
from backend.errors import Invalid

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)  # 15:30 in Tehran, 7 Azar 1405
SILENCE = Silence(
    id="s", matchers=(), starts_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(minutes=30), updated_at=NOW,
    created_by="reza", comment="a", state=SilenceState.ACTIVE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("length", "now", "expected"),
    [
        pytest.param("30m", NOW, NOW + timedelta(minutes=30), id="half an hour"),
        pytest.param("7d", NOW, NOW + timedelta(days=7), id="a week"),
        pytest.param("morning", NOW, datetime(2026, 11, 29, 5, 30, tzinfo=UTC), id="tomorrow"),
        pytest.param(
            "morning",
            datetime(2026, 11, 28, 23, tzinfo=UTC),
            datetime(2026, 11, 29, 5, 30, tzinfo=UTC),
            id="this night",
        ),
    ],
)
def test_usual_lengths_end_where_one_expects(length: str, now: datetime, expected: datetime) -> None:
    assert silence_rules.end_of_length(length, now) == expected


@pytest.mark.parametrize("day", ["1405-09-08", "۱۴۰۵/۰۹/۰۸", "2026-11-29"])
@pytest.mark.parametrize("at", ["9:30", "۰۹:۳۰"])
def test_an_end_is_written_in_either_calendar(day: str, at: str) -> None:
    assert silence_rules.written_end(day, at, NOW) == datetime(2026, 11, 29, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "at"), [("1405-09-08", "24:00"), ("1405-09-08", ""), ("1405-13-01", "09:00"), ("", "09:00")]
)
def test_what_is_no_end_is_refused(day: str, at: str) -> None:
    with pytest.raises(Invalid):
        silence_rules.written_end(day, at, NOW)
    with pytest.raises(Invalid):
        silence_rules.end_of_length("for ever", NOW)


@pytest.mark.parametrize("ends_at", [NOW + timedelta(seconds=59), NOW + timedelta(days=90, seconds=1)])
def test_a_silence_is_neither_over_nor_endless(ends_at: datetime) -> None:
    with pytest.raises(Invalid):
        silence_rules.checked_end(ends_at, NOW)


@pytest.mark.parametrize(
    ("changed", "muting", "is_named"),
    [
        pytest.param({}, 1, True, id="mutes something and ends in half an hour"),
        pytest.param({}, 0, False, id="mutes nothing"),
        pytest.param({"ends_at": NOW + timedelta(minutes=61)}, 1, False, id="ends later"),
        pytest.param({"ends_at": NOW}, 1, False, id="has ended"),
        pytest.param({"starts_at": NOW + timedelta(minutes=1)}, 1, False, id="has not begun"),
        pytest.param({"state": SilenceState.EXPIRED}, 1, False, id="was ended"),
    ],
)
def test_what_will_be_heard_again_soon_is_named(
    changed: dict[str, datetime], muting: int, *, is_named: bool
) -> None:
    silence = replace(SILENCE, **changed)

    assert bool(silence_rules.ending_soon([silence], {"s": muting}, NOW)) == is_named
