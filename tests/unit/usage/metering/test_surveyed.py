"""The survey of a window: what it asks Prometheus and the database for, and what it concludes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import EPOCH, ScrapeHistory, history_of, instant_of
from backend.usage.metering.opening_rules import IncarnationKind
from backend.usage.metering.source import Source
from backend.usage.metering.survey import NOT_OBSERVED, Survey, survey_window
from backend.usage.types import (
    NOTHING_STORED,
    IncarnationKey,
    StoredClosings,
    StoredIncarnation,
    StoredIncarnations,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
SPAN = Span(100 * HOUR_MS, 124 * HOUR_MS)
LOOKBACK_MS = 4 * HOUR_MS
OLD_MS = 10 * HOUR_MS
WHOLE_DAY = replace(NOTHING_STORED, previous_day=True)


class Witness:
    """A Prometheus that knew addresses at some times, and scraped anything at all at others."""

    def __init__(
        self, *, ups: dict[str, list[int]] | None = None, is_alive: Callable[[int], bool] = lambda _: True
    ) -> None:
        self._ups, self._is_alive = ups or {}, is_alive
        self.asked_ups: list[tuple[list[str], Span]] = []
        self.asked_alive_ms: list[int] = []

    def ups(self, history: ScrapeHistory, instances: Sequence[str], span: Span) -> dict[str, list[int]]:
        assert history.targets, "whose labels tell an address from one that another program had"
        self.asked_ups.append((list(instances), span))
        return self._ups

    def is_alive_at(self, at_ms: int) -> bool:
        self.asked_alive_ms.append(at_ms)
        return self._is_alive(at_ms)


def process(name: str, start_ms: int, *scrapes_ms: int, job: str = "docuchat") -> dict[str, Any]:
    """The start time of a process, as one target told it."""
    values = [[ms / 1000, str(start_ms / 1000)] for ms in scrapes_ms]
    return {"metric": {"instance": f"pod:{name}", "job": job}, "values": values}


def minutes(first_ms: int, last_ms: int) -> range:
    """A scrape each minute."""
    return range(first_ms, last_ms + 1, MINUTE_MS)


def survey_of(
    *processes: dict[str, Any], source: Witness | None = None, stored: StoredClosings = NOTHING_STORED
) -> Survey:
    history = history_of(processes, is_wanted=lambda _: True)
    return survey_window(cast("Source", source or Witness()), history, SPAN, LOOKBACK_MS, stored)


def stored_at(closed_ms: int, *incarnations: IncarnationKey, previous_day: bool = True) -> StoredClosings:
    before = {key: StoredIncarnation(instant_of(closed_ms), {}) for key in incarnations}
    return replace(NOTHING_STORED, previous_day=previous_day, incarnations=before)


def test_only_incarnations_with_a_scrape_in_the_window_are_seen_in_it() -> None:
    survey = survey_of(
        process("at its start", OLD_MS, SPAN.start_ms),
        process("just after", OLD_MS, SPAN.start_ms + 1),
        process("at its end", OLD_MS, SPAN.end_ms),
        process("later", OLD_MS, SPAN.end_ms + 1),
    )

    seen = {survey.history.incarnations[index].name for index in survey.observations}
    assert seen == {"pod:just after", "pod:at its end"}
    assert (survey.span, survey.lookback_ms) == (SPAN, LOOKBACK_MS)


@pytest.mark.parametrize(
    ("is_alive", "ended_ms"),
    [
        pytest.param(True, 110 * HOUR_MS, id="others were scraped at the end"),
        pytest.param(False, None, id="nobody was watching"),
    ],
)
def test_the_last_incarnation_ended_only_if_somebody_was_watching(
    *, is_alive: bool, ended_ms: int | None
) -> None:
    source = Witness(is_alive=lambda at_ms: is_alive and at_ms == SPAN.end_ms)

    survey = survey_of(process("1", OLD_MS, *minutes(109 * HOUR_MS, 110 * HOUR_MS)), source=source)

    assert survey.observations[0].ended_ms == ended_ms


@pytest.mark.parametrize(
    ("silent_ms", "asked"),
    [
        pytest.param(5 * MINUTE_MS, [], id="five minutes"),
        pytest.param(5 * MINUTE_MS + 1, [SPAN.end_ms], id="longer"),
    ],
)
def test_prometheus_is_asked_whether_it_lived_only_after_minutes_of_silence(
    silent_ms: int, asked: list[int]
) -> None:
    source = Witness()

    survey_of(process("1", OLD_MS, SPAN.end_ms - silent_ms), source=source)

    assert source.asked_alive_ms == asked


def test_a_window_without_any_process_asks_nothing() -> None:
    source = Witness()

    survey = survey_of(source=source)

    assert (survey.observations, survey.kinds, source.asked_alive_ms, source.asked_ups) == ({}, {}, [], [])


# The scrapes of one that was replaced hours later, and of another one that shows that somebody was watching.
LAST_MS, NEXT_MS = 105 * HOUR_MS, 108 * HOUR_MS
REPLACED = (
    process("1", OLD_MS, *minutes(104 * HOUR_MS, LAST_MS)),
    process("1", NEXT_MS, *minutes(NEXT_MS, SPAN.end_ms), job="next"),
)
KNOWN_MS = LAST_MS + 3 * MINUTE_MS
KNOWN_UPS = {"pod:1": [*minutes(104 * HOUR_MS, KNOWN_MS)]}


@pytest.mark.parametrize(
    ("watched_ms", "is_alive", "gone_ms"),
    [
        pytest.param([KNOWN_MS + 5 * MINUTE_MS + 1], False, KNOWN_MS, id="somebody was scraped meanwhile"),
        pytest.param(
            [KNOWN_MS + 10 * MINUTE_MS], False, KNOWN_MS, id="somebody was scraped ten minutes later"
        ),
        pytest.param([KNOWN_MS + 5 * MINUTE_MS], False, None, id="only in the first minutes"),
        pytest.param([KNOWN_MS + 10 * MINUTE_MS + 1], False, None, id="only much later"),
        pytest.param([], True, KNOWN_MS, id="other programs were scraped"),
    ],
)
def test_a_replaced_incarnation_ended_where_its_address_was_given_back_while_somebody_was_watching(
    watched_ms: list[int], gone_ms: int | None, *, is_alive: bool
) -> None:
    source = Witness(
        ups=KNOWN_UPS, is_alive=lambda at_ms: is_alive and at_ms == KNOWN_MS + 10 * MINUTE_MS + 1
    )
    watchers = [process("2", OLD_MS, *watched_ms)] if watched_ms else []

    survey = survey_of(*REPLACED, *watchers, source=source)

    assert survey.history.incarnations[0].gone_ms == gone_ms
    assert survey.observations[0].living_ms == (gone_ms or NEXT_MS) - SPAN.start_ms


def test_an_address_of_which_nothing_is_told_was_not_given_back() -> None:
    survey = survey_of(*REPLACED, source=Witness())

    assert survey.history.incarnations[0].gone_ms is None


@pytest.mark.parametrize(
    ("last_ms", "next_ms", "is_asked"),
    [
        pytest.param(LAST_MS, LAST_MS + 5 * MINUTE_MS, False, id="five minutes"),
        pytest.param(LAST_MS, LAST_MS + 5 * MINUTE_MS + 1, True, id="longer"),
        pytest.param(99 * HOUR_MS, SPAN.start_ms, False, id="before the window"),
        pytest.param(99 * HOUR_MS, SPAN.start_ms + 1, True, id="until just after its start"),
        pytest.param(SPAN.end_ms - 1, SPAN.end_ms + HOUR_MS, True, id="since just before its end"),
        pytest.param(SPAN.end_ms, SPAN.end_ms + HOUR_MS, False, id="after the window"),
    ],
)
def test_addresses_are_asked_for_where_a_silence_of_minutes_touches_the_window(
    last_ms: int, next_ms: int, *, is_asked: bool
) -> None:
    source = Witness()

    survey_of(process("1", OLD_MS, last_ms), process("1", next_ms, next_ms, job="next"), source=source)

    asked = [(["pod:1"], Span(last_ms - 5 * MINUTE_MS, next_ms))]
    assert source.asked_ups == (asked if is_asked else [])


def test_all_silent_addresses_are_asked_for_at_once() -> None:
    source = Witness()
    other = [
        process("0", OLD_MS, LAST_MS + HOUR_MS),
        process("0", NEXT_MS + HOUR_MS, NEXT_MS + HOUR_MS, job="next"),
    ]

    survey_of(*REPLACED, *other, source=source)

    assert source.asked_ups == [(["pod:0", "pod:1"], Span(LAST_MS - 5 * MINUTE_MS, NEXT_MS + HOUR_MS))]


BEFORE_MS = SPAN.start_ms - 30 * MINUTE_MS
ENDED = process("1", OLD_MS, *minutes(BEFORE_MS - HOUR_MS, BEFORE_MS))
ENDED_KEY = ("pod:1", instant_of(OLD_MS))


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        pytest.param(WHOLE_DAY, IncarnationKind.LATE_COLD, id="the stored day does not know it"),
        pytest.param(stored_at(BEFORE_MS, ENDED_KEY), None, id="the stored day knows all of it"),
        pytest.param(
            stored_at(BEFORE_MS - MINUTE_MS, ENDED_KEY), IncarnationKind.LATE, id="a scrape came later"
        ),
        pytest.param(NOTHING_STORED, None, id="the day before is not stored"),
    ],
)
def test_an_incarnation_that_ended_before_a_window_is_late_where_the_stored_day_lacks_scrapes_of_it(
    stored: StoredClosings, kind: IncarnationKind | None
) -> None:
    survey = survey_of(ENDED, stored=stored)

    assert survey.kinds == ({} if kind is None else {0: kind})
    assert list(survey.late) == list(survey.kinds)
    assert survey.observation_of(0) is NOT_OBSERVED


@pytest.mark.parametrize(
    ("scraped_ms", "late"),
    [
        pytest.param(SPAN.start_ms, [0], id="at midnight"),
        pytest.param(SPAN.end_ms + 1, [], id="the day after"),
    ],
)
def test_only_what_was_scraped_before_a_window_can_be_late(scraped_ms: int, late: list[int]) -> None:
    assert survey_of(process("1", OLD_MS, scraped_ms), stored=WHOLE_DAY).late == late


@pytest.mark.parametrize(
    ("scraped_ms", "kind"),
    [
        pytest.param(SPAN.start_ms, IncarnationKind.KNOWN, id="at midnight"),
        pytest.param(SPAN.start_ms + 1, IncarnationKind.COLD, id="after it"),
    ],
)
def test_a_scrape_at_midnight_is_the_day_before(scraped_ms: int, kind: IncarnationKind) -> None:
    assert survey_of(process("1", OLD_MS, scraped_ms, SPAN.end_ms), stored=WHOLE_DAY).kinds == {0: kind}


def test_addresses_without_a_start_time_are_known_from_the_stored_day() -> None:
    stored = stored_at(SPAN.start_ms, ("pod:1", EPOCH), ("pod:2", instant_of(OLD_MS)))

    survey = survey_of(stored=stored)

    assert survey.no_start_before == {"pod:1"}
    assert survey.stored == stored.incarnations
    assert survey.previous_day_is_stored


class OlderDays:
    """A database that knows one incarnation from an earlier day."""

    def __init__(self) -> None:
        self.asked: list[IncarnationKey] = []

    def __call__(self, wanted: Sequence[IncarnationKey]) -> StoredIncarnations:
        assert wanted, "a question about nobody"
        self.asked.extend(wanted)
        return dict.fromkeys(wanted, StoredIncarnation(instant_of(OLD_MS), {}))


MOVED = {
    "metric": {"instance": "pod:1"},
    "values": [[110 * HOUR_MS / 1000, "1"], [111 * HOUR_MS / 1000, str(109 * HOUR_MS / 1000)]],
}


@pytest.mark.parametrize(
    ("processes", "previous_day", "asked_ms"),
    [
        pytest.param([process("1", OLD_MS, 110 * HOUR_MS)], True, [OLD_MS], id="older than our watch"),
        pytest.param([ENDED], True, [OLD_MS], id="ended before the window"),
        pytest.param([process("1", 109 * HOUR_MS, 110 * HOUR_MS)], True, [], id="born in the window"),
        pytest.param([MOVED], True, [1000, 109 * HOUR_MS], id="its start time moved"),
        pytest.param(
            [process("1", OLD_MS, SPAN.start_ms, SPAN.end_ms)], False, [], id="no day before, and seen"
        ),
        pytest.param(
            [process("1", OLD_MS, SPAN.start_ms + 1)], False, [OLD_MS], id="no day before, and not seen"
        ),
    ],
)
def test_older_days_are_asked_for_incarnations_that_the_day_before_should_know_and_does_not(
    processes: list[dict[str, Any]], asked_ms: list[int], *, previous_day: bool
) -> None:
    older = OlderDays()

    survey = survey_of(*processes, stored=replace(NOTHING_STORED, previous_day=previous_day, older=older))

    assert older.asked == [("pod:1", instant_of(start_ms)) for start_ms in asked_ms]
    assert survey.stored.keys() == set(older.asked)


def test_what_older_days_know_stands_beside_the_day_before() -> None:
    known = ("pod:known", instant_of(OLD_MS))
    older = OlderDays()
    stored = replace(stored_at(SPAN.start_ms, known), older=older)
    here = (process("known", OLD_MS, 110 * HOUR_MS), process("1", OLD_MS, 110 * HOUR_MS))

    survey = survey_of(*here, stored=stored)

    assert survey.stored.keys() == {known, ("pod:1", instant_of(OLD_MS))}
    assert older.asked == [("pod:1", instant_of(OLD_MS))]
    assert set(survey.kinds.values()) == {IncarnationKind.RETURNED}
