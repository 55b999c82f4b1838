"""People pause jobs and ask for runs; the database remembers both."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from apscheduler.triggers.interval import IntervalTrigger

from backend import clock
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound, Refused
from backend.i18n.errors import error_text
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobRun, JobState, Schedule, ScheduledJob, SchedulerProcess
from jobs.runs import Job, answer, fire
from tests import factories

SCHEDULER = Actor.process_named("scheduler")
JOB = "nightly_billing"


def told(*jobs: str, is_leader: bool = True, seen_s_ago: float = 0) -> SchedulerProcess:
    """A scheduler that told of itself and of these jobs."""
    seen_at = clock.utc_now() - timedelta(seconds=seen_s_ago)
    process = SchedulerProcess(
        id=uuid4(), host="a-pod", pid=7, is_leader=is_leader, started_at=seen_at, seen_at=seen_at
    )
    known = [ScheduledJob(schedule=Schedule(job=job, every_s=5)) for job in jobs]
    job_runs.tell_scheduler(SCHEDULER, process, known)
    return process


@pytest.fixture
def operator(database: str) -> Actor:
    told(JOB, "send_mail")
    return factories.actor(Role.OPERATOR)


def a_job(seen: list[str], *, when_paused: Callable[[Actor], object] | None = None) -> Job:
    def run(_actor: Actor) -> str:
        seen.append("ran")
        return "2 issued"

    trigger = IntervalTrigger(seconds=5)
    return Job(name=JOB, run=run, trigger=trigger, is_always_recorded=False, when_paused=when_paused)


def test_a_paused_job_is_not_started_by_its_schedule_and_raises_its_alarm_all_the_same(
    operator: Actor,
) -> None:
    seen: list[str] = []
    job = a_job(seen, when_paused=lambda _actor: seen.append("alarm"))

    job_runs.pause(operator, JOB, "the provider changes its prices")
    assert not fire(job)
    job_runs.resume(operator, JOB)
    assert fire(job)

    assert seen == ["alarm", "ran"]
    trail = [(entry.event.action, entry.event.detail["reason"]) for entry in audit.entries(operator)]
    assert trail == [
        ("job.resumed", "the provider changes its prices"),
        ("job.paused", "the provider changes its prices"),
    ]


def test_a_run_that_was_asked_for_twice_runs_once_and_ends_the_request(operator: Actor) -> None:
    asked = job_runs.ask_to_run(operator, JOB)
    with pytest.raises(Conflict):
        job_runs.ask_to_run(operator, JOB)

    [taken] = job_runs.take_requests(SCHEDULER)
    assert job_runs.take_requests(SCHEDULER) == []
    with pytest.raises(Conflict):
        job_runs.ask_to_run(operator, JOB)
    assert answer(a_job([]), taken)

    assert taken.id == asked.id
    [first, _] = job_runs.standing(operator).jobs
    assert first.request is not None
    assert first.request.ended_at is not None
    assert told_of(first.requested_run) == (operator.name, JobState.FINISHED, "2 issued")
    job_runs.ask_to_run(operator, JOB)


def told_of(run: JobRun | None) -> tuple[str, JobState, str]:
    assert run is not None
    return run.started_by, run.state, run.outcome


def test_a_request_runs_a_paused_job(operator: Actor) -> None:
    seen: list[str] = []
    job_runs.pause(operator, JOB, "quiet, please")
    job_runs.ask_to_run(operator, JOB)

    [taken] = job_runs.take_requests(SCHEDULER)
    answer(a_job(seen), taken)

    assert seen == ["ran"]
    assert [pause.job for pause in job_runs.pauses(operator)] == [JOB]


def test_a_request_that_nobody_took_lapses_and_makes_room(
    operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = clock.utc_now() - timedelta(minutes=2, seconds=1)
    with monkeypatch.context() as then:
        then.setattr(clock, "utc_now", lambda: old)
        job_runs.ask_to_run(operator, JOB)

    assert job_runs.take_requests(SCHEDULER) == []
    job_runs.ask_to_run(operator, JOB)
    assert len(job_runs.take_requests(SCHEDULER)) == 1


def test_a_dead_leader_leaves_no_request_open(operator: Actor) -> None:
    job_runs.ask_to_run(operator, JOB)
    [taken] = job_runs.take_requests(SCHEDULER)
    job_runs.start(SCHEDULER, JOB, taken.asked_by, request_id=taken.id)

    assert job_runs.take_over(SCHEDULER) == 1

    [first, _] = job_runs.standing(operator).jobs
    assert told_of(first.requested_run) == (operator.name, JobState.FAILED, "interrupted")
    job_runs.ask_to_run(operator, JOB)


@pytest.mark.parametrize("begun", [True, False], ids=["its end was lost", "it was never begun"])
def test_what_the_leader_took_and_has_no_more_makes_room(
    operator: Actor, monkeypatch: pytest.MonkeyPatch, *, begun: bool
) -> None:
    job_runs.ask_to_run(operator, JOB)
    [taken] = job_runs.take_requests(SCHEDULER)
    if begun:
        job_runs.start(SCHEDULER, JOB, taken.asked_by, request_id=taken.id)
    later = clock.utc_now() + timedelta(minutes=2, seconds=1)
    monkeypatch.setattr(clock, "utc_now", lambda: later)

    job_runs.take_requests(SCHEDULER, in_hand={taken.id})
    with pytest.raises(Conflict):
        job_runs.ask_to_run(operator, JOB)
    job_runs.take_requests(SCHEDULER)

    job_runs.ask_to_run(operator, JOB)
    outcomes = [(run.state, run.outcome) for run in job_runs.runs(SCHEDULER, JOB)]
    assert outcomes == [(JobState.FAILED, "interrupted")] * begun


def test_what_was_taken_a_moment_ago_is_left_alone(operator: Actor) -> None:
    job_runs.ask_to_run(operator, JOB)
    job_runs.take_requests(SCHEDULER)

    job_runs.take_requests(SCHEDULER)

    with pytest.raises(Conflict):
        job_runs.ask_to_run(operator, JOB)


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        pytest.param(lambda actor: job_runs.ask_to_run(actor, "no_such_job"), NotFound, id="run unknown"),
        pytest.param(lambda actor: job_runs.pause(actor, "no_such_job", "x"), NotFound, id="pause unknown"),
        pytest.param(lambda actor: job_runs.pause(actor, JOB, " \n"), Invalid, id="no reason"),
        pytest.param(lambda actor: job_runs.resume(actor, JOB), Conflict, id="not paused"),
    ],
)
def test_what_makes_no_sense_is_refused(
    operator: Actor, wish: Callable[[Actor], object], error: type[AppError]
) -> None:
    with pytest.raises(error):
        wish(operator)
    assert audit.entries(operator) == []


def test_nobody_pauses_what_starts_runs_for_then_none_could_be_stopped_either(database: str) -> None:
    told("launch_runs")
    operator = factories.actor(Role.OPERATOR)

    for pause in (
        lambda: job_runs.pause(operator, "launch_runs", "quiet, please"),
        lambda: job_runs.pause_for_run(SCHEDULER, "launch_runs", "quiet, please", by=operator.label),
    ):
        with pytest.raises(Refused) as refused:
            pause()
        assert "no deadline is kept" in error_text(refused.value, "en")

    assert job_runs.pauses(operator) == []


def test_a_job_is_paused_once(operator: Actor) -> None:
    job_runs.pause(operator, JOB, "first")
    with pytest.raises(Conflict):
        job_runs.pause(operator, JOB, "second")

    [pause] = job_runs.pauses(operator)
    assert (pause.reason, pause.paused_by) == ("first", operator.name)


def test_auditors_read_and_do_nothing_and_tenants_do_not_even_read(operator: Actor) -> None:
    auditor, tenant = factories.actor(Role.AUDITOR), factories.actor(Role.TENANT_ADMIN)

    assert [job.job for job in job_runs.standing(auditor).jobs] == [JOB, "send_mail"]
    assert job_runs.history(auditor, JOB, 20, 0).total == 0
    for actor in (auditor, tenant, SCHEDULER):
        with pytest.raises(Forbidden):
            job_runs.ask_to_run(actor, JOB)
        with pytest.raises(Forbidden):
            job_runs.pause(actor, JOB, "x")
        with pytest.raises(Forbidden):
            job_runs.resume(actor, JOB)
    for actor in (operator, auditor, tenant):
        with pytest.raises(Forbidden):
            job_runs.take_requests(actor)
        with pytest.raises(Forbidden):
            job_runs.is_paused(actor, JOB)
        with pytest.raises(Forbidden):
            job_runs.end_scheduler(actor, uuid4())
    with pytest.raises(Forbidden):
        job_runs.standing(tenant)
    with pytest.raises(Forbidden):
        job_runs.pauses(tenant)
    with pytest.raises(Forbidden):
        job_runs.history(tenant, JOB, 20, 0)


def test_the_leader_is_known_until_it_is_silent_or_ends(database: str) -> None:
    auditor = factories.actor(Role.AUDITOR)
    told(JOB, seen_s_ago=60)
    assert job_runs.standing(auditor).leader is None

    standby, leader = told(is_leader=False), told(JOB)
    now = job_runs.standing(auditor)
    assert now.leader is not None
    assert (now.leader.id, [each.id for each in now.standbys]) == (leader.id, [standby.id])

    job_runs.end_scheduler(SCHEDULER, leader.id)
    assert job_runs.standing(auditor).leader is None


def test_schedules_that_are_no_more_are_forgotten_and_the_last_start_is_kept(database: str) -> None:
    auditor, now = factories.actor(Role.AUDITOR), clock.utc_now()
    leader = told(JOB, "old_job")
    fired = ScheduledJob(schedule=Schedule(job=JOB, every_s=5), fired_at=now, duration_s=1.5)
    job_runs.tell_scheduler(SCHEDULER, leader, [fired])
    job_runs.tell_scheduler(
        SCHEDULER, leader, [ScheduledJob(schedule=Schedule(job=JOB, hour=3, minute=0), next_run_at=now)]
    )

    [job] = job_runs.standing(auditor).jobs

    [schedule] = job.schedules
    assert (schedule.schedule.hour, schedule.schedule.every_s) == (3, None)
    assert (schedule.next_run_at, schedule.fired_at, schedule.duration_s) == (now, now, 1.5)


def test_the_history_of_a_job_has_pages(operator: Actor) -> None:
    for number in range(5):
        job_runs.record(SCHEDULER, JOB, "scheduler", JobState.FINISHED, f"{number} issued")

    page = job_runs.history(operator, JOB, 2, 2)

    assert ([run.outcome for run in page.rows], page.total) == (["2 issued", "1 issued"], 5)
