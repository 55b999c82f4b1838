"""The door to usage: exact tokens by day with their evidence, the same number for every reader."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

from backend import clock
from backend.actor import (
    OPERATOR_ROLES,
    STAFF_ROLES,
    Actor,
    TenantId,
    require_process,
    require_role_or_process,
    require_tenant,
)
from backend.clients.prometheus_servers import prometheus
from backend.clock import Window
from backend.config import UsageSettings, settings
from backend.db.engine import transaction
from backend.errors import Invalid, Unavailable
from backend.log import get_logger
from backend.tenants import service as tenants
from backend.tenants.types import INTERNAL_LABEL
from backend.threads import side_by_side
from backend.usage import falls_repository, repository, scan_repository, scan_service, stored_service
from backend.usage.metering import meter
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.metering.source import Source
from backend.usage.scanning.types import DayFindings
from backend.usage.types import (
    NOTHING_STORED,
    DailyUsage,
    DayMeasurement,
    FallFigure,
    MeterContinuity,
    MeterFall,
    MeterReading,
    UnknownLabels,
    UsageRow,
)

READING = Actor.process_named("billing")
KEPT_MONTHS = 13
MAX_PAGE = 100

log = get_logger(__name__)

SAMPLES_LOST = scan_service.SAMPLES_LOST
scan_day = scan_service.scan_day
scan_due_day = scan_service.scan_due_day
waits_for_scan = scan_service.waits_for_scan
scan_health = scan_service.health
reopen_missed = scan_service.reopen_missed
fail_lost = scan_service.fail_lost
days_stored_unscanned = scan_service.days_stored_unscanned
scan_findings = scan_service.findings


def measure_day(
    actor: Actor, day: date, *, tenant_label: str | None = None, after: PlannedDays | None = None
) -> DayMeasurement:
    """Measure the usage of a day now, of one tenant label or of all. Writes nothing. For staff and processes.

    A day that has not ended is measured until now and flagged ``open``. The window starts where the stored day before
    ended, and ends where the stored day after started, so that days add up also when the time zone changes late. The
    planned days ``after`` count as stored. On a closed day the findings of its scan are used, and series that the scan
    has not reached are held. If no scan has begun, falls within the day go unnoticed.

    Raises:
        Invalid: the day has not begun.
        Unavailable: Prometheus or the database failed, timed out, or answered only in part.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    return _measured(day, tenant_label, after or PlannedDays())


def measure_elsewhere(
    actor: Actor, given: UsageSettings, day: date, *, tenant_label: str | None = None
) -> DayMeasurement:
    """Measure a day on any Prometheus, without a database and so without stored readings. For staff and processes.

    Raises:
        Invalid: the day has not begun.
        Unavailable: Prometheus failed, timed out, or answered only in part.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    now = clock.utc_now()
    source = Source(client=prometheus(given), settings=given, tenant=tenant_label)
    return meter.measure(source, day, _begun_window(day, now), now=now, stored=lambda: NOTHING_STORED)


def store_day(actor: Actor, measurement: DayMeasurement) -> bool:
    """Store the usage, readings and falls of a closed day in the open transaction. For processes.

    Idempotent: returns False and writes nothing if the day is stored already.

    Raises:
        Invalid: the day had not ended when it was measured.
    """
    require_process(actor)
    if measurement.measured_at < measurement.window.end:
        raise Invalid(field="day", reason="day_is_open")
    with transaction():
        if not repository.claim_day(measurement):
            return False
        repository.insert_incarnations(measurement.day, measurement.incarnations)
        repository.ensure_partition(measurement.day)
        repository.copy_readings(measurement.day, measurement.readings)
        repository.copy_usage(measurement.day, measurement.rows)
        falls_repository.insert_falls(measurement.day, measurement.falls)
    log.info(
        "usage.stored",
        day=measurement.day,
        rows=len(measurement.rows),
        readings=measurement.series,
        incarnations=len(measurement.incarnations),
    )
    return True


def correct_day(actor: Actor, measurement: DayMeasurement, labels: Collection[str]) -> None:
    """Replace what is stored of some labels on a day by a newer measurement, in the open transaction. For processes.

    For labels that nothing was issued for. Where the measurement knows the whole scan of the day, the day does, too.
    """
    require_process(actor)
    day = measurement.day
    with transaction():
        repository.delete_usage(day, labels)
        repository.insert_incarnations(day, measurement.incarnations)
        repository.copy_readings(day, (each for each in measurement.readings if each.tenant in labels))
        repository.copy_usage(day, (each for each in measurement.rows if each.tenant in labels))
        falls_repository.insert_falls(day, [each for each in measurement.falls if each.tenant in labels])
        if measurement.is_scanned:
            scan_repository.note_scanned(day)
    log.info("usage.corrected", day=day, labels=len(labels))


def today(actor: Actor, tenant_id: TenantId) -> DayMeasurement:
    """A tenant's usage of the current day until now, measured exactly as the day will be when it has ended.

    Raises:
        Unavailable: Prometheus or the database failed, timed out, or answered only in part.
    """
    require_tenant(actor, tenant_id)
    return _measured(clock.billing_day(clock.utc_now()), tenants.get(actor, tenant_id).label, PlannedDays())


def daily(actor: Actor, tenant_id: TenantId, first: date, last: date) -> list[DailyUsage]:
    """A tenant's stored usage of closed days, both ends included."""
    require_tenant(actor, tenant_id)
    label = tenants.get(actor, tenant_id).label
    return repository.daily_usage(label, first, last)


