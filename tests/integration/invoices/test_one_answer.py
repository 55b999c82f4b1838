"""A day has one answer: for one company and for all, twice, in whatever order Prometheus tells it."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import TypeVar

import pytest

from backend.clients.prometheus import Prometheus, Sample
from backend.clock import day_window
from backend.config import usage_settings
from backend.usage.metering import meter
from backend.usage.metering.labels import LONGEST_TENANT_BYTES, storable
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.metering.source import Source
from backend.usage.types import (
    NOTHING_STORED,
    DayMeasurement,
    Key,
    MeterReading,
    NextOpening,
    NextOpenings,
    StoredClosings,
    StoredIncarnations,
    UsageRow,
)
from tests.integration.usage.nights import FIRST, NOWRUZ, REUSED, SECOND, THIRD, B, all_nights
from tests.integration.usage.unseen import SILENT_DAYS_LATER, unseen_worlds
from tests.integration.usage.world import World

DAY = timedelta(days=1)
NOW = datetime(2024, 1, 1, tzinfo=UTC)
WORLDS = [*all_nights(), *unseen_worlds()]

What = TypeVar("What")
Answer = tuple[list[UsageRow], list[MeterReading]]


class Shuffled(Prometheus):
    """Gives the rows of each answer, and the labels of each row, in an order of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(url, 30)
        self.dice = random.Random()  # noqa: S311 - seeded by each test

    def _result(self, query: str, at_ms: int) -> list[Sample]:
        rows = super()._result(query, at_ms)
        self.dice.shuffle(rows)
        return [{**row, "metric": self._shuffled(row["metric"])} for row in rows]

    def label_values(self, label: str, selector: str, from_ms: int, until_ms: int) -> list[str]:
        values = super().label_values(label, selector, from_ms, until_ms)
        return self.dice.sample(values, len(values))

    def _shuffled(self, labels: dict[str, str]) -> dict[str, str]:
        return dict(self.dice.sample([*labels.items()], len(labels)))


class Abreast(Prometheus):
    """Tells the start times when both boundaries are answered, so that two threads wait for them at once."""

    def __init__(self, url: str) -> None:
        super().__init__(url, 30)
        self.to_wait = 3
        self._all_three = Barrier(3)

    def _result(self, query: str, at_ms: int) -> list[Sample]:
        rows = super()._result(query, at_ms)
        if self.to_wait:
            self.to_wait -= 1
            self._all_three.wait(10)
        return rows


@pytest.fixture(scope="module")
def orderly(nights_url: str) -> Iterator[Prometheus]:
    with Prometheus(nights_url, 30) as client:
        yield client


@pytest.fixture(scope="module")
def shuffled(nights_url: str) -> Iterator[Shuffled]:
    with Shuffled(nights_url) as client:
        yield client


@pytest.fixture(scope="module")
def abreast(nights_url: str) -> Iterator[Abreast]:
    with Abreast(nights_url) as client:
        yield client


def measured(
    client: Prometheus,
    world: str,
    day: date,
    stored: StoredClosings = NOTHING_STORED,
    *,
    tenant: str | None = None,
    shard_series: int = 50_000,
) -> DayMeasurement:
    settings = usage_settings(
        prometheus_url=client.url,
        usage_selector=f'scenario="{world}"',
        usage_shard_series=str(shard_series),
    )
    source = Source(client=client, settings=settings, tenant=tenant)
    return meter.measure(source, day, day_window(day), now=NOW, stored=lambda: stored)


def test_a_first_use_that_is_not_proven_is_held_whichever_answer_comes_first(abreast: Abreast) -> None:
    for _ in range(30):
        abreast.to_wait = 3
        [row] = measured(abreast, "first-used-apart", SECOND, tenant=B[0]).rows

        assert (row.tokens, row.flags) == (3290, ("cold_start", "duplicate_scrape"))


@pytest.mark.parametrize("made", WORLDS, ids=lambda made: made.name)
def test_a_day_has_one_answer_in_whatever_order_it_is_told(
    made: World, orderly: Prometheus, shuffled: Shuffled
) -> None:
    world = made.name
    tenants = {event.key[0] for process in made.processes for event in process.events}
    first, second, third = days_of(world)
    shuffled.dice.seed(world)
    before = PlannedDays()
    before.add(measured(orderly, world, first))
    after = measured(orderly, world, third)
    for stored in (NOTHING_STORED, as_stored(before, second), as_stored(before, second, after)):
        everybody = measured(orderly, world, second, stored)

        again = measured(shuffled, world, second, stored, shard_series=1)
        assert answer_of(again) == answer_of(everybody)

        for tenant in sorted(tenants):
            alone = measured(shuffled, world, second, of_one(stored, tenant), tenant=tenant)
            assert answer_of(alone) == answer_of(everybody, storable(tenant, LONGEST_TENANT_BYTES))


def days_of(world: str) -> list[date]:
    if world == "nowruz":
        return [NOWRUZ - DAY, NOWRUZ, NOWRUZ + DAY]
    later = REUSED.get(world, 0)
    if world.startswith("silent") or world == "ended-at-midnight":
        later = SILENT_DAYS_LATER
    return [day + later * DAY for day in (FIRST, SECOND, THIRD)]


def answer_of(measured: DayMeasurement, tenant: str | None = None) -> Answer:
    rows = [row for row in measured.rows if tenant in {None, row.tenant}]
    return rows, sorted(one for one in measured.readings if tenant in {None, one.tenant})


def as_stored(before: PlannedDays, day: date, following: DayMeasurement | None = None) -> StoredClosings:
    """What the database would tell, had it stored the days before, and perhaps the day after."""
    first = day - 30 * DAY
    opened: NextOpenings = {}
    for one in following.readings if following else ():
        told = NextOpening(one.opening, one.opened_at, one.opening_source)
        opened.setdefault((one.instance, one.incarnation_start), {})[one[:3]] = told
    return StoredClosings(
        previous_day=True,
        incarnations=before.closings(day - DAY),
        older=lambda incarnations: {
            incarnation: told for incarnation, (_, told) in before.last_days(incarnations, first).items()
        },
        earlier=lambda meters: before.earlier(meters, first),
        following=opened,
    )


def of_one(stored: StoredClosings, tenant: str) -> StoredClosings:
    def own(found: Mapping[Key, What]) -> dict[Key, What]:
        return {key: told for key, told in found.items() if key[0] == storable(tenant, LONGEST_TENANT_BYTES)}

    def own_incarnations(incarnations: StoredIncarnations) -> StoredIncarnations:
        return {
            incarnation: told._replace(closings=own(told.closings))
            for incarnation, told in incarnations.items()
        }

    return replace(
        stored,
        incarnations=own_incarnations(stored.incarnations),
        older=lambda incarnations: own_incarnations(stored.older(incarnations)),
        following={incarnation: own(told) for incarnation, told in stored.following.items()},
    )
