"""The pause of a job, killed at each step: see ``tests/integration/runbooks/failures.py``."""

from collections.abc import Callable

import pytest

from backend.actor import Actor
from backend.audit import service as audit
from backend.job_runs import service as job_runs
from runbooks import engine
from tests.integration.job_runs.conftest import JOB
from tests.integration.job_runs.test_pause_job import GIVEN
from tests.integration.runbooks.failures import Trial, actions_of, survive_every_crash, survive_every_kill
from tests.integration.runbooks.mortal import Mortals


@pytest.fixture
def trial(operator: Actor, run_processes: Mortals) -> Trial:
    def effect() -> object:
        """The pause, and how often it was made and ended."""
        told = audit.entries(operator, f"job:{JOB}")
        return job_runs.pause_of(engine.RUNNER, JOB), [each.event.action for each in told]

    return Trial(actor=operator, work=run_processes.work, effect=effect)


@pytest.mark.parametrize("action", actions_of("job_runs"))
def test_a_run_that_is_killed_in_each_step_goes_on_to_the_same_end(action: str, trial: Trial) -> None:
    survive_every_kill(trial, action, GIVEN)


def test_a_job_is_paused_once_although_postgresql_dies_in_each_step(
    trial: Trial, crash: Callable[[], None]
) -> None:
    survive_every_crash(trial, "pause_job", GIVEN, crash)
