"""All SQL of readings and usage. Many rows are written by COPY, in the open transaction."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, any_, delete, func, inspect, literal, select, text
from sqlalchemy.dialects.postgresql import insert

from backend.clock import Window, gregorian_month_start
from backend.db.copying import copy_rows
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.errors import Unavailable
from backend.usage.models import (
    DailyUsageRow,
    MeasuredDayRow,
    MeasuredIncarnationRow,
    MeterFallRow,
    MeterReadingRow,
)
from backend.usage.types import (
    ClosedIncarnation,
    DailyUsage,
    DayMeasurement,
    EarlierClosing,
    MeterKey,
    MeterReading,
    NextOpening,
    NextOpenings,
    StoredIncarnation,
    StoredIncarnations,
    UnknownLabel,
    UnknownLabels,
    UsageRow,
)

_READING_COLUMNS = dict(
    zip(
        ("day", *MeterReading._fields),
        "date text text text text timestamptz int8 timestamptz text int8 timestamptz".split(),  # noqa: SIM905 - one line, as a table
        strict=True,
    )
)
_USAGE_COLUMNS = dict(
    zip(
        ("day", *UsageRow._fields),
        "date text text text int8 numeric int8 bool text[]".split(),  # noqa: SIM905 - one line, as a table
        strict=True,
    )
)

# All incarnations of the day, whatever tenants used them; readings only of the wanted tenant.
_CLOSINGS = """
SELECT incarnation.instance, incarnation.incarnation_start, incarnation.closed_at,
       reading.tenants, reading.models, reading.types, reading.closings
