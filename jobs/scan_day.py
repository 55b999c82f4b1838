"""From 00:20 Asia/Tehran: look inside the day that closed last, slowly; the nightly billing uses what it finds."""

from backend.actor import Actor
from backend.usage import service as usage
from backend.usage.scan_types import DayScan
from jobs.runs import JobError

NAME = "scan_day"
SLICE_S = 40
"""Length of a firing; the next one goes on, so the end of this process need not wait for the end of a day's scan."""


def run(actor: Actor) -> str | None:
    """Look at some parts of the day; returns its outcome once no part is left. Harmless at any time, in any number.

    None while parts are left, or wait for their next try.
    """
    scan = usage.scan_due_day(actor, for_s=SLICE_S)
    if scan is None:
        return None if usage.waits_for_scan(actor) else ""
    if scan.waiting:
        return None
    if scan.failed:
        raise JobError(summary(scan))
    return summary(scan)


def summary(scan: DayScan) -> str:
    """The scan in a few words, for example ``2026-11-22: 10 parts, 1 findings``."""
    failed = f", {scan.failed} failed" if scan.failed else ""
    return f"{scan.day}: {scan.done} parts, {scan.findings} findings{failed}"
