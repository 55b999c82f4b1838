"""All SQL of the scan of closed days."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, text, update

from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.usage.models import MeasuredDayRow, UsageScanFindingRow, UsageScanRow
from backend.usage.scan_types import PartState, ScanPart
from backend.usage.scanning.types import Finding, FindingKind

_FINDING = UsageScanFindingRow.__table__.c


def insert_plan(day: date, matchers: Sequence[str], scrapes: int) -> None:
    """Store the parts of a day in place of those that were scanned with fewer scrapes; if others exist, they remain."""
    rows = [
        {
            "day": day,
            "part": number,
            "matcher": matcher,
            "state": PartState.WAITING,
            "series": 0,
            "findings": 0,
            "duration_s": 0,
            "reason": "",
            "scrapes": scrapes,
        }
        for number, matcher in enumerate(matchers)
    ]
    with transaction() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LockNumber.USAGE_SCAN})
        row = UsageScanRow
        connection.execute(
            delete(row).where(row.day == day, row.state == PartState.DONE, row.scrapes < scrapes)
        )
        if not connection.scalar(select(func.count()).where(row.day == day)):
            connection.execute(insert(UsageScanRow), rows)


def parts_of(day: date) -> list[ScanPart]:
    """The parts of a day, in order."""
    row = UsageScanRow.__table__.c
    statement = select(*(row[name] for name in ScanPart._fields)).where(row.day == day).order_by(row.part)
    with read() as connection:
        return [ScanPart._make(found) for found in connection.execute(statement)]


def claim(day: date, part: int, now: datetime, claimed_before: datetime) -> bool:
    """Claim a part for this process; False if it is done, or was claimed at or after ``claimed_before``."""
    row = UsageScanRow
    statement = (
        update(row)
        .where(
            row.day == day,
            row.part == part,
            row.state != PartState.DONE,
            or_(row.state != PartState.CLAIMED, row.claimed_at < claimed_before),
        )
        .values(state=PartState.CLAIMED, claimed_at=now)
        .returning(row.part)
    )
    with transaction() as connection:
        return connection.scalar(statement) is not None


def finish(part: ScanPart, findings: Sequence[Finding], claimed_at: datetime) -> bool:
    """Store a part with its findings that was claimed at an instant; False if somebody else has claimed it since."""
    row = UsageScanRow
    done = (
        update(row)
        .where(row.day == part.day, row.part == part.part, *_is_claimed(claimed_at))
        .values(
            state=PartState.DONE,
            finished_at=part.finished_at,
            series=part.series,
            findings=len(findings),
            duration_s=part.duration_s,
            reason="",
            scrapes=part.scrapes,
        )
        .returning(row.part)
    )
    finding = UsageScanFindingRow
    with transaction() as connection:
        if connection.scalar(done) is None:
            return False
        # Those of an earlier scan, if it was found too late that samples had gone.
        connection.execute(delete(finding).where(finding.day == part.day, finding.part == part.part))
        if findings:
            rows = [{"day": part.day, "part": part.part, **_columns(one)} for one in findings]
            connection.execute(insert(UsageScanFindingRow), rows)
        return True


def reopen(day: date, parts: Sequence[int]) -> None:
    """Mark scanned parts as waiting again, and delete their findings."""
    row, finding = UsageScanRow, UsageScanFindingRow
    again = (
        update(row)
        .where(row.day == day, row.part.in_(parts), row.state == PartState.DONE)
        .values(state=PartState.WAITING, finished_at=None, findings=0)
        .returning(row.part)
    )
    with transaction() as connection:
        reopened = connection.scalars(again).all()
        connection.execute(delete(finding).where(finding.day == day, finding.part.in_(reopened)))


def fail(day: date, part: int, reason: str, now: datetime, claimed_at: datetime) -> None:
    """Store why a part that was claimed at an instant could not be scanned, unless somebody else claimed it since."""
    row = UsageScanRow
    statement = (
        update(row)
        .where(row.day == day, row.part == part, *_is_claimed(claimed_at))
        .values(state=PartState.FAILED, finished_at=now, reason=reason)
    )
    with transaction() as connection:
        connection.execute(statement)


def fail_scanned(day: date, scrapes: int, reason: str, now: datetime) -> bool:
    """Mark the scanned parts of a day that were scanned with more scrapes as failed; whether there are some.

    Their findings stay until they are scanned again: nobody else knows them any more.
    """
    row = UsageScanRow
    statement = (
        update(row)
        .where(row.day == day, row.state == PartState.DONE, row.scrapes > scrapes)
        .values(state=PartState.FAILED, finished_at=now, reason=reason)
        .returning(row.part)
    )
    with transaction() as connection:
        return bool(connection.scalars(statement).all())


def give_back(day: date, part: int, claimed_at: datetime) -> None:
    """Let others look at a part at once that was claimed at an instant, unless somebody else claimed it since."""
    row = UsageScanRow
    statement = (
        update(row)
        .where(row.day == day, row.part == part, *_is_claimed(claimed_at))
        .values(state=PartState.WAITING)
    )
    with transaction() as connection:
        connection.execute(statement)


def findings_of(day: date) -> list[Finding]:
    """The findings of a day, in order."""
    key = (_FINDING.tenant, _FINDING.model, _FINDING.type)
    rest = [_FINDING[name] for name in Finding._fields[4:]]
    statement = (
        select(_FINDING.kind, _FINDING.instance, _FINDING.incarnation_start, *key, *rest)
        .where(_FINDING.day == day)
        .order_by(*key, _FINDING.instance, _FINDING.incarnation_start, _FINDING.kind)
    )
    with read() as connection:
        rows = connection.execute(statement).all()
    return [
        Finding(FindingKind(kind), instance, start, (tenant, model, kind_of_token), *values)
        for kind, instance, start, tenant, model, kind_of_token, *values in rows
    ]


def last_whole_day() -> date | None:
    """The newest day of which all parts are done."""
    row = UsageScanRow
    whole = select(row.day).group_by(row.day).having(func.bool_and(row.state == PartState.DONE))
    with read() as connection:
        return connection.scalar(whole.order_by(row.day.desc()).limit(1))


def stored_unscanned_days(first: date = date.min) -> list[date]:
    """The days, from one on, that were stored before their scan was whole, the oldest first."""
    row = MeasuredDayRow
    statement = select(row.day).where(row.day >= first, row.is_scanned.is_(False)).order_by(row.day)
    with read() as connection:
        return list(connection.scalars(statement))


def note_scanned(day: date) -> None:
    """Note that the stored usage of a day knows what its whole scan has found."""
    with transaction() as connection:
        connection.execute(update(MeasuredDayRow).where(MeasuredDayRow.day == day).values(is_scanned=True))


def delete_before(first_kept: date) -> None:
    """Delete the scans of days before ``first_kept``, with their findings."""
    with transaction() as connection:
        connection.execute(delete(UsageScanRow).where(UsageScanRow.day < first_kept))


def _is_claimed(claimed_at: datetime) -> tuple[ColumnElement[bool], ...]:
    return UsageScanRow.state == PartState.CLAIMED, UsageScanRow.claimed_at == claimed_at


def _columns(finding: Finding) -> dict[str, object]:
    tenant, model, kind_of_token = finding.key
    columns = finding._asdict()
    del columns["key"]
    return {**columns, "tenant": tenant, "model": model, "type": kind_of_token}
