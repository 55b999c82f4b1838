"""The door to the scan: it checks every sample of a closed day once, for what the boundary samples do not show."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.clients.prometheus_servers import prometheus
from backend.clock import Window
from backend.collector import collector_paused
from backend.config import settings
from backend.errors import Invalid, Unavailable
from backend.log import get_logger
from backend.usage import scan_repository as repository
from backend.usage import stored_service
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import milliseconds
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.metering.source import Source
from backend.usage.scan_types import DayScan, PartState, ScanHealth, ScanPart
from backend.usage.scanning.asking import Scan, ScanOutOfTime, ScanPace, plan, scrapes_of
from backend.usage.scanning.types import DayFindings
from backend.usage.types import DayMeasurement

CLAIM = timedelta(minutes=15)
"""After this time the process that claimed a part has died: no part takes so long. A failed part waits as long."""
OLDER_DAYS = 14
"""So many days are scanned later if they were billed unscanned. Prometheus keeps its samples for 15 days by default."""
RETRY_OLDER = timedelta(hours=6)
SAMPLES_LOST = "samples_lost"
THINNING_MS = 1000
"""A server that keeps samples no closer than this drops scrapes. VictoriaMetrics clusters use less, to drop copies."""
SETTLING = timedelta(minutes=20)
"""Time after the end of a day in which its last samples may still come."""
OVERDUE = timedelta(hours=6)
DAY = timedelta(days=1)

log = get_logger(__name__)


def findings(actor: Actor, day: date) -> DayFindings:
    """Findings of the scan of a day, and its parts that are not scanned. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    parts = repository.parts_of(day)
    unscanned = [part.matcher for part in parts if part.state != PartState.DONE]
    return DayFindings(
        findings=repository.findings_of(day),
        unscanned=unscanned,
        is_scanned=bool(parts) and not unscanned,
    )


def scan_due_day(actor: Actor, *, for_s: float) -> DayScan | None:
    """Scan the day that closed last for ``for_s`` seconds, with pauses; None if nothing is left to do. For processes.

    Then older days that were billed before they were scanned.

    Raises:
        Unavailable: Prometheus failed before the first part, or the database failed at any time.
    """
    require_process(actor)
    now = clock.utc_now()
    day = clock.billing_day(now) - DAY
    if now >= clock.day_window(day).end + SETTLING and _is_due(day, now, CLAIM):
        return scan_day(actor, day, for_s=for_s)
    for older in reversed(repository.stored_unscanned_days(day - OLDER_DAYS * DAY)):
        if older < day and _is_due(older, now, RETRY_OLDER):
            return scan_day(actor, older, for_s=for_s)
    return None


def waits_for_scan(actor: Actor) -> bool:
    """Whether the scan of a day that ``scan_due_day`` looks at has begun and is not whole. For processes."""
    require_process(actor)
    day = clock.billing_day(clock.utc_now()) - DAY
    days = {
        day,
        *(older for older in repository.stored_unscanned_days(day - OLDER_DAYS * DAY) if older < day),
    }
    return any(part.state != PartState.DONE for each in days for part in repository.parts_of(each))


def _is_due(day: date, now: datetime, retry: timedelta) -> bool:
    parts = repository.parts_of(day)
    return not parts or any(_is_left(part, now - retry, is_hurried=False) for part in parts)