FROM measured_incarnation AS incarnation
LEFT JOIN (
  SELECT instance, incarnation_start, array_agg(tenant) AS tenants, array_agg(model) AS models,
         array_agg(type) AS types, array_agg(closing) AS closings
  FROM meter_reading
  WHERE day = %(day)s AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s)
  GROUP BY instance, incarnation_start
) AS reading USING (instance, incarnation_start)
WHERE incarnation.day = %(day)s
"""

_OPENINGS = """
SELECT instance, incarnation_start, tenant, model, type, opening, opened_at, opening_source
FROM meter_reading
WHERE day = %(day)s AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s)
"""

# Not for an instance that had no start time on a later day. Its tokens of that day are billed under no incarnation, and
# an older closing reading would bill them again.
_LAST_DAYS = """
SELECT wanted.instance, wanted.incarnation_start, max(incarnation.day)
FROM unnest(%(instances)s::text[], %(starts)s::timestamptz[]) AS wanted (instance, incarnation_start)
JOIN measured_incarnation AS incarnation USING (instance, incarnation_start)
WHERE incarnation.day BETWEEN %(first)s AND %(last)s
GROUP BY wanted.instance, wanted.incarnation_start
HAVING NOT EXISTS (
  SELECT FROM measured_incarnation AS no_start
  WHERE no_start.instance = wanted.instance AND no_start.incarnation_start = 'epoch'
    AND no_start.day > max(incarnation.day) AND no_start.day <= %(last)s
)
"""


# An incarnation has few days, and for each day the whole primary key of the reading is known.
_EARLIER = """
SELECT wanted.number, found.day, found.closing, found.closed_at
FROM unnest(
  %(instances)s::text[], %(starts)s::timestamptz[], %(tenants)s::text[], %(models)s::text[], %(types)s::text[]
) WITH ORDINALITY AS wanted (instance, incarnation_start, tenant, model, type, number)
CROSS JOIN LATERAL (
  SELECT incarnation.day, reading.closing, incarnation.closed_at
  FROM measured_incarnation AS incarnation
  JOIN meter_reading AS reading USING (day, instance, incarnation_start)
  WHERE incarnation.instance = wanted.instance AND incarnation.incarnation_start = wanted.incarnation_start
    AND incarnation.day BETWEEN %(first)s AND %(last)s
    AND (reading.tenant, reading.model, reading.type) = (wanted.tenant, wanted.model, wanted.type)
  ORDER BY incarnation.day DESC
  LIMIT 1
) AS found
WHERE NOT EXISTS (
  SELECT FROM measured_incarnation AS no_start
  WHERE no_start.instance = wanted.instance AND no_start.incarnation_start = 'epoch'
    AND no_start.day > found.day AND no_start.day <= %(last)s
)
"""


def claim_day(measurement: DayMeasurement) -> bool:
    """Insert the row of a stored day. False if it exists. Waits for another transaction that is inserting it."""
    row = insert(MeasuredDayRow).values(
        day=measurement.day,
        window_start=measurement.window.start,
        window_end=measurement.window.end,
        measured_at=measurement.measured_at,
        series=measurement.series,
        incarnations=len(measurement.incarnations),
        expected_meters=measurement.meters.expected,
        read_meters=measurement.meters.read,
        is_scanned=measurement.is_scanned,
    )
    claimed = row.on_conflict_do_nothing().returning(MeasuredDayRow.day)
    with transaction() as connection:
        return connection.scalar(claimed) is not None


def insert_incarnations(day: date, incarnations: Sequence[ClosedIncarnation]) -> None:
    """Store the process incarnations with readings on a day; stored ones stay as they are."""
    with transaction() as connection:
        if incarnations:
            connection.execute(
                insert(MeasuredIncarnationRow).on_conflict_do_nothing(),
                [{"day": day, **incarnation._asdict()} for incarnation in incarnations],
            )


def ensure_partition(day: date) -> bool:
    """Create the monthly partition of a day; False if it exists. Concurrent callers wait for each other.

    The table is created by itself and attached then, so that the other months can be read and written meanwhile.
    """
    first = gregorian_month_start(day)
    name = partition_name(first)
    with transaction() as connection:
        if inspect(connection).has_table(name):
            return False
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LockNumber.USAGE_PARTITION})
        # Not by to_regclass, which may repeat within a transaction its answer from before the wait.
        if inspect(connection).has_table(name):
            return False
        following = gregorian_month_start(first + timedelta(days=31))
        connection.execute(text(f"CREATE TABLE {name} (LIKE meter_reading INCLUDING ALL)"))
        connection.execute(
            text(
                f"ALTER TABLE meter_reading ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{following}')"
            )
        )
        return True


def drop_partitions_before(first_kept: date) -> list[str]:
    """Drop the monthly partitions before the month of ``first_kept``. Returns their names."""
    with transaction() as connection:
        found = connection.scalars(
            text(
                "SELECT relid::regclass::text FROM pg_partition_tree('meter_reading') WHERE isleaf AND level = 1"
            )
        )
        dropped = sorted(name for name in found if name < partition_name(first_kept))
        for name in dropped:
            connection.execute(text(f"DROP TABLE {name}"))
        return dropped


def delete_incarnations_before(first_kept: date) -> None:
    """Delete the incarnations of days before ``first_kept``."""
    with transaction() as connection:
        connection.execute(delete(MeasuredIncarnationRow).where(MeasuredIncarnationRow.day < first_kept))


def partition_name(month: date) -> str:
    """The name of the partition of a month. Names sort by month."""
    return f"meter_reading_{month:%Y_%m}"


def copy_readings(day: date, readings: Iterable[MeterReading]) -> None:
    """Store the readings of a day. Its partition must exist."""
    with transaction() as connection, _driver(connection):
        copy_rows(connection, "meter_reading", _READING_COLUMNS, ((day, *row) for row in readings))


def copy_usage(day: date, rows: Iterable[UsageRow]) -> None:
    """Store the usage of a day."""
    values = ((day, *row[:-1], list(row.flags)) for row in rows)
    with transaction() as connection, _driver(connection):
        copy_rows(connection, "daily_usage", _USAGE_COLUMNS, values)


def delete_usage(day: date, labels: Collection[str]) -> None:
    """Delete readings, usage and falls of some labels on a day."""
    with transaction() as connection:
        for row in (MeterReadingRow, DailyUsageRow, MeterFallRow):
            connection.execute(delete(row).where(row.day == day, row.tenant == any_(literal(list(labels)))))


def measured_days(first: date, last: date) -> set[date]:
    """The stored days of a range, both ends included."""
    with read() as connection:
        return set(
            connection.scalars(select(MeasuredDayRow.day).where(MeasuredDayRow.day.between(first, last)))
        )


def window_of(day: date) -> Window | None:
    """The window (start, end] of a stored day; None if the day is not stored."""
    row = MeasuredDayRow
    with read() as connection:
        found = connection.execute(
            select(row.window_start, row.window_end).where(row.day == day)
        ).one_or_none()
        return Window(start=found.window_start, end=found.window_end) if found else None


def closings(day: date, tenant: str | None) -> StoredIncarnations:
    """Closing readings of each incarnation on a day, of one tenant's series or of all."""
    # One row with arrays for each incarnation: one row for each meter takes half as long again for 40,000 meters.
    with read() as connection, _driver(connection) as driver:
        rows = driver.execute(_CLOSINGS, {"day": day, "tenant": tenant}, binary=True).fetchall()
    return {
        (instance, start): StoredIncarnation(
            closed_at, dict(zip(zip(*keys, strict=True), closing, strict=True)) if closing else {}
        )
        for instance, start, closed_at, *keys, closing in rows
    }


