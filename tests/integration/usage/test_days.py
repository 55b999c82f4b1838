"""Closed days in the database: stored once, opened by what was stored, right on days of 23 and 25 hours."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from backend import clock, config
from backend.actor import Actor, Role, TenantId
from backend.audit import service as audit
from backend.db.engine import transaction
from backend.errors import Forbidden, Invalid, NotFound
from backend.tenants import service as tenants
from backend.tenants.types import INTERNAL_LABEL, NewTenant
from backend.usage import repository, service
from backend.usage.types import DayMeasurement, OpeningSource, UsageFlag, UsageRow
from tests.integration.usage import special
from tests.integration.usage.test_scenarios import tokens_of, without_zeros
from tests.integration.usage.world import Key, World

NIGHT = Actor.process_named("nightly_billing")
DAY = timedelta(days=1)
STRETCHES = {"short-day": (special.SHORT_DAY, 23), "long-day": (special.LONG_DAY, 25)}


@pytest.fixture
def watching(database: str, prometheus_url: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("PROMETHEUS_URL", prometheus_url)
    return monkeypatch


def look_at(monkeypatch: pytest.MonkeyPatch, scenario: str) -> None:
    monkeypatch.setenv("USAGE_SELECTOR", f'scenario="{scenario}"')
    config.settings.cache_clear()


def close(day: date) -> DayMeasurement:
    measured = service.measure_day(NIGHT, day)
    with transaction():
        assert service.store_day(NIGHT, measured)
    return measured


def proven(world: World, first: date, last: date) -> dict[Key, int]:
    start, end = clock.day_window(first).start.timestamp(), clock.day_window(last).end.timestamp()
    return without_zeros(world.proven(start, end, history_from=start - 4 * 3600))


@pytest.mark.parametrize("name", STRETCHES)
def test_days_of_23_and_25_hours_add_up(name: str, watching: pytest.MonkeyPatch) -> None:
    middle, hours = STRETCHES[name]
    world = next(world for world in special.tehran_days() if world.name == name)
    look_at(watching, name)

    days = {day: close(day) for day in (middle - DAY, middle, middle + DAY)}

    assert days[middle].window.seconds == hours * 3600
    for day, measured in days.items():
        assert tokens_of(measured) == proven(world, day, day)
    sums: dict[Key, int] = {}
    for measured in days.values():
        for key, tokens in tokens_of(measured).items():
            sums[key] = sums.get(key, 0) + tokens
    assert sums == proven(world, middle - DAY, middle + DAY)
    sources = {reading.opening_source for reading in days[middle + DAY].readings}
    assert sources == {OpeningSource.STORED}


def test_what_is_stored_is_read_back(watching: pytest.MonkeyPatch) -> None:
    look_at(watching, "long-day")
    tenant = tenants.create(NIGHT, new_tenant("tenant-1"))

    measured = close(special.LONG_DAY)

    assert service.rows_of_day(NIGHT, special.LONG_DAY) == measured.rows
    mine = [row for row in measured.rows if row.tenant == "tenant-1"]
    stored = service.daily(NIGHT, tenant.id, special.LONG_DAY - DAY, special.LONG_DAY)
    assert [(special.LONG_DAY, *row[1:]) for row in mine] == [tuple(row) for row in stored]
    assert sorted(service.readings(NIGHT, tenant.id, special.LONG_DAY)) == sorted(
        reading for reading in measured.readings if reading.tenant == "tenant-1"
    )
    for row in mine:
        evidence = [reading for reading in measured.readings if reading[:3] == row[:3]]
        assert row.tokens == sum(reading.closing - reading.opening for reading in evidence)
    assert service.measured_days(NIGHT, date(2022, 1, 1), date(2022, 12, 31)) == {special.LONG_DAY}


def test_a_label_that_no_tenant_has_is_kept_and_shown(watching: pytest.MonkeyPatch) -> None:
    look_at(watching, "long-day")
    tenants.create(NIGHT, new_tenant("tenant-1"))

    measured = close(special.LONG_DAY)

    unknown, total = service.unknown_labels(NIGHT, special.LONG_DAY - DAY, special.LONG_DAY)
    assert ([(label.label, label.days) for label in unknown], total) == (
        [("tenant-0", 1), ("tenant-2", 1)],
        2,
    )
    assert unknown[0].tokens == sum(row.tokens for row in measured.rows if row.tenant == "tenant-0")


def test_what_the_portal_itself_asked_a_model_is_no_unknown_label(database: str) -> None:
    window, key = clock.day_window(special.LONG_DAY), ("gpt-5-mini", "prompt")
    rows = [UsageRow(label, *key, 7, Decimal(1), 0, False, ()) for label in (INTERNAL_LABEL, "ghost")]
    measured = DayMeasurement(
        day=special.LONG_DAY,
        window=window,
        measured_at=window.end,
        rows=rows,
        readings=[],
        series=0,
        incarnations=[],
    )
    with transaction():
        service.store_day(NIGHT, measured)

    unknown, total = service.unknown_labels(NIGHT, special.LONG_DAY, special.LONG_DAY)

    assert ([each.label for each in unknown], total) == (["ghost"], 1)


def test_storing_a_day_twice_writes_nothing(watching: pytest.MonkeyPatch) -> None:
    look_at(watching, "long-day")
    measured = close(special.LONG_DAY)

    with transaction():
        again = service.store_day(NIGHT, measured)

    assert not again
    assert service.rows_of_day(NIGHT, special.LONG_DAY) == measured.rows


def test_two_who_store_at_once_store_one(watching: pytest.MonkeyPatch) -> None:
    look_at(watching, "long-day")
    measured = service.measure_day(NIGHT, special.LONG_DAY)
    told: list[bool] = []
    barrier = threading.Barrier(2)

    def store() -> None:
        barrier.wait(10)
        with transaction():
            told.append(service.store_day(NIGHT, measured))

    threads = [threading.Thread(target=store) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(told) == [False, True]
    assert service.rows_of_day(NIGHT, special.LONG_DAY) == measured.rows


def test_a_day_that_is_undone_leaves_nothing(watching: pytest.MonkeyPatch) -> None:
    look_at(watching, "long-day")
    measured = service.measure_day(NIGHT, special.LONG_DAY)

    with pytest.raises(ZeroDivisionError):
        store_and_fail(measured)

    assert service.measured_days(NIGHT, special.LONG_DAY, special.LONG_DAY) == set()
    assert service.rows_of_day(NIGHT, special.LONG_DAY) == []


def test_a_process_that_was_away_for_days_is_opened_by_its_last_stored_reading(
    watching: pytest.MonkeyPatch,
) -> None:
    look_at(watching, "away")
    before, silent, after = special.LONG_DAY - DAY, special.LONG_DAY, special.LONG_DAY + DAY

    measured = [close(day) for day in (before, silent, after)]

    assert measured[1].rows == []
    expected = proven(special.away(), before, after)
    assert sum(row.tokens for one in measured for row in one.rows) == sum(expected.values())
    (row,) = measured[2].rows
    assert UsageFlag.COLD_START not in row.flags


def test_a_process_that_was_away_is_cold_while_a_day_between_is_not_stored(
    watching: pytest.MonkeyPatch,
) -> None:
    look_at(watching, "away")
    close(special.LONG_DAY - DAY)

    (row,) = service.measure_day(NIGHT, special.LONG_DAY + DAY).rows

    assert UsageFlag.COLD_START in row.flags
    assert row.held


def test_a_day_that_has_not_ended_is_not_stored(watching: pytest.MonkeyPatch) -> None:
    look_at(watching, "nothing")

    measured = service.measure_day(NIGHT, clock.billing_day(clock.utc_now()))

    with pytest.raises(Invalid, match="day_is_open"):
        service.store_day(NIGHT, measured)


def test_a_day_that_has_not_begun_is_refused(watching: pytest.MonkeyPatch) -> None:
    look_at(watching, "nothing")

    with pytest.raises(Invalid):
        service.measure_day(NIGHT, clock.billing_day(clock.utc_now()) + DAY)


def test_readings_are_kept_for_thirteen_months(watching: pytest.MonkeyPatch) -> None:
    months = [date(2025, 9, 1), date(2025, 10, 1), date(2025, 11, 1), date(2026, 11, 1)]
    for month in months:
        repository.ensure_partition(month)

    dropped = service.drop_old_readings(NIGHT, datetime(2026, 11, 22, 12, tzinfo=UTC))

    assert dropped == ["meter_reading_2025_09"]
    assert repository.drop_partitions_before(date(2025, 10, 1)) == []


def test_the_next_month_has_its_room_before_it_begins(watching: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 12, 31, 12, tzinfo=UTC)

    made = service.prepare_months(NIGHT, now)

    assert made == [date(2026, 12, 1), date(2027, 1, 1)]
    assert service.prepare_months(NIGHT, now) == []
    assert not repository.ensure_partition(date(2027, 1, 31))


def test_room_for_a_month_is_made_beside_those_who_read_and_write(
    watching: pytest.MonkeyPatch, database: str
) -> None:
    repository.ensure_partition(date(2026, 11, 1))
    with psycopg.connect(database) as other, transaction() as connection:
        other.execute("SELECT count(*) FROM meter_reading")
        other.execute("LOCK TABLE meter_reading IN ROW EXCLUSIVE MODE")
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))

        assert repository.ensure_partition(date(2026, 12, 1))


def test_room_for_a_month_is_made_beside_those_who_are_written_down(watching: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as others, transaction():
        assert repository.ensure_partition(date(2026, 12, 1))

        others.submit(audit.record, NIGHT, "note.added", "note:1").result(timeout=5)


def test_two_who_make_room_for_a_month_at_once_make_it_once(
    watching: pytest.MonkeyPatch, database: str
) -> None:
    month = date(2026, 12, 1)
    with ThreadPoolExecutor(1) as others, psycopg.connect(database, autocommit=True) as watcher:
        with transaction():
            assert repository.ensure_partition(month)
            late = others.submit(repository.ensure_partition, month)
            deadline = time.monotonic() + 30
            while watcher.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is None:
                assert time.monotonic() < deadline, late

        assert late.result(timeout=30) is False


def test_only_those_who_may_ask_are_answered(watching: pytest.MonkeyPatch) -> None:
    mine = tenants.create(NIGHT, new_tenant("tenant-1")).id
    stranger = Actor(name="x", role=Role.TENANT_ADMIN, tenant_id=TenantId(uuid4()))
    day = special.LONG_DAY

    for ask in (
        lambda: service.today(stranger, mine),
        lambda: service.daily(stranger, mine, day, day),
        lambda: service.unsettled_days(stranger, mine, day, day),
        lambda: service.readings(stranger, mine, day),
    ):
        with pytest.raises(NotFound):
            ask()
    for ask_all in (
        lambda: service.measure_day(stranger, day),
        lambda: service.rows_of_day(stranger, day),
        lambda: service.measured_days(stranger, day, day),
        lambda: service.unknown_labels(stranger, day, day),
        lambda: service.prepare_months(stranger, clock.utc_now()),
        lambda: service.drop_old_readings(stranger, clock.utc_now()),
    ):
        with pytest.raises(Forbidden):
            ask_all()


def store_and_fail(measured: DayMeasurement) -> None:
    with transaction():
        service.store_day(NIGHT, measured)
        raise ZeroDivisionError


def new_tenant(label: str) -> NewTenant:
    return NewTenant(
        label=label,
        name_fa="نمونه",
        name_en="Example",
        language="fa",
        billing_email="billing@example.com",
        billed_from=date(2022, 1, 1),
    )
