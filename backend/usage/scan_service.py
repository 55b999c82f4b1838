"""The door to the scan: it checks every sample of a closed day once, for what the boundary samples do not show."""

import time
from datetime import date, datetime, timedelta

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.clients.prometheus_servers import prometheus
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
from backend.usage.scanning.asking import Scan, ScanPace, plan, scrapes_of
from backend.usage.scanning.types import DayFindings
from backend.usage.types import DayMeasurement

CLAIM = timedelta(minutes=15)
"""After this time the process that claimed a part has died: no part takes so long. A failed part waits as long."""
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

    Raises:
        Unavailable: Prometheus failed before the first part, or the database failed at any time.
    """
    require_process(actor)
    now = clock.utc_now()
    day = clock.billing_day(now) - DAY
    if now < clock.day_window(day).end + SETTLING:
        return None
    parts = repository.parts_of(day)
    if parts and not any(_is_left(part, now, is_hurried=False) for part in parts):
        return None
    return scan_day(actor, day, for_s=for_s)


def scan_day(actor: Actor, day: date, *, is_hurried: bool = False, for_s: float | None = None) -> DayScan:
    """Scan the parts of a closed day that are not scanned yet. Returns the progress of its scan. For processes.

    Continues where another call stopped, however that ended. Scans a part again only if more samples have come since.
    Pauses after each query, so that Prometheus is busy with it for at most ``USAGE_SCAN_SHARE`` of the time.
    ``is_hurried`` makes no pauses, and also scans the parts that another process has claimed. A part that fails is
    stored with its reason, and the scan goes on. No part is begun after ``for_s`` seconds.

    Raises:
        Invalid: the day has not ended.
        Unavailable: Prometheus failed before the first part, or the database failed at any time.
    """
    require_process(actor)
    began = time.monotonic()
    window = stored_service.window_beside(clock.day_window(day), day, PlannedDays())
    if clock.utc_now() < window.end:
        raise Invalid(field="day", reason="day_is_open")
    span = Span(milliseconds(window.start), milliseconds(window.end))
    source = Source(client=prometheus(settings()), settings=settings())
    pace = ScanPace(1 if is_hurried else float(settings().usage_scan_share))
    scrapes = scrapes_of(source, span, pace)
    parts = _parts(day, source, span, pace, scrapes)
    left = [part for part in parts if _is_left(part, clock.utc_now(), is_hurried=is_hurried)]
    if left:
        with collector_paused():
            scan = Scan.of_window(source, span, pace)
            for part in left:
                if for_s is not None and time.monotonic() - began > for_s:
                    break
                _scan_part(part._replace(scrapes=scrapes), scan, is_hurried=is_hurried)
    return _progress(day, repository.parts_of(day))


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


def _is_left(part: ScanPart, now: datetime, *, is_hurried: bool) -> bool:
    """Whether a part must be scanned now. A part that failed waits 15 minutes, unless the scan is hurried."""
    if part.state != PartState.FAILED or is_hurried:
        return part.state != PartState.DONE
    return part.finished_at is None or part.finished_at < now - CLAIM


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


def _scan_part(part: ScanPart, scan: Scan, *, is_hurried: bool) -> None:
    now = clock.utc_now()
    if not repository.claim(part.day, part.part, now, now + CLAIM if is_hurried else now - CLAIM):
        return
    before_s = scan.pace.asked_s
    try:
        # Counted first: the next comparison then notices samples that come during the scan.
        series = scan.series_at_end(part.matcher)
        found = scan.findings(part.matcher)
    except Unavailable as failed:
        repository.fail(part.day, part.part, failed.reason_key, clock.utc_now())
        log.warning(
            "usage.scan_failed",
            day=part.day,
            matcher=part.matcher,
            reason=failed.reason_key,
            detail=str(failed),
        )
        return
    done = part._replace(series=series, duration_s=scan.pace.asked_s - before_s, finished_at=clock.utc_now())
    if repository.finish(done, found):
        log.info("usage.scanned", day=part.day, part=part.part, series=series, findings=len(found))


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