def scan_day(actor: Actor, day: date, *, is_hurried: bool = False, for_s: float | None = None) -> DayScan:
    """Scan the parts of a closed day that are not scanned yet. Returns the progress of its scan. For processes.

    Continues where another call stopped, however that ended. Scans a part again only if more samples have come since.
    Pauses after each query, so that Prometheus is busy with it for at most ``USAGE_SCAN_SHARE`` of the time.
    ``is_hurried`` makes no pauses, and also scans the parts that another process has claimed. A part that fails is
    stored with its reason, and the scan goes on. No part is begun after ``for_s`` seconds; a hurried scan then also
    gives back the part that it has begun, after the query that is open.

    Raises:
        Invalid: the day has not ended.
        Unavailable: Prometheus failed before the first part, or the database failed at any time.
    """
    require_process(actor)
    began = time.monotonic()
    window = stored_service.window_beside(clock.day_window(day), day, PlannedDays())
    if clock.utc_now() < window.end:
        raise Invalid(field="day", reason="day_is_open")
    span, source = _span(window), Source(client=prometheus(settings()), settings=settings())
    pace = ScanPace(1 if is_hurried else float(settings().usage_scan_share))
    scrapes = scrapes_of(source, span, pace)
    parts = _parts(day, source, span, pace, scrapes)
    left = [part for part in parts if _is_left(part, clock.utc_now() - CLAIM, is_hurried=is_hurried)]
    until_s = None if for_s is None else began + for_s
    pace.ends_at_s = until_s if is_hurried else None
    sitting = _Sitting(scrapes=scrapes, is_hurried=is_hurried, until_s=until_s)
    try:
        with collector_paused():
            if left:
                _scan_parts(left, Scan.of_window(source, span, pace), sitting)
    except ScanOutOfTime:
        log.warning("usage.scan_out_of_time", day=day, after_s=for_s)
    return _progress(day, repository.parts_of(day))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sitting:
    """State of one call of the scan: the scrapes in Prometheus at its beginning, and its deadline."""

    scrapes: int
    is_hurried: bool
    until_s: float | None


def _scan_parts(parts: Sequence[ScanPart], scan: Scan, sitting: _Sitting) -> None:
    for part in parts:
        if sitting.until_s is not None and time.monotonic() > sitting.until_s:
            return
        _scan_part(part, scan, sitting)


def reopen_missed(actor: Actor, measured: DayMeasurement) -> bool:
    """Mark all parts of a day as not scanned if the scan found fewer series at its end than a measurement.

    Returns whether it did. The next call of ``scan_day`` scans them again. For processes.
    """
    require_process(actor)
    parts = repository.parts_of(measured.day)
    scanned = sum(part.series for part in parts)
    if not _progress(measured.day, parts).is_whole or scanned >= measured.series_at_end:
        return False
    repository.reopen(measured.day, [part.part for part in parts])
    log.warning(
        "usage.series_came_after_scan", day=measured.day, scanned=scanned, series=measured.series_at_end
    )
    return True


def fail_lost(actor: Actor, day: date) -> bool:
    """Mark the scanned parts of a day as failed if Prometheus holds fewer samples by now; whether it does.

    Then nobody can measure the day any more as it was scanned. Such parts are tried again as any that failed, and
    succeed once the samples are back. For processes.

    Raises:
        Unavailable: Prometheus or the database failed.
    """
    require_process(actor)
    source = Source(client=prometheus(settings()), settings=settings())
    span = _span(stored_service.window_beside(clock.day_window(day), day, PlannedDays()))
    scrapes = scrapes_of(source, span, ScanPace(1))
    if not repository.fail_scanned(day, scrapes, SAMPLES_LOST, clock.utc_now()):
        return False
    log.warning("usage.samples_went_after_scan", day=day, scrapes=scrapes)
    return True


def _span(window: Window) -> Span:
    return Span(milliseconds(window.start), milliseconds(window.end))


def days_stored_unscanned(actor: Actor) -> list[date]:
    """The days that were stored before all their parts were scanned, the oldest first. For processes."""
    require_process(actor)
    return repository.stored_unscanned_days()


