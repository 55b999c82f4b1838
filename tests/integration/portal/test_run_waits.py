"""A run that no process takes up says why on its page."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from backend import clock
from backend.actor import Role
from backend.i18n.catalog import LANGUAGES
from backend.job_runs import control_repository
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobPause, Schedule, ScheduledJob, SchedulerProcess
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from portal.features.runbooks import run_queries
from runbooks import engine
from tests.integration.portal.conftest import House
from tests.integration.runbooks.conftest import MakeAction, confirmed, make_action, world

__all__ = ["make_action", "world"]

BEGINS = "Its process is being started."


def lead(seen_at: datetime) -> None:
    """As a leading scheduler told of itself at a moment."""
    me = SchedulerProcess(id=uuid4(), host="a", pid=7, is_leader=True, started_at=seen_at, seen_at=seen_at)
    job_runs.tell_scheduler(
        engine.RUNNER, me, [ScheduledJob(schedule=Schedule(job="launch_runs", every_s=1))]
    )


@pytest.mark.parametrize(
    ("led_s_ago", "is_paused", "said"),
    [
        pytest.param(0, False, BEGINS, id="somebody leads"),
        pytest.param(300, False, "no jobs process leads", id="nobody leads"),
        pytest.param(0, True, "reza@example.com paused", id="paused"),
    ],
)
def test_a_queued_run_says_what_keeps_it_from_beginning(
    house: House, make_action: MakeAction, led_s_ago: float, said: str, *, is_paused: bool
) -> None:
    make_action()
    operator = house.people[Role.OPERATOR].actor
    run = confirmed(operator)
    lead(clock.utc_now() - timedelta(seconds=led_s_ago))
    if is_paused:
        control_repository.insert_pause(
            JobPause(
                job="launch_runs", reason="quiet", paused_by="reza@example.com", paused_at=clock.utc_now()
            )
        )

    views = [run_queries.run_view(operator, str(run.id), lang) for lang in LANGUAGES]

    assert {view.stage for view in views} == {RunStage.QUEUED}
    assert any(said in view.explains for view in views)


def test_a_run_with_a_process_needs_no_leader(house: House, make_action: MakeAction) -> None:
    make_action()
    operator = house.people[Role.OPERATOR].actor
    run = confirmed(operator)
    runs.claim(engine.RUNNER, run.id)

    assert run_queries.run_view(operator, str(run.id), "en").explains == BEGINS
