"""The page of jobs: what the staff sees, and what an operator's clicks come to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState, Schedule, ScheduledJob, SchedulerProcess
from portal.features.jobs.rows import JobsView
from portal.features.jobs.state import JobsState
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab

SCHEDULER = Actor.process_named("scheduler")
NAME = JobsState.get_full_name()
BILLING = "nightly_billing"


@pytest.fixture
def leader(house: House) -> SchedulerProcess:
    """A leading scheduler with two jobs."""
    del house
    now = clock.utc_now()
    process = SchedulerProcess(id=uuid4(), host="jobs-1", pid=7, is_leader=True, started_at=now, seen_at=now)
    jobs = [
        ScheduledJob(schedule=Schedule(job=BILLING, hour=3, minute=0), next_run_at=now + timedelta(hours=1)),
        ScheduledJob(schedule=Schedule(job="send_mail", every_s=5), fired_at=now, duration_s=0.5),
    ]
    job_runs.tell_scheduler(SCHEDULER, process, jobs)
    return process


def seen(
    pipeline: Pipeline, cookie: str, *clicks: tuple[str, dict[str, Any]], path: str = "/jobs"
) -> dict[str, Any]:
    """The page's vars after it was opened and these handlers were sent."""

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        told: list[Delta] = []
        for handler, payload in [("load", {}), *clicks]:
            told += await tab.send(f"{NAME}.{handler}", payload, cookie=cookie, path=path)
        return told

    told: dict[str, Any] = {}
    for delta in pipeline.run(steps):
        told |= delta.get(NAME, {})
    return {key.removesuffix("_rx_state_"): value for key, value in told.items()}


def test_the_staff_sees_who_leads_and_each_job(
    house: House, pipeline: Pipeline, leader: SchedulerProcess
) -> None:
    job_runs.record(SCHEDULER, "send_mail", "scheduler", JobState.FINISHED, "3 sent, 0 failed")

    told = seen(pipeline, house.people[Role.AUDITOR].cookie, path="/jobs?job=send_mail")

    view: JobsView = told["view"]
    assert view.leader.is_there
    assert "jobs-1 · 7" in view.leader.words[0].text
    assert [(row.name, row.schedules, row.is_paused) for row in view.jobs] == [
        ("Nightly billing", ["Every day at 03:00"], False),
        ("Sending mails", ["Every 5 s"], False),
    ]
    assert (view.jobs[1].last_duration, view.jobs[1].run.outcome) == ("0.5 s", "3 mails sent, 0 failed")
    assert [(run.outcome, run.by) for run in view.runs] == [("3 mails sent, 0 failed", "Its schedule")]
    assert not told["can_act"]


def test_a_run_is_asked_for_once_and_its_result_appears(
    house: House, pipeline: Pipeline, leader: SchedulerProcess
) -> None:
    cookie = house.people[Role.OPERATOR].cookie
    click = ("run_now", {"job": BILLING})

    told = seen(pipeline, cookie, click, click)
    assert (told["done"], told["action_problem"]) == (
        "The leading process was asked to run Nightly billing; its result appears here by itself.",
        "",
    )
    assert told["view"].jobs[0].is_asked
    other = seen(pipeline, house.people[Role.APPROVER].cookie, click)
    assert "asked for this run already" in other["action_problem"]

    [taken] = job_runs.take_requests(SCHEDULER)
    run_id = job_runs.start(SCHEDULER, BILLING, taken.asked_by, request_id=taken.id)
    job_runs.finish(SCHEDULER, run_id, JobState.FAILED, "unknown")

    row = seen(pipeline, cookie)["view"].jobs[0]
    assert (row.is_asked, row.request_tone) == (False, "bad")
    assert "Did not succeed. A fault of the program ended it" in row.request


def test_without_a_leader_the_page_says_so_and_a_request_is_not_left_hanging(
    house: House, pipeline: Pipeline, leader: SchedulerProcess
) -> None:
    silent = replace(leader, seen_at=clock.utc_now() - timedelta(minutes=5))
    job_runs.tell_scheduler(SCHEDULER, silent)

    told = seen(pipeline, house.people[Role.OPERATOR].cookie, ("run_now", {"job": BILLING}))

    view: JobsView = told["view"]
    assert not view.leader.is_there
    assert view.leader.seen_s == int(silent.seen_at.timestamp())
    assert (view.jobs[0].request_tone, view.jobs[0].is_asked) == ("bad", True)
    assert "no process leads" in view.jobs[0].request


def test_a_request_whose_leader_died_before_it_began_is_told_as_not_done(
    house: House, pipeline: Pipeline, leader: SchedulerProcess
) -> None:
    seen(pipeline, house.people[Role.OPERATOR].cookie, ("run_now", {"job": BILLING}))
    job_runs.take_requests(SCHEDULER)
    job_runs.take_over(SCHEDULER)

    row = seen(pipeline, house.people[Role.OPERATOR].cookie)["view"].jobs[0]

    assert (row.is_asked, row.request_tone) == (False, "bad")
    assert "Nothing was done" in row.request


def test_a_pause_needs_a_reason_and_shows_who_and_why(
    house: House, pipeline: Pipeline, leader: SchedulerProcess
) -> None:
    operator = house.people[Role.OPERATOR]
    ask = ("ask_pause", {"job": BILLING})

    refused = seen(pipeline, operator.cookie, ask, ("pause", {"form": {"reason": " "}}))
    paused = seen(pipeline, operator.cookie, ask, ("pause", {"form": {"reason": "prices change"}}))

    assert refused["pause_problem"] != ""
    [billing, _] = paused["view"].jobs
    assert (billing.is_paused, billing.pause_reason, billing.next_run) == (True, "prices change", "—")
    assert operator.actor.name in billing.pause
    assert paused["view"].paused.startswith("1 paused")

    resumed = seen(pipeline, operator.cookie, ("resume", {"job": BILLING}))
    assert not resumed["view"].jobs[0].is_paused


def test_what_starts_runs_has_no_button_to_pause_it_and_a_forged_click_is_refused_in_words(
    house: House, pipeline: Pipeline, leader: SchedulerProcess
) -> None:
    known = [ScheduledJob(schedule=Schedule(job=job, every_s=1)) for job in ("launch_runs", BILLING)]
    job_runs.tell_scheduler(SCHEDULER, leader, known)
    clicks = [("ask_pause", {"job": "launch_runs"}), ("pause", {"form": {"reason": "quiet"}})]

    told = seen(pipeline, house.people[Role.OPERATOR].cookie, *clicks)

    assert [row.can_be_paused for row in told["view"].jobs] == [False, True]
    assert "no deadline is kept" in told["pause_problem"]


def test_an_auditor_acts_on_nothing(house: House, pipeline: Pipeline, leader: SchedulerProcess) -> None:
    cookie = house.people[Role.AUDITOR].cookie
    clicks = [("run_now", {"job": BILLING}), ("ask_pause", {"job": BILLING}), ("resume", {"job": BILLING})]

    seen(pipeline, cookie, *clicks, ("pause", {"form": {"reason": "because"}}))

    assert job_runs.pauses(SCHEDULER) == []
    assert job_runs.take_requests(SCHEDULER) == []
