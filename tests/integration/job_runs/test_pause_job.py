"""The runbook that pauses a job: no schedule starts it, and undoing ends that pause and no other."""

from collections.abc import Mapping

import pytest

from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.errors import Invalid
from backend.job_runs import service as job_runs
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from runbooks import asking_service, engine
from tests import factories
from tests.integration.job_runs.conftest import JOB
from tests.integration.runbooks.conftest import confirmed, ended, wish
from tests.integration.runbooks.killing import died_at, gone_on, killed, result, undone

NAME = "pause_job"
GIVEN = {"job": JOB, "reason": "The mail server is being moved"}


def test_a_job_is_paused_in_the_name_of_who_asked_and_undoing_resumes_it(operator: Actor) -> None:
    run = ended(operator, wish(NAME, GIVEN), typed="")

    pause = job_runs.pause_of(engine.RUNNER, JOB)
    assert pause is not None
    assert (pause.paused_by, pause.reason) == (operator.name, GIVEN["reason"])
    assert result(run) == ["runbooks.pause_job.paused"]
    assert undone(operator, run.id).state is RunStage.SUCCEEDED
    assert job_runs.pause_of(engine.RUNNER, JOB) is None
    told = [entry.event.action for entry in audit.entries(operator, f"job:{JOB}")]
    assert told == ["job.resumed", "job.paused"]


def test_undoing_leaves_a_pause_that_somebody_else_made_since(operator: Actor) -> None:
    run = ended(operator, wish(NAME, GIVEN), typed="")
    job_runs.resume(operator, JOB)
    job_runs.pause(factories.user(Role.OPERATOR).actor, JOB, "Another reason")

    undo = asking_service.ask_undo(operator, run.id, "undo")

    assert engine.work_on(undo.id) is RunStage.FAILED
    assert job_runs.pause_of(engine.RUNNER, JOB) is not None


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_goes_on_and_pauses_once(
    operator: Actor, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    mend = died_at(monkeypatch, job_runs, "pause_for_run", after=after)
    lost = killed(operator, NAME, GIVEN)
    mend()

    assert gone_on(operator, lost.id).state is RunStage.SUCCEEDED
    told = [entry.event.action for entry in audit.entries(operator, f"job:{JOB}")]
    assert told == ["job.paused"]


def test_a_job_that_somebody_paused_meanwhile_stops_the_run(operator: Actor) -> None:
    run = confirmed(operator, wish(NAME, GIVEN), typed="")
    job_runs.pause(operator, JOB, "At once")

    assert engine.work_on(run.id) is RunStage.FAILED
    outcome = runs.run(operator, run.id).outcome
    assert outcome is not None
    assert outcome.key == "error.refused.pause_job_paused"


def test_a_paused_job_is_not_offered(operator: Actor) -> None:
    job_runs.pause(operator, JOB, "At once")

    form = asking_service.form(operator, NAME, {"job": JOB})

    assert [choice.value for choice in form.fields[0].choices] == []
    assert (form.fields[0].value, form.is_complete) == ("", False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"job": "launch_runs"},
        {"job": "no_such_job"},
        {"job": ""},
        {"reason": ""},
        {"reason": "x" * 201},
        {"more": "x"},
    ],
)
def test_what_cannot_be_paused_or_does_not_fit_is_refused_at_once(
    operator: Actor, wrong: Mapping[str, str]
) -> None:
    with pytest.raises(Invalid):
        asking_service.ask(operator, wish(NAME, {**GIVEN, **wrong}))