def unsettled_days(actor: Actor, tenant_id: TenantId, first: date, last: date) -> list[date]:
    """The days after the last stored day of a range that the tenant is billed for, the oldest first.

    Empty if no day of the range is stored, because then nobody knows which days there are to measure.
    """
    require_tenant(actor, tenant_id)
    billed_from = tenants.get(actor, tenant_id).billed_from
    stored = repository.measured_days(first, last)
    if not stored:
        return []
    since = max(max(stored) + timedelta(days=1), billed_from)
    return [since + timedelta(days=n) for n in range((last - since).days + 1)]


def readings(actor: Actor, tenant_id: TenantId, day: date) -> list[MeterReading]:
    """Opening and closing reading of each meter of a tenant on a closed day: the evidence of its usage."""
    require_tenant(actor, tenant_id)
    label = tenants.get(actor, tenant_id).label
    return repository.readings_of(label, day)


def falls(actor: Actor, tenant_id: TenantId, day: date) -> list[MeterFall]:
    """A tenant's meters that fell on a closed day, with both figures of each."""
    require_tenant(actor, tenant_id)
    return falls_repository.falls_of(tenants.get(actor, tenant_id).label, day)


def settle_falls(actor: Actor, tenant_id: TenantId, day: date, figure: FallFigure) -> None:
    """Set the stored usage of a tenant's meters that fell to one of their figures, in the open transaction.

    Before that the usage holds the lower figure. Must be called once for a day: it adds the difference. For operators
    and processes.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    label = tenants.get(actor, tenant_id).label
    with transaction():
        more = Counter[tuple[str, str]]()
        for fall in falls_repository.falls_of(label, day):
            more[fall.model, fall.type] += fall.tokens(figure) - fall.least_tokens
        falls_repository.add_tokens(day, label, {key: tokens for key, tokens in more.items() if tokens})


def meter_continuity(actor: Actor) -> MeterContinuity:
    """Meters alive before the newest stored day, and how many of them have a reading on it. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return falls_repository.last_continuity()


def rows_of_day(actor: Actor, day: date) -> list[UsageRow]:
    """All stored usage of a closed day. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.usage_of_day(day)


def window_of(actor: Actor, day: date) -> Window | None:
    """The window (start, end] of a stored day; None if the day is not stored. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.window_of(day)


def measured_days(actor: Actor, first: date, last: date) -> set[date]:
    """The stored days of a range, both ends included. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.measured_days(first, last)


def unknown_labels(
    actor: Actor, first: date, last: date, *, limit: int = MAX_PAGE, offset: int = 0
) -> UnknownLabels:
    """A page of the labels on counters that no tenant has, with their tokens in a range of days.

    For staff and processes. There may be very many: whoever can send a label can add one.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    known = [INTERNAL_LABEL, *(tenant.label for tenant in tenants.all_tenants(actor))]
    limit, offset = max(1, min(limit, MAX_PAGE)), max(0, offset)
    return repository.usage_of_unknown_labels(known, first, last, limit=limit, offset=offset)


def prepare_months(actor: Actor, now: datetime) -> list[date]:
    """Create the partitions of readings for this month and the next; returns the months that had none. For processes.

    Billing would have to wait for a lock on the table if it created the partition itself.
    """
    require_process(actor)
    this = clock.gregorian_month_start(clock.billing_day(now))
    following = clock.gregorian_month_start(this + timedelta(days=31))
    with transaction():
        return [month for month in (this, following) if repository.ensure_partition(month)]


def drop_old_readings(actor: Actor, now: datetime) -> list[str]:
    """Drop months of readings that ended more than thirteen months ago; returns their names. For processes."""
    require_process(actor)
    first_kept = clock.gregorian_month_start(clock.billing_day(now))
    for _ in range(KEPT_MONTHS):
        first_kept = clock.gregorian_month_start(first_kept - timedelta(days=1))
    with transaction():
        repository.delete_incarnations_before(first_kept)
        scan_repository.delete_before(first_kept)
        falls_repository.delete_falls_before(first_kept)
        return repository.drop_partitions_before(first_kept)


def _measured(day: date, tenant: str | None, after: PlannedDays) -> DayMeasurement:
    now = clock.utc_now()
    window = stored_service.window_beside(_begun_window(day, now), day, after)
    source = Source(client=prometheus(settings()), settings=settings(), tenant=tenant)
    findings = _findings(day, tenant) if now >= window.end else None
    # The stored readings are read while Prometheus answers.
    with side_by_side(stored_service.stored_beside, day, tenant, after) as stored:
        try:
            return meter.measure(source, day, window, now=now, stored=stored, findings=findings)
        except Unavailable:
            stored()  # If the database fails as well, its error is raised, not that of Prometheus.
            raise


def _findings(day: date, tenant: str | None) -> DayFindings | None:
    """Findings of the scan of a closed day, of one tenant's series or of all; None if no scan has begun."""
    found = scan_service.findings(READING, day)
    if not found.is_scanned and not found.unscanned:
        return None
    if tenant is None:
        return found
    return replace(found, findings=[one for one in found.findings if one.key[0] == tenant])


def _begun_window(day: date, now: datetime) -> Window:
    window = clock.day_window(day)
    if now <= window.start:
        raise Invalid(field="day", reason="day_in_future")
    return window
