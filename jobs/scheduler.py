"""The scheduler: one of all its copies leads by a lock in PostgreSQL, the others stand by."""

import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from socket import gethostname
from threading import Event
from uuid import uuid4

from apscheduler.events import EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from backend import clock
from backend.actor import Actor
from backend.errors import Unavailable
from backend.i18n.errors import sentence_of
from backend.job_runs import service as job_runs
from backend.job_runs.service import SCHEDULER
from backend.job_runs.types import RequestId, RunRequest, SchedulerProcess
from backend.log import get_logger
from jobs.registry import JOBS, job_named
from jobs.runs import Job, answer, fire
from jobs.schedules import Firings, job_id, published

# A standby takes over within one of these after the lock is free; a leader notices its loss as fast.
POLL_S = 5.0
# How soon the leader takes up a run that a person asks for.
REQUESTS_S = 1.0
WORKERS = 4

log = get_logger(__name__)


def serve(stop: Event) -> None:
    """Lead or stand by until told to stop; a lost database is waited for, however long it takes."""
    actor = Actor.process_named(SCHEDULER)
    me = _me()
    was = ""
    while not stop.is_set():
        try:
            is_leader = _lead_if_possible(actor, me, stop)
            now = "leader" if is_leader else "standby"
        except Unavailable as lost:
            now = "without_database"
            if now != was:
                log.warning("scheduler.database_lost", meaning=sentence_of(lost), again_in_s=POLL_S)
        if now != was:
            _tell(now)
        was = now
        stop.wait(POLL_S)
    with suppress(Unavailable):
        job_runs.end_scheduler(actor, me.id)
    log.info("scheduler.ended")


def _me() -> SchedulerProcess:
    now = clock.utc_now()
    return SchedulerProcess(
        id=uuid4(), host=gethostname(), pid=os.getpid(), is_leader=False, started_at=now, seen_at=now
    )


def _lead_if_possible(actor: Actor, me: SchedulerProcess, stop: Event) -> bool:
    with job_runs.leadership(actor) as lock:
        if lock is None:
            job_runs.tell_scheduler(actor, replace(me, seen_at=clock.utc_now()))
            return False
        interrupted = job_runs.take_over(actor)
        firings, in_hand = Firings(), set[RequestId]()
        scheduler = _scheduler(firings)
        scheduler.start()
        log.info("scheduler.leads", jobs=len(JOBS), interrupted=interrupted)
        try:
            while not stop.is_set() and lock.is_held():
                with suppress(Unavailable):  # the lock tells whether the database is really lost
                    _attend(actor, me, scheduler, firings, stop, in_hand=in_hand)
        finally:
            scheduler.shutdown(wait=True)
        if not stop.is_set():
            log.error(
                "scheduler.leadership_lost", meaning="The database went away; jobs stop until it is back."
            )
        return True


def _attend(
    actor: Actor,
    me: SchedulerProcess,
    scheduler: BackgroundScheduler,
    firings: Firings,
    stop: Event,
    *,
    in_hand: set[RequestId],
) -> None:
    """For a while, tell that this process leads, and take up what people ask for."""
    until = time.monotonic() + POLL_S
    try:
        job_runs.tell_scheduler(
            actor, replace(me, is_leader=True, seen_at=clock.utc_now()), published(scheduler, firings)
        )
        while not stop.is_set() and time.monotonic() < until:
            for request in job_runs.take_requests(actor, frozenset(in_hand)):
                in_hand.add(request.id)
                scheduler.add_job(
                    answer_in_hand, args=[job_named(request.job), request, in_hand], id=str(request.id)
                )
            stop.wait(REQUESTS_S)
    except Unavailable:
        stop.wait(max(0.0, until - time.monotonic()))
        raise


def _scheduler(firings: Firings) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(WORKERS)},
        # A firing that comes late is still wanted, once: the default would silently drop 03:00 after a second.
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    scheduler.add_listener(_tell_missed, EVENT_JOB_MISSED)
    for job in JOBS:
        at_start = {"next_run_time": datetime.now(UTC)} if job.is_at_start else {}
        scheduler.add_job(_fire, job.trigger, args=[job, firings], id=job_id(job), **at_start)
    return scheduler


def _fire(job: Job, firings: Firings) -> None:
    at, began = clock.utc_now(), time.monotonic()
    if fire(job):
        firings.note(job, at, time.monotonic() - began)


def answer_in_hand(job: Job, request: RunRequest, in_hand: set[RequestId]) -> None:
    """Run a job for a request, which is in hand until that has ended, however it ends."""
    try:
        answer(job, request)
    finally:
        in_hand.discard(request.id)


def _tell_missed(event: JobExecutionEvent) -> None:
    log.error("scheduler.firing_missed", job=event.job_id, due=event.scheduled_run_time)


def _tell(now: str) -> None:
    if now == "standby":
        log.info(
            "scheduler.stands_by", meaning="Another scheduler leads; this one takes over when that ends."
        )
