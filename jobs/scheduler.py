"""The scheduler: one of all its copies leads by a lock in PostgreSQL, the others stand by."""

from datetime import UTC, datetime
from threading import Event

from apscheduler.events import EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from backend.actor import Actor
from backend.errors import Unavailable
from backend.i18n.errors import sentence_of
from backend.job_runs import service as job_runs
from backend.job_runs.service import SCHEDULER
from backend.log import get_logger
from jobs.registry import JOBS
from jobs.runs import execute

# A standby takes over within one of these after the lock is free; a leader notices its loss as fast.
POLL_S = 5.0
WORKERS = 4

log = get_logger(__name__)


def serve(stop: Event) -> None:
    """Lead or stand by until told to stop; a lost database is waited for, however long it takes."""
    actor = Actor.process_named(SCHEDULER)
    was = ""
    while not stop.is_set():
        try:
            is_leader = _lead_if_possible(actor, stop)
            now = "leader" if is_leader else "standby"
        except Unavailable as lost:
            now = "without_database"
            if now != was:
                log.warning("scheduler.database_lost", meaning=sentence_of(lost), again_in_s=POLL_S)
        if now != was:
            _tell(now)
        was = now
        stop.wait(POLL_S)
    log.info("scheduler.ended")


def _lead_if_possible(actor: Actor, stop: Event) -> bool:
    with job_runs.leadership(actor) as lock:
        if lock is None:
            return False
        interrupted = job_runs.take_over(actor)
        scheduler = _scheduler()
        scheduler.start()
        log.info("scheduler.leads", jobs=len(JOBS), interrupted=interrupted)
        try:
            while not stop.is_set() and lock.is_held():
                stop.wait(POLL_S)
        finally:
            scheduler.shutdown(wait=True)
        if not stop.is_set():
            log.error(
                "scheduler.leadership_lost", meaning="The database went away; jobs stop until it is back."
            )
        return True


def _scheduler() -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(WORKERS)},
        # A firing that comes late is still wanted, once: the default would silently drop 03:00 after a second.
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    scheduler.add_listener(_tell_missed, EVENT_JOB_MISSED)
    for job in JOBS:
        at_start = {"next_run_time": datetime.now(UTC)} if job.is_at_start else {}
        scheduler.add_job(
            execute, job.trigger, args=[job, SCHEDULER], id=f"{job.name}/{job.schedule}", **at_start
        )
    return scheduler


def _tell_missed(event: JobExecutionEvent) -> None:
    log.error("scheduler.firing_missed", job=event.job_id, due=event.scheduled_run_time)


def _tell(now: str) -> None:
    if now == "standby":
        log.info(
            "scheduler.stands_by", meaning="Another scheduler leads; this one takes over when that ends."
        )