def openings(day: date, tenant: str | None) -> NextOpenings:
    """Opening readings of a stored day by incarnation and series, of one tenant's series or of all."""
    with read() as connection, _driver(connection) as driver:
        rows = driver.execute(_OPENINGS, {"day": day, "tenant": tenant}, binary=True).fetchall()
    found: NextOpenings = {}
    for instance, start, tenant_label, model, kind, *opened in rows:
        found.setdefault((instance, start), {})[tenant_label, model, kind] = NextOpening(*opened)
    return found


def last_days(
    incarnations: Sequence[tuple[str, datetime]], first: date, last: date
) -> dict[tuple[str, datetime], date]:
    """The last day with readings of each incarnation within a range, both ends included. Others are left out."""
    given = {
        "instances": [instance for instance, _ in incarnations],
        "starts": [start for _, start in incarnations],
        "first": first,
        "last": last,
    }
    with read() as connection, _driver(connection) as driver:
        rows = driver.execute(_LAST_DAYS, given).fetchall()
    return {(instance, start): day for instance, start, day in rows}


def earlier_closings(meters: Sequence[MeterKey], first: date, last: date) -> dict[MeterKey, EarlierClosing]:
    """The last closing reading of each meter within a range of days, both ends included. Others are left out."""
    given = {
        "instances": [instance for instance, _, _ in meters],
        "starts": [start for _, start, _ in meters],
        "tenants": [key[0] for *_, key in meters],
        "models": [key[1] for *_, key in meters],
        "types": [key[2] for *_, key in meters],
        "first": first,
        "last": last,
    }
    with read() as connection, _driver(connection) as driver:
        rows = driver.execute(_EARLIER, given).fetchall()
    return {meters[number - 1]: EarlierClosing(*closing) for number, *closing in rows}


def daily_usage(tenant: str, first: date, last: date) -> list[DailyUsage]:
    """A tenant's stored usage, by day, model and type."""
    table = DailyUsageRow.__table__.c
    found = (
        select(*(table[name] for name in DailyUsage._fields))
        .where(table.tenant == tenant, table.day.between(first, last))
        .order_by(table.day, table.model, table.type)
    )
    with read() as connection:
        return [DailyUsage._make((*row[:-1], tuple(row[-1]))) for row in connection.execute(found)]


def usage_of_day(day: date) -> list[UsageRow]:
    """All stored usage of a day."""
    columns = sql.SQL(", ").join(map(sql.Identifier, UsageRow._fields))
    query = sql.SQL("SELECT {} FROM daily_usage WHERE day = %s ORDER BY tenant, model, type").format(columns)
    with read() as connection, _driver(connection) as driver:
        rows = driver.execute(query, (day,)).fetchall()
    return [UsageRow._make((*row[:-1], tuple(row[-1]))) for row in rows]


def readings_of(tenant: str, day: date) -> list[MeterReading]:
    """A tenant's stored readings of a day."""
    row = MeterReadingRow.__table__.c
    found = (
        select(*(row[name] for name in MeterReading._fields))
        .where(row.day == day, row.tenant == tenant)
        .order_by(row.model, row.type, row.instance, row.incarnation_start)
    )
    with read() as connection:
        return [MeterReading(*values) for values in connection.execute(found)]


def usage_of_unknown_labels(
    known: Sequence[str], first: date, last: date, *, limit: int, offset: int
) -> UnknownLabels:
    """A page of the labels with tokens that are not known, with their days and tokens within a range of days."""
    row = DailyUsageRow
    found = (
        select(
            row.tenant,
            func.min(row.day),
            func.max(row.day),
            func.count(row.day.distinct()),
            func.sum(row.tokens),
        )
        .where(row.day.between(first, last), row.tokens > 0, row.tenant != func.all(list(known)))
        .group_by(row.tenant)
    )
    with read() as connection:
        total = connection.scalar(select(func.count()).select_from(found.subquery())) or 0
        rows = connection.execute(found.order_by(row.tenant).limit(limit).offset(offset))
        return UnknownLabels([UnknownLabel(*values[:-1], int(values[-1])) for values in rows], total)


@contextmanager
def _driver(connection: Connection) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The psycopg connection below, in the same transaction.

    Raises:
        Unavailable: a value of Prometheus does not fit into its column, or the database failed.
    """
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("the database is not reached by psycopg")
    try:
        yield driver
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, OverflowError) as odd:
        # A value of Prometheus does not fit into its column. Another try would not change that.
        raise Unavailable(service="prometheus", reason="unstorable") from odd
    except (psycopg.OperationalError, psycopg.InterfaceError) as lost:
        raise Unavailable(service="database") from lost