def progress(actor: Actor, day: date) -> DayScan:
    """Progress of the scan of a day. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return _progress(day, repository.parts_of(day))


def health(actor: Actor) -> ScanHealth:
    """State of the scans: whether the last closed day is overdue, and the newest day that is whole. For processes."""
    require_process(actor)
    now = clock.utc_now()
    day = clock.billing_day(now) - DAY
    is_due = now >= clock.day_window(day).end + OVERDUE
    last = repository.last_whole_day()
    parts = repository.parts_of(last) if last else []
    return ScanHealth(
        overdue_days=int(is_due and last != day),
        last=_progress(last, parts) if last else None,
        last_finished_at=max((part.finished_at for part in parts if part.finished_at), default=None),
    )


def _parts(day: date, source: Source, span: Span, pace: ScanPace, scrapes: int) -> list[ScanPart]:
    """The parts of a day, planned anew if more samples have come since all of them were scanned.

    If more samples have come since some of them were scanned, these are marked as waiting again. Samples that were
    deleted since change nothing.
    """
    parts = repository.parts_of(day)
    missed = [part.part for part in parts if part.has_missed(scrapes)]
    if len(missed) == len(parts):
        repository.insert_plan(day, plan(source, span, pace), scrapes)
        _note_thinning(source, day)
    elif missed:
        repository.reopen(day, missed)
    if missed:
        log.warning("usage.samples_came_after_scan", day=day, parts=len(missed), scrapes=scrapes)
    return repository.parts_of(day)


def _is_left(part: ScanPart, failed_before: datetime, *, is_hurried: bool) -> bool:
    """Whether a part must be scanned now. A part that failed waits a while, unless the scan is hurried."""
    if part.state != PartState.FAILED or is_hurried:
        return part.state != PartState.DONE
    return part.finished_at is None or part.finished_at < failed_before


def _note_thinning(source: Source, day: date) -> None:
    """Log a warning if the server drops samples by its settings, because the samples themselves do not show it."""
    distance_ms = source.client.shortest_distance_ms()
    if distance_ms is not None and distance_ms >= THINNING_MS:
        log.warning(
            "usage.samples_thinned_out",
            day=day,
            shortest_distance_ms=distance_ms,
            meaning="-dedup.minScrapeInterval must not be above the interval of scrapes: readings would be short.",
        )


def _scan_part(part: ScanPart, scan: Scan, sitting: _Sitting) -> None:
    now = clock.utc_now()
    if not repository.claim(part.day, part.part, now, now + CLAIM if sitting.is_hurried else now - CLAIM):
        return
    if part.scrapes is not None and sitting.scrapes < part.scrapes:
        # Nobody can say any more that no counter fell in the samples that are gone.
        _note_failure(part, SAMPLES_LOST, f"{sitting.scrapes} of {part.scrapes} scrapes", now)
        return
    before_s = scan.pace.asked_s
    try:
        # Counted first: the next comparison then notices samples that come during the scan.
        series = scan.series_at_end(part.matcher)
        found = scan.findings(part.matcher)
    except Unavailable as failed:
        _note_failure(part, failed.reason_key, str(failed), now)
        return
    except ScanOutOfTime:
        repository.give_back(part.day, part.part, now)
        raise
    done = part._replace(
        series=series,
        scrapes=sitting.scrapes,
        duration_s=scan.pace.asked_s - before_s,
        finished_at=clock.utc_now(),
    )
    if repository.finish(done, found, now):
        log.info("usage.scanned", day=part.day, part=part.part, series=series, findings=len(found))


def _note_failure(part: ScanPart, reason: str, detail: str, claimed_at: datetime) -> None:
    repository.fail(part.day, part.part, reason, clock.utc_now(), claimed_at)
    log.warning("usage.scan_failed", day=part.day, matcher=part.matcher, reason=reason, detail=detail)


def _progress(day: date, parts: list[ScanPart]) -> DayScan:
    done = [part for part in parts if part.state == PartState.DONE]
    return DayScan(
        day=day,
        parts=len(parts),
        done=len(done),
        waiting=sum(part.state in (PartState.WAITING, PartState.CLAIMED) for part in parts),
        failed=sum(part.state == PartState.FAILED for part in parts),
        series=sum(part.series for part in done),
        findings=sum(part.findings for part in done),
        duration_s=sum(part.duration_s for part in done),
    )
