"""The door to usage: exact daily tokens with their evidence, the same number for every reader."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from backend import clock
from backend.actor import (
    STAFF_ROLES,
    Actor,
    TenantId,
    require_process,
    require_role_or_process,
    require_tenant,
)
from backend.clients.prometheus import Prometheus, prometheus
from backend.clock import Window
from backend.config import UsageSettings, settings
from backend.db.engine import read, transaction
from backend.errors import Invalid
from backend.log import get_logger
from backend.tenants import service as tenants
from backend.usage import meter, repository
from backend.usage.source import Source
from backend.usage.types import (
    NOTHING_STORED,
    DailyUsage,
    DayMeasurement,
    Reading,
    StoredClosings,
    StoredLives,
    UnknownLabel,
    UsageRow,
)

KEPT_MONTHS = 13
# As long as the default retention of Prometheus and then some: an older life has no sample to close with.
REMEMBERED_DAYS = 35

log = get_logger(__name__)


def measure_day(actor: Actor, day: date, *, tenant_label: str | None = None) -> DayMeasurement:
    """The usage of a day, read from the meters now; of one label, or of all. Writes nothing. Staff and processes.

    A day that has not ended is measured until now and flagged ``open``.

    Raises:
        Invalid: the day has not begun.
        Unavailable: Prometheus, or the database, failed or told only a part.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    return _measured(day, tenant_label)


def measure_elsewhere(
    actor: Actor, given: UsageSettings, day: date, *, tenant_label: str | None = None
) -> DayMeasurement:
    """The same measurement of any Prometheus, without a database: no stored reading is known. Staff and processes.

    Raises:
        Invalid: the day has not begun.
        Unavailable: Prometheus failed or told only a part.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    now = clock.utc_now()
    source = Source(client=_client(given), settings=given, tenant=tenant_label)
    return meter.measure(source, day, _begun_window(day, now), now=now, stored=NOTHING_STORED)


def store_day(actor: Actor, measurement: DayMeasurement) -> bool:
    """Keep a closed day: usage and readings, all or nothing, in the open transaction. For processes.

    Returns False, and writes nothing, when the day is stored already.

    Raises:
        Invalid: the day had not ended when it was measured.
    """
    require_process(actor)
    if measurement.measured_at < measurement.window.end:
        raise Invalid(field="day", reason="day_is_open")
    with transaction() as connection:
        if not repository.claim_day(connection, measurement):
            return False
        repository.insert_lives(connection, measurement.day, measurement.lives)
        repository.ensure_partition(connection, measurement.day)
        repository.copy_readings(connection, measurement.day, measurement.readings)
        repository.copy_usage(connection, measurement.day, measurement.rows)
    log.info(
        "usage.stored",
        day=measurement.day,
        rows=len(measurement.rows),
        readings=measurement.series,
        lives=len(measurement.lives),
    )
    return True


def today(actor: Actor, tenant_id: TenantId) -> DayMeasurement:
    """A tenant's usage of the day that is running, until now: the function that closes the day, on one label.

    Raises:
        Unavailable: Prometheus, or the database, failed or told only a part.
    """
    require_tenant(actor, tenant_id)
    return _measured(clock.billing_day(clock.utc_now()), tenants.get(actor, tenant_id).label)


def daily(actor: Actor, tenant_id: TenantId, first: date, last: date) -> list[DailyUsage]:
    """A tenant's stored usage of closed days, both ends included."""
    require_tenant(actor, tenant_id)
    label = tenants.get(actor, tenant_id).label
    with read() as connection:
        return repository.daily_usage(connection, label, first, last)


def readings(actor: Actor, tenant_id: TenantId, day: date) -> list[Reading]:
    """The evidence of a tenant's closed day: each meter's opening and closing."""
    require_tenant(actor, tenant_id)
    label = tenants.get(actor, tenant_id).label
    with read() as connection:
        return repository.readings_of(connection, label, day)


def rows_of_day(actor: Actor, day: date) -> list[UsageRow]:
    """Everybody's stored usage of a closed day. Staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    with read() as connection:
        return repository.usage_of_day(connection, day)


def measured_days(actor: Actor, first: date, last: date) -> set[date]:
    """The days of a range, both ends included, that are stored. Staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    with read() as connection:
        return repository.measured_days(connection, first, last)


def unknown_labels(actor: Actor, first: date, last: date) -> list[UnknownLabel]:
    """Labels on counters that no tenant has, with what they used in a range of days. Staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    known = [tenant.label for tenant in tenants.all_tenants(actor)]
    with read() as connection:
        return repository.usage_of_strangers(connection, known, first, last)


def drop_old_readings(actor: Actor, now: datetime) -> list[str]:
    """Drop the readings of months that ended more than thirteen months ago; the names of what went. For processes."""
    require_process(actor)
    first_kept = clock.gregorian_month_start(clock.billing_day(now))
    for _ in range(KEPT_MONTHS):
        first_kept = clock.gregorian_month_start(first_kept - timedelta(days=1))
    with transaction() as connection:
        return repository.drop_partitions_before(connection, first_kept)


def _measured(day: date, tenant: str | None) -> DayMeasurement:
    now = clock.utc_now()
    window = _begun_window(day, now)
    source = Source(client=_client(settings()), settings=settings(), tenant=tenant)
    return meter.measure(source, day, window, now=now, stored=_stored(day, window, tenant))


def _begun_window(day: date, now: datetime) -> Window:
    window = clock.day_window(day)
    if now <= window.start:
        raise Invalid(field="day", reason="day_in_future")
    return window


def _client(given: UsageSettings) -> Prometheus:
    return prometheus(given.prometheus_url, given.prometheus_timeout_s)


def _stored(day: date, window: Window, tenant: str | None) -> StoredClosings:
    yesterday = day - timedelta(days=1)
    with read() as connection:
        is_whole = repository.is_measured_until(connection, yesterday, window.start)
        lives = repository.closings(connection, yesterday, tenant) if is_whole else {}

    def older(wanted: Sequence[tuple[str, datetime]]) -> StoredLives:
        return _older(wanted, yesterday, tenant)

    return StoredClosings(previous_day=is_whole, lives=lives, older=older)


def _older(wanted: Sequence[tuple[str, datetime]], until: date, tenant: str | None) -> StoredLives:
    """Readings of lives that were away for days: only if every day since is stored, else it may still count them."""
    with read() as connection:
        measured = repository.measured_days(connection, until - timedelta(days=REMEMBERED_DAYS), until)
        first = until + timedelta(days=1)
        while first - timedelta(days=1) in measured:
            first -= timedelta(days=1)
        days = repository.last_days(connection, wanted, first, until)
        by_day = {day: repository.closings(connection, day, tenant) for day in set(days.values())}
    return {life: by_day[day][life] for life, day in days.items() if life in by_day[day]}
