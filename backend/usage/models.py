"""Tables of usage."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Date, ForeignKey, ForeignKeyConstraint, Index, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class MeterReadingRow(Base):
    """Opening and closing reading of one series of one process incarnation on a day in Tehran. Partitioned by month.

    The closing reading of a day is the opening reading of the next, also when Prometheus has deleted its samples.
    """

    __tablename__ = "meter_reading"
    __table_args__ = ({"postgresql_partition_by": "RANGE (day)"},)

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    tenant: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    instance: Mapped[str] = mapped_column(Text, primary_key=True)
    incarnation_start: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    opening: Mapped[int] = mapped_column(BigInteger)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    opening_source: Mapped[str] = mapped_column(Text)
    closing: Mapped[int] = mapped_column(BigInteger)
    closed_at: Mapped[datetime] = mapped_column(Instant)


class DailyUsageRow(Base):
    """Tokens of a tenant label, model and type on a day in Tehran, with coverage and flags."""

    __tablename__ = "daily_usage"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    tenant: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    tokens: Mapped[int] = mapped_column(BigInteger)
    coverage: Mapped[Decimal] = mapped_column(Numeric(6, 5))
    unseen_estimate: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[bool]
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text))


class MeterFallRow(Base):
    """A meter that fell on a day, with both figures of its tokens: evidence beside its readings."""

    __tablename__ = "meter_fall"
    __table_args__ = (Index("ix_meter_fall_tenant_day", "tenant", "day"),)

    day: Mapped[date] = mapped_column(
        Date, ForeignKey("measured_day.day", ondelete="CASCADE"), primary_key=True
    )
    tenant: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    instance: Mapped[str] = mapped_column(Text, primary_key=True)
    incarnation_start: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    falls: Mapped[int]
    first_value: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(Instant)
    last_value: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime] = mapped_column(Instant)
    least_tokens: Mapped[int] = mapped_column(BigInteger)
    most_tokens: Mapped[int] = mapped_column(BigInteger)


class MeasuredDayRow(Base):
    """A closed day whose usage is stored. It is written in one transaction with all readings of the day."""

    __tablename__ = "measured_day"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    window_start: Mapped[datetime] = mapped_column(Instant)
    window_end: Mapped[datetime] = mapped_column(Instant)
    measured_at: Mapped[datetime] = mapped_column(Instant)
    series: Mapped[int]
    incarnations: Mapped[int]
    expected_meters: Mapped[int | None]
    """Meters that were alive at the end of the day before. NULL for days that an older version measured."""
    read_meters: Mapped[int | None]
    is_scanned: Mapped[bool | None]
    """Whether its usage knows what a scan of all of its samples has found; unknown of older versions."""


class MeasuredIncarnationRow(Base):
    """A process incarnation with readings on a stored day: few rows, where ``meter_reading`` has many."""

    __tablename__ = "measured_incarnation"
    __table_args__ = (Index("ix_measured_incarnation_instance_day", "instance", "day"),)

    day: Mapped[date] = mapped_column(
        Date, ForeignKey("measured_day.day", ondelete="CASCADE"), primary_key=True
    )
    instance: Mapped[str] = mapped_column(Text, primary_key=True)
    incarnation_start: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    closed_at: Mapped[datetime] = mapped_column(Instant)


class UsageScanRow(Base):
    """A part of the scan of a closed day: the series of some tenants."""

    __tablename__ = "usage_scan"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    matcher: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    claimed_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    series: Mapped[int]
    findings: Mapped[int]
    duration_s: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    scrapes: Mapped[int | None] = mapped_column(BigInteger)
    """Scrapes of processes that Prometheus held then; unknown of scans by an older version."""


class UsageScanFindingRow(Base):
    """A finding of a scan in one series of one process incarnation."""

    __tablename__ = "usage_scan_finding"
    __table_args__ = (
        ForeignKeyConstraint(["day", "part"], ["usage_scan.day", "usage_scan.part"], ondelete="CASCADE"),
    )

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    tenant: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    instance: Mapped[str] = mapped_column(Text, primary_key=True)
    incarnation_start: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    first_value: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(Instant)
    last_value: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime] = mapped_column(Instant)
    falls: Mapped[int]
    rose_tokens: Mapped[int] = mapped_column(BigInteger)
    restarted_tokens: Mapped[int] = mapped_column(BigInteger)
