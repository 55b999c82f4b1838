"""What stored days tell: the readings beside a day, usage and falls, each bound to the day."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest

from backend import clock
from backend.actor import Actor
from backend.clock import day_window
from backend.db.engine import transaction
from backend.errors import Invalid
from backend.usage import falls_repository, repository, scan_repository, service
from backend.usage.metering.incarnations import EPOCH
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.stored_service import REMEMBERED_DAYS, stored_beside
from backend.usage.types import (
    NO_METERS,
    ClosedIncarnation,
    DayMeasurement,
    EarlierClosing,
    FallFigure,
    IncarnationKey,
    Key,
    MeterContinuity,
    MeterFall,
    MeterReading,
    NextOpening,
    OpeningSource,
    StoredIncarnation,
    UsageRow,
)
from tests import factories

NIGHT = Actor.process_named("nightly_billing")
DAY = timedelta(days=1)
MEASURED = date(2026, 11, 22)
YESTERDAY = MEASURED - DAY
POD: IncarnationKey = ("pod:1", day_window(MEASURED).start - 9 * DAY)
OTHER: IncarnationKey = ("pod:2", day_window(MEASURED).start - 9 * DAY)
A, B, C = ("acme", "m", "prompt"), ("acme", "n", "prompt"), ("globex", "m", "prompt")


def a_day(
    day: date,
    closings: Mapping[IncarnationKey, Mapping[Key, int]] = {},
    *,
    tokens: Mapping[Key, int] = {},
    falls: Mapping[Key, tuple[int, int]] = {},
    meters: MeterContinuity = NO_METERS,
) -> DayMeasurement:
    window = day_window(day)
    return DayMeasurement(
        day=day,
        window=window,
        measured_at=window.end,
        rows=[UsageRow(*key, count, Decimal(1), 0, False, ()) for key, count in tokens.items()],
        readings=[
            MeterReading(*key, *process, 1, window.start, OpeningSource.SCRAPED, closing, window.end)
            for process, by_key in closings.items()
            for key, closing in by_key.items()
        ],
        falls=[
            MeterFall(*key, *POD, "fell", 1, 0, window.start, 0, window.end, *figures)
            for key, figures in falls.items()
        ],
        meters=meters,
        series=sum(map(len, closings.values())),
        incarnations=[ClosedIncarnation(*process, window.end) for process in closings],
    )


def store(*days: DayMeasurement) -> None:
    for day in days:
        with transaction():
            assert service.store_day(NIGHT, day)


def store_empty(first: date, last: date) -> None:
    store(*(a_day(first + number * DAY) for number in range((last - first).days + 1)))


def planned(*days: DayMeasurement) -> PlannedDays:
    after = PlannedDays()
    for day in days:
        after.add(day)
    return after


def test_a_day_is_opened_by_the_day_before_and_closed_by_the_day_after(database: str) -> None:
    store(
        a_day(YESTERDAY - DAY, {OTHER: {A: 1}}),
        a_day(YESTERDAY, {POD: {A: 5, C: 7}, OTHER: {C: 8}}),
        a_day(MEASURED + DAY, {POD: {A: 9, C: 9}}),
        a_day(MEASURED + 2 * DAY, {OTHER: {A: 9}}),
    )
    end, following = day_window(YESTERDAY).end, NextOpening(1, day_window(MEASURED + DAY).start, "scraped")

    told = stored_beside(MEASURED, None, PlannedDays())
    of_one = stored_beside(MEASURED, "acme", PlannedDays())

    assert told.previous_day
    assert told.incarnations == {
        POD: StoredIncarnation(end, {A: 5, C: 7}),
        OTHER: StoredIncarnation(end, {C: 8}),
    }
    assert told.following == {POD: {A: following, C: following}}
    assert of_one.incarnations == {POD: StoredIncarnation(end, {A: 5}), OTHER: StoredIncarnation(end, {})}
    assert of_one.following == {POD: {A: following}}


def test_the_log_says_what_was_stored(database: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        store(a_day(MEASURED, {POD: {A: 5}, OTHER: {C: 8}}, tokens={A: 4}))

    [told] = [record for record in caplog.records if record.getMessage() == "usage.stored"]
    assert told.__dict__["fields"] == {"day": str(MEASURED), "rows": 1, "readings": 2, "incarnations": 2}


def test_without_its_neighbours_nothing_opens_or_closes_a_day(database: str) -> None:
    store(a_day(YESTERDAY - DAY, {POD: {A: 5}}), a_day(MEASURED + 2 * DAY, {POD: {A: 9}}))

    told = stored_beside(MEASURED, None, PlannedDays())

    assert (told.previous_day, told.incarnations, told.following) == (False, {}, {})
    assert told.older([POD]) == {}
    assert told.earlier([(*POD, A)]) == {}


def test_a_planned_day_opens_the_next_as_if_it_were_stored(database: str) -> None:
    store(a_day(YESTERDAY, {POD: {A: 5}}))

    told = stored_beside(MEASURED, None, planned(a_day(YESTERDAY, {POD: {A: 6}})))

    assert (told.previous_day, told.incarnations[POD].closings) == (True, {A: 6})


@pytest.mark.parametrize(("days", "is_known"), [(REMEMBERED_DAYS, True), (REMEMBERED_DAYS + 1, False)])
def test_a_process_that_was_away_is_remembered_for_weeks(days: int, is_known: bool, database: str) -> None:
    last = YESTERDAY - days * DAY
    store(a_day(last, {POD: {A: 5}}))
    store_empty(last + DAY, YESTERDAY)

    told = stored_beside(MEASURED, None, PlannedDays())

    seen = StoredIncarnation(day_window(last).end, {A: 5})
    assert told.older([POD, OTHER]) == ({POD: seen} if is_known else {})
    closing = EarlierClosing(last, 5, seen.closed_at)
    assert told.earlier([(*POD, A), (*POD, B)]) == ({(*POD, A): closing} if is_known else {})


def test_a_process_that_was_away_is_unknown_while_a_day_since_is_not_stored(database: str) -> None:
    store(a_day(YESTERDAY - 2 * DAY, {POD: {A: 5}}), a_day(YESTERDAY))

    told = stored_beside(MEASURED, None, PlannedDays())
    with_plan = stored_beside(MEASURED, None, planned(a_day(YESTERDAY - DAY)))

    assert (told.older([POD]), told.earlier([(*POD, A)])) == ({}, {})
    assert with_plan.older([POD])[POD].closings == {A: 5}
    assert with_plan.earlier([(*POD, A)])[*POD, A].closing == 5


def test_the_last_of_several_earlier_days_counts(database: str) -> None:
    store(
        a_day(YESTERDAY - 3 * DAY, {POD: {A: 3, B: 30, C: 300}}),
        a_day(YESTERDAY - 2 * DAY, {POD: {A: 4, B: 40}, OTHER: {A: 9}}),
        a_day(YESTERDAY - DAY, {POD: {A: 5}}),
        a_day(YESTERDAY),
    )
    told = stored_beside(MEASURED, None, PlannedDays())

    earlier = told.earlier([(*POD, C), (*POD, A), (*POD, B), (*OTHER, C)])

    assert told.older([POD])[POD].closings == {A: 5}
    assert {meter[2]: (one.day, one.closing) for meter, one in earlier.items()} == {
        A: (YESTERDAY - DAY, 5),
        B: (YESTERDAY - 2 * DAY, 40),
        C: (YESTERDAY - 3 * DAY, 300),
    }


def test_readings_of_others_do_not_open_a_day_of_one_company(database: str) -> None:
    store(a_day(YESTERDAY - DAY, {POD: {A: 5, C: 300}}), a_day(YESTERDAY))

    told = stored_beside(MEASURED, "acme", PlannedDays())

    assert told.older([POD])[POD].closings == {A: 5}


def test_a_planned_day_after_the_stored_one_counts_and_not_one_before(database: str) -> None:
    store(a_day(YESTERDAY - 2 * DAY, {POD: {A: 5}, OTHER: {A: 50}}))
    after = planned(
        a_day(YESTERDAY - 3 * DAY, {OTHER: {A: 40}}), a_day(YESTERDAY - DAY, {POD: {A: 6}}), a_day(YESTERDAY)
    )

    told = stored_beside(MEASURED, None, after)

    assert {each: one.closings for each, one in told.older([POD, OTHER]).items()} == {
        POD: {A: 6},
        OTHER: {A: 50},
    }
    assert {each[0]: one.closing for each, one in told.earlier([(*POD, A), (*OTHER, A)]).items()} == {
        POD[0]: 6,
        OTHER[0]: 50,
    }


@pytest.mark.parametrize(
    ("days_ago", "is_known"),
    [pytest.param(2, True, id="on the same day"), pytest.param(1, False, id="on a later day")],
)
def test_nothing_opens_a_process_whose_address_told_no_start_time_since(
    days_ago: int, is_known: bool, database: str
) -> None:
    nameless = (POD[0], EPOCH)
    days = {number: {POD: {A: 5}} if number == 2 else {} for number in (2, 1, 0)}
    days[days_ago] = {**days[days_ago], nameless: {A: 7}}
    store(*(a_day(YESTERDAY - number * DAY, closings) for number, closings in days.items()))

    told = stored_beside(MEASURED, None, PlannedDays())

    assert bool(told.older([POD])) is is_known
    assert bool(told.earlier([(*POD, A)])) is is_known


@pytest.mark.parametrize("is_planned", [True, False])
def test_a_planned_day_without_start_times_hides_what_is_stored(database: str, *, is_planned: bool) -> None:
    store(a_day(YESTERDAY - 2 * DAY, {POD: {A: 5}}), a_day(YESTERDAY))
    instance = POD[0] if is_planned else OTHER[0]

    told = stored_beside(MEASURED, None, planned(a_day(YESTERDAY - DAY, {(instance, EPOCH): {A: 7}})))

    assert bool(told.older([POD])) is not is_planned
    assert bool(told.earlier([(*POD, A)])) is not is_planned


def test_usage_of_a_company_is_that_of_its_days(database: str) -> None:
    acme = factories.tenant("acme")
    store(*(a_day(MEASURED + n * DAY, tokens={A: 10 + n, B: 20 + n, C: 30 + n}) for n in (-1, 0, 1, 2)))

    found = service.daily(NIGHT, acme.id, MEASURED, MEASURED + DAY)

    assert [(row.day, row.model, row.tokens) for row in found] == [
        (MEASURED, "m", 10),
        (MEASURED, "n", 20),
        (MEASURED + DAY, "m", 11),
        (MEASURED + DAY, "n", 21),
    ]


def test_days_that_a_company_waits_for_follow_the_last_stored_one(database: str) -> None:
    acme = factories.tenant("acme", billed_from=MEASURED - 5 * DAY)
    late = factories.tenant("late", billed_from=MEASURED + DAY)
    nothing = service.unsettled_days(NIGHT, acme.id, MEASURED - 3 * DAY, MEASURED)
    store(a_day(MEASURED - 2 * DAY))

    assert nothing == []
    assert service.unsettled_days(NIGHT, acme.id, MEASURED - 3 * DAY, MEASURED) == [YESTERDAY, MEASURED]
    assert service.unsettled_days(NIGHT, acme.id, MEASURED - 3 * DAY, MEASURED - 2 * DAY) == []
    assert service.unsettled_days(NIGHT, late.id, MEASURED - 3 * DAY, MEASURED + DAY) == [MEASURED + DAY]


@pytest.mark.parametrize(
    ("limit", "offset", "labels"),
    [
        pytest.param(2, 0, ["ghost-000", "ghost-001"], id="the first"),
        pytest.param(2, 99, ["ghost-099", "ghost-100"], id="the last"),
        pytest.param(0, -5, ["ghost-000"], id="never fewer than one, nor before the first"),
        pytest.param(1_000, 0, [f"ghost-{number:03}" for number in range(100)], id="never more than a page"),
    ],
)
def test_unknown_labels_come_in_stretches(limit: int, offset: int, labels: list[str], database: str) -> None:
    factories.tenant("acme")
    ghosts = {(f"ghost-{number:03}", "m", "prompt"): number + 1 for number in range(101)}
    store(
        a_day(YESTERDAY, tokens=ghosts | {("unused", "m", "prompt"): 0, A: 5}),
        a_day(MEASURED, tokens=ghosts | {B: 5}),
        a_day(MEASURED + DAY, tokens=ghosts),
    )

    found, total = service.unknown_labels(NIGHT, YESTERDAY, MEASURED, limit=limit, offset=offset)

    assert ([one.label for one in found], total) == (labels, 101)
    first = int(labels[0][-3:]) + 1
    assert found[0][1:] == (YESTERDAY, MEASURED, 2, 2 * first)


@pytest.mark.parametrize(
    ("figure", "tokens"), [(FallFigure.LEAST, [10, 20, 30]), (FallFigure.MOST, [15, 20, 30])]
)
def test_falls_of_one_company_are_settled_by_the_figure(
    figure: FallFigure, tokens: list[int], database: str
) -> None:
    acme = factories.tenant("acme")
    falls = {A: (3, 8), B: (4, 4), C: (5, 500), ("acme", "n", "cached"): (6, 6)}
    store(a_day(YESTERDAY, tokens={A: 1}), a_day(MEASURED, tokens={A: 10, B: 20, C: 30}, falls=falls))

    with transaction():
        service.settle_falls(NIGHT, acme.id, MEASURED, figure)

    assert [row.tokens for row in service.rows_of_day(NIGHT, MEASURED)] == tokens
    assert [row.tokens for row in service.rows_of_day(NIGHT, YESTERDAY)] == [1]
    told = service.falls(NIGHT, acme.id, MEASURED)
    assert [(fall.model, fall.least_tokens, fall.most_tokens) for fall in told] == [
        ("m", 3, 8),
        ("n", 6, 6),
        ("n", 4, 4),
    ]
    assert service.falls(NIGHT, acme.id, YESTERDAY) == []


def test_meters_that_vanished_are_those_of_the_newest_day(database: str) -> None:
    nothing = service.meter_continuity(NIGHT)
    store(
        a_day(YESTERDAY, meters=MeterContinuity(5, 5)),
        a_day(MEASURED, meters=MeterContinuity(20, 9)),
        a_day(YESTERDAY - DAY, meters=MeterContinuity(7, 7)),
    )

    assert (nothing, service.meter_continuity(NIGHT)) == (MeterContinuity(0, 0), MeterContinuity(20, 9))


@pytest.mark.parametrize(
    ("meters", "have_vanished"),
    [((10, 4), True), ((10, 5), False), ((9, 0), False), ((20, 9), True), ((20, 10), False)],
)
def test_meters_have_vanished_where_fewer_than_half_of_ten_or_more_are_read(
    meters: tuple[int, int], have_vanished: bool
) -> None:
    assert MeterContinuity(*meters).have_vanished is have_vanished


def test_a_day_is_measured_from_its_very_beginning_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: day_window(MEASURED).start)

    with pytest.raises(Invalid) as refused:
        service.measure_day(NIGHT, MEASURED)

    assert refused.value.data == {"field": "day", "reason": "day_in_future"}


def test_what_belongs_to_readings_is_forgotten_with_them_to_the_day(database: str) -> None:
    first_kept = date(2025, 10, 1)
    for day in (first_kept - DAY, first_kept):
        store(a_day(day, {POD: {A: 5}}, tokens={A: 4}, falls={A: (1, 2)}))
        scan_repository.insert_plan(day, [""], 0)

    service.drop_old_readings(NIGHT, day_window(MEASURED).start)

    assert [len(repository.closings(day, None)) for day in (first_kept - DAY, first_kept)] == [0, 1]
    assert [len(falls_repository.falls_of("acme", day)) for day in (first_kept - DAY, first_kept)] == [0, 1]
    assert [len(scan_repository.parts_of(day)) for day in (first_kept - DAY, first_kept)] == [0, 1]
    assert [len(repository.usage_of_day(day)) for day in (first_kept - DAY, first_kept)] == [1, 1]
