"""All SQL of meters that fell, and of those that vanished."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from backend.db.engine import read, transaction
from backend.usage.models import DailyUsageRow, MeasuredDayRow, MeterFallRow
from backend.usage.types import MeterContinuity, MeterFall


def insert_falls(day: date, falls: Sequence[MeterFall]) -> None:
    """Store the meters that fell on a stored day."""
    if not falls:
        return
    with transaction() as connection:
        connection.execute(insert(MeterFallRow), [{"day": day, **fall._asdict()} for fall in falls])


def falls_of(tenant: str, day: date) -> list[MeterFall]:
    """A tenant's meters that fell on a stored day."""
    row = MeterFallRow.__table__.c
    found = (
        select(*(row[name] for name in MeterFall._fields))
        .where(row.day == day, row.tenant == tenant)
        .order_by(row.model, row.type, row.instance, row.incarnation_start)
    )
    with read() as connection:
        return [MeterFall(*values) for values in connection.execute(found)]


def add_tokens(day: date, tenant: str, tokens: Mapping[tuple[str, str], int]) -> None:
    """Add tokens to a tenant's stored usage of a day, by model and type."""
    row = DailyUsageRow
    with transaction() as connection:
        for (model, kind), more in tokens.items():
            connection.execute(
                update(row)
                .where(row.day == day, row.tenant == tenant, row.model == model, row.type == kind)
                .values(tokens=row.tokens + more)
            )


def last_continuity() -> MeterContinuity:
    """The expected and the read meters of the newest stored day; zero of both if no day is stored."""
    row = MeasuredDayRow
    found = select(row.expected_meters, row.read_meters).order_by(row.day.desc()).limit(1)
    with read() as connection:
        numbers = connection.execute(found).one_or_none()
    return MeterContinuity(*(number or 0 for number in numbers)) if numbers else MeterContinuity(0, 0)


def delete_falls_before(first_kept: date) -> None:
    """Delete the falls of days before ``first_kept``."""
    with transaction() as connection:
        connection.execute(delete(MeterFallRow).where(MeterFallRow.day < first_kept))
