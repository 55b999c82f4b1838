"""Typed words of a search of the audit trail."""

from datetime import UTC, datetime

import pytest

from backend.audit import search_rules
from backend.errors import Invalid


@pytest.mark.parametrize(
    ("written", "is_end", "expected"),
    [
        pytest.param("", False, None, id="nothing"),
        pytest.param("2026-11-28", False, datetime(2026, 11, 27, 20, 30, tzinfo=UTC), id="a day begins in Tehran"),
        pytest.param("1405-09-07", True, datetime(2026, 11, 28, 20, 30, tzinfo=UTC), id="a day ends there"),
        pytest.param("۱۴۰۵/۰۹/۰۷ ۱۴:۳۰", False, datetime(2026, 11, 28, 11, 0, tzinfo=UTC), id="Persian, with a time"),
        pytest.param("2026-11-28T14:30", False, datetime(2026, 11, 28, 11, 0, tzinfo=UTC), id="with a T"),
        pytest.param("2026-11-28 14:30", True, datetime(2026, 11, 28, 11, 1, tzinfo=UTC), id="the minute included"),
    ],
)  # fmt: skip
def test_a_typed_time_is_an_instant_in_tehran(
    written: str, expected: datetime | None, *, is_end: bool
) -> None:
    assert search_rules.instant(written, is_end=is_end) == expected


@pytest.mark.parametrize("written", ["yesterday", "2026-13-01", "2026-11-28 25:00", "14:30"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(Invalid):
        search_rules.instant(written, is_end=False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("invoice:3f2a", ["invoice:3f2a"], id="whole"),
        pytest.param("user:", ["user:"], id="a kind"),
        pytest.param(
            "3f2a", ["3f2a", *(f"{kind}:3f2a" for kind in search_rules.KINDS)], id="an id of any kind"
        ),
    ],
)
def test_a_typed_target_stands_for_stored_ones(written: str, expected: list[str]) -> None:
    assert search_rules.targets(written) == expected


def test_an_actor_is_known_by_any_part() -> None:
    known = ["process:nightly_billing", "user:Reza@x.example", "user:mina@x.example"]

    assert search_rules.actors_like("REZA", known) == ["user:Reza@x.example"]
    assert search_rules.actors_like("x.example", known) == known[1:]


def test_of_many_actors_with_a_part_none_is_left_out() -> None:
    known = [f"user:a{n}" for n in range(5000)]

    assert search_rules.actors_like("a", known) == known
