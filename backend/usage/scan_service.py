"""The door to the scan: every sample of a closed day is looked at once, for what boundaries do not show."""

from datetime import date, timedelta

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
from backend.usage.scanning.asking import Scan, ScanPace, plan
from backend.usage.scanning.part_types import DayScan, PartState, ScanPart
from backend.usage.scanning.types import DayFindings

CLAIM = timedelta(minutes=15)
"""After this time a claim is that of a process that died: no part takes so long."""

log = get_logger(__name__)


def findings(actor: Actor, day: date) -> DayFindings:
    """Findings of the scan of a day, and the parts that nobody has looked at. Staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    parts = repository.parts_of(day)
    unscanned = [part.matcher for part in parts if part.state != PartState.DONE]
    return DayFindings(
        findings=repository.findings_of(day),
        unscanned=unscanned,
        is_scanned=bool(parts) and not unscanned,
    )


def scan_day(actor: Actor, day: date, *, is_hurried: bool = False) -> DayScan:
    """Look at the parts of a closed day that nobody has looked at; returns how far its scan has come. For processes.

    Goes on where another call stopped, however that ended, and looks at nothing twice. Pauses after each question, so
    that Prometheus is asked for no more than its share; ``is_hurried`` makes no pauses, and looks at what another
    process is looking at, too. A part that fails is kept with the reason, and the others go on.

    Raises:
        Invalid: the day has not ended.
        Unavailable: Prometheus or the database failed before any part was looked at, or the database since.
    """
    require_process(actor)
    window = stored_service.window_beside(clock.day_window(day), day, PlannedDays())
    if clock.utc_now() < window.end:
        raise Invalid(field="day", reason="day_is_open")
    span = Span(milliseconds(window.start), milliseconds(window.end))
    source = Source(client=prometheus(settings()), settings=settings())
    pace = ScanPace(1 if is_hurried else float(settings().usage_scan_share))
    parts = repository.parts_of(day)
    if not parts:
        repository.insert_plan(day, plan(source, span, pace))
        parts = repository.parts_of(day)
    left = [part for part in parts if part.state != PartState.DONE]
    if left:
        with collector_paused():
            scan = Scan.of_window(source, span, pace)
            for part in left:
                _look_at(part, scan, is_hurried=is_hurried)
    return _progress(day, repository.parts_of(day))


def progress(actor: Actor, day: date) -> DayScan:
    """Progress of the scan of a day. Staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return _progress(day, repository.parts_of(day))


def forget_before(actor: Actor, first_kept: date) -> None:
    """Forget the scans of days before a day. For processes."""
    require_process(actor)
    repository.delete_before(first_kept)


def _look_at(part: ScanPart, scan: Scan, *, is_hurried: bool) -> None:
    now = clock.utc_now()
    if not repository.claim(part.day, part.part, now, now if is_hurried else now - CLAIM):
        return
    before_s = scan.pace.asked_s
    try:
        found = scan.findings(part.matcher)
        series = scan.series_at_end(part.matcher)
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
        failed=sum(part.state == PartState.FAILED for part in parts),
        series=sum(part.series for part in done),
        findings=sum(part.findings for part in done),
        duration_s=sum(part.duration_s for part in done),
    )
