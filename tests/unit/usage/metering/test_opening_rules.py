"""The table of openings: every kind, every place, and that the short way reads what the table says."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from backend.usage.metering.opening_rules import (
    RULES,
    IncarnationFacts,
    IncarnationKind,
    Opening,
    OpeningPlace,
    OpeningReadings,
    kind_of,
    opening_of,
    plain_openings,
    rule_of,
)
from backend.usage.types import EarlierClosing, Key, OpeningSource, StoredIncarnation, UsageFlag

START = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
BIRTH, STORED_AT, EARLIER_AT = (START - timedelta(hours=hours) for hours in (30, 1, 25))
FIRST_AT, OWN_AT = START + timedelta(hours=2), START + timedelta(hours=3)
KEY: Key = ("acme", "gpt-4o", "prompt")


def given(kind: IncarnationKind, *places: OpeningPlace, **more: Any) -> OpeningReadings:
    """Readings of a series in some places."""
    known: Mapping[OpeningPlace, dict[str, Any]] = {
        OpeningPlace.STORED: {"stored": StoredIncarnation(STORED_AT, {KEY: 10})},
        OpeningPlace.STORED_EARLIER: {
            "stored_earlier": {KEY: EarlierClosing(date(2026, 11, 20), 20, EARLIER_AT)}
        },
        OpeningPlace.SCRAPED: {"scraped": {KEY: 30}},
        OpeningPlace.FIRST_SEEN: {"firsts": {KEY: 40}},
    }
    found = {name: value for place in places for name, value in known[place].items()}
    return OpeningReadings(kind=kind, started_at=BIRTH, scraped_at=START, **{**found, **more})


VALUES = {
    OpeningPlace.STORED: 10,
    OpeningPlace.STORED_EARLIER: 20,
    OpeningPlace.SCRAPED: 30,
    OpeningPlace.FIRST_SEEN: 40,
}


@pytest.mark.parametrize("kind", IncarnationKind)
def test_a_series_opens_at_the_first_place_of_its_kind_that_knows_it(kind: IncarnationKind) -> None:
    places = RULES[kind].places

    for count in range(len(places)):
        assert opening_of(given(kind, *places[count:]), KEY).value == VALUES[places[count]]
    others = [place for place in OpeningPlace if place not in places]
    assert opening_of(given(kind, *others), KEY)[::2] == (0, RULES[kind].zero)


@pytest.mark.parametrize(
    ("place", "kind", "more", "opening"),
    [
        pytest.param(
            OpeningPlace.STORED,
            IncarnationKind.STORED,
            {"is_day_before_stored": True},
            Opening(10, STORED_AT, OpeningSource.STORED),
            id="what is stored is flagged for nothing",
        ),
        pytest.param(
            OpeningPlace.STORED_EARLIER,
            IncarnationKind.STORED,
            {},
            Opening(20, EARLIER_AT, OpeningSource.STORED, (UsageFlag.GAP_ACROSS_BOUNDARY,)),
            id="what is stored for an earlier day was away at the boundary",
        ),
        pytest.param(
            OpeningPlace.SCRAPED,
            IncarnationKind.KNOWN,
            {},
            Opening(30, START, OpeningSource.SCRAPED),
            id="a boundary sample without a stored day",
        ),
        pytest.param(
            OpeningPlace.SCRAPED,
            IncarnationKind.KNOWN,
            {"is_day_before_stored": True},
            Opening(30, START, OpeningSource.SCRAPED, (UsageFlag.COLD_START,)),
            id="a boundary sample that the stored day did not count",
        ),
        pytest.param(
            OpeningPlace.SCRAPED,
            IncarnationKind.KNOWN,
            {"is_day_before_stored": True, "scraped": {KEY: 0}},
            Opening(0, START, OpeningSource.SCRAPED),
            id="a boundary sample of zero",
        ),
        pytest.param(
            OpeningPlace.FIRST_SEEN,
            IncarnationKind.COLD,
            {"first_at": FIRST_AT},
            Opening(40, FIRST_AT, OpeningSource.FIRST_SEEN, (UsageFlag.COLD_START,)),
            id="a first sample",
        ),
        pytest.param(
            OpeningPlace.FIRST_SEEN,
            IncarnationKind.COLD,
            {"first_at": FIRST_AT, "firsts_at": {KEY: OWN_AT}},
            Opening(40, OWN_AT, OpeningSource.FIRST_SEEN, (UsageFlag.COLD_START,)),
            id="a first sample with a time of its own",
        ),
        pytest.param(
            OpeningPlace.FIRST_SEEN,
            IncarnationKind.KNOWN,
            {},
            Opening(40, BIRTH, OpeningSource.FIRST_SEEN, (UsageFlag.COLD_START,)),
            id="a first sample without any time",
        ),
        pytest.param(
            OpeningPlace.FIRST_SEEN,
            IncarnationKind.MOVED,
            {"first_at": FIRST_AT},
            Opening(40, FIRST_AT, OpeningSource.FIRST_SEEN, (UsageFlag.START_TIME_MOVED,)),
            id="a first sample after the start time moved",
        ),
    ],
)
def test_an_opening_tells_when_it_was_read_and_what_is_the_matter(
    place: OpeningPlace, kind: IncarnationKind, more: dict[str, Any], opening: Opening
) -> None:
    assert opening_of(given(kind, place, **more), KEY) == opening


@pytest.mark.parametrize(
    ("kind", "more", "opening"),
    [
        pytest.param(
            IncarnationKind.BORN, {"first_at": FIRST_AT}, Opening(0, BIRTH, OpeningSource.BORN), id="born"
        ),
        pytest.param(IncarnationKind.KNOWN, {}, Opening(0, START, OpeningSource.FIRST_USED), id="used later"),
        pytest.param(
            IncarnationKind.COLD,
            {"first_at": FIRST_AT},
            Opening(0, FIRST_AT, OpeningSource.FIRST_USED),
            id="used after the first scrape",
        ),
        pytest.param(
            IncarnationKind.STORED,
            {"first_at": FIRST_AT, "firsts_at": {KEY: OWN_AT}},
            Opening(0, OWN_AT, OpeningSource.FIRST_USED),
            id="used after the first scrape of a new target",
        ),
    ],
)
def test_a_series_that_no_place_knows_began_at_zero(
    kind: IncarnationKind, more: dict[str, Any], opening: Opening
) -> None:
    assert opening_of(given(kind, **more), KEY) == opening


@pytest.mark.parametrize("is_day_before_stored", [True, False])
@pytest.mark.parametrize("kind", IncarnationKind)
def test_the_short_way_reads_what_the_table_says(
    kind: IncarnationKind, *, is_day_before_stored: bool
) -> None:
    every = given(kind, *OpeningPlace, is_day_before_stored=is_day_before_stored)

    plain, at, source = plain_openings(every)

    for key, value in plain.items():
        assert opening_of(every, key) == Opening(value, at, source)


@pytest.mark.parametrize(
    ("kind", "place", "is_day_before_stored"),
    [
        (IncarnationKind.STORED, OpeningPlace.STORED, True),
        (IncarnationKind.SILENT, OpeningPlace.STORED, True),
        (IncarnationKind.KNOWN, OpeningPlace.SCRAPED, False),
    ],
)
def test_most_series_take_the_short_way(
    kind: IncarnationKind, place: OpeningPlace, *, is_day_before_stored: bool
) -> None:
    plain, _, _ = plain_openings(given(kind, place, is_day_before_stored=is_day_before_stored))

    assert plain == {KEY: VALUES[place]}


@pytest.mark.parametrize(
    ("true", "kind"),
    [
        ("before within stored day", IncarnationKind.STORED),
        ("within stored day", IncarnationKind.RETURNED),
        ("within stored born day", IncarnationKind.WATCHED),
        ("before within stored born day", IncarnationKind.WATCHED),
        ("before within born", IncarnationKind.WATCHED),
        ("within born", IncarnationKind.BORN),
        ("within born day", IncarnationKind.BORN),
        ("before within born day", IncarnationKind.OVERLOOKED),
        ("before within", IncarnationKind.KNOWN),
        ("before within day", IncarnationKind.KNOWN),
        ("within", IncarnationKind.COLD),
        ("within day", IncarnationKind.COLD),
        ("before stored day", IncarnationKind.LATE),
        ("before born day", IncarnationKind.LATE_BORN),
        ("before stored born day", IncarnationKind.LATE_BORN),
        ("before day", IncarnationKind.LATE_COLD),
    ],
)
def test_what_is_known_of_an_incarnation_decides_its_kind(true: str, kind: IncarnationKind) -> None:
    assert kind_of(facts(true)) is kind


@pytest.mark.parametrize("count", range(6))
def test_a_moved_start_time_decides_alone(count: int) -> None:
    words = ["before", "within", "stored", "born", "day"]

    assert kind_of(facts(" ".join(words[:count]) + " moved")) is IncarnationKind.MOVED


def facts(true: str) -> IncarnationFacts:
    words = true.split()
    return IncarnationFacts(
        is_scraped_before="before" in words,
        is_scraped_within="within" in words,
        is_stored="stored" in words,
        is_born="born" in words,
        is_moved="moved" in words,
        is_day_before_stored="day" in words,
    )


def test_zero_at_birth_is_told_of_those_alone_whose_birth_we_watched() -> None:
    born = {kind for kind in IncarnationKind if RULES[kind].zero is OpeningSource.BORN}

    assert born | {IncarnationKind.WATCHED} == {kind for kind in IncarnationKind if kind.is_born}


def test_the_table_that_is_looked_up_is_the_table_of_the_rule() -> None:
    assert {kind: rule_of(kind) for kind in IncarnationKind} == RULES
