"""Pause a scheduled job: no schedule starts it until it is resumed. Undone by resuming it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from backend.errors import Refused
from backend.job_runs import service as job_runs
from backend.job_runs.types import LAUNCHING, JobPause
from backend.runbooks.types import Plan, PlannedChange, Risk, RunbookRun, Words
from runbooks.action import Action, ActionParameters, ParameterChoice, Step, Undo
from runbooks.context import Planning, Running

_RUNNING, _PAUSED = Words(key="runbooks.side.running"), Words(key="runbooks.side.paused")


class PauseParameters(ActionParameters):
    """A job, and why it is paused."""

    job: str
    reason: Annotated[str, StringConstraints(min_length=3, max_length=200)]


def _jobs(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    standing = job_runs.standing(planning.actor)
    return [
        ParameterChoice(value=each.job, words=Words(key=f"job.name.{each.job}"))
        for each in standing.jobs
        if each.pause is None and each.job != LAUNCHING
    ]


def _plan(planning: Planning, parameters: PauseParameters) -> Plan:
    if job_runs.pause_of(planning.actor, parameters.job) is not None:
        raise Refused(reason="pause_job_paused")
    return Plan(changes=(_change(parameters.job, _RUNNING, _PAUSED),))


def _pause(running: Running, parameters: PauseParameters) -> None:
    job_runs.pause_for_run(running.actor, parameters.job, parameters.reason, by=running.run.requester)
    running.changed("runbooks.pause_job.paused", job=parameters.job)


def _plan_undo(planning: Planning, parameters: PauseParameters, done: RunbookRun) -> Plan:
    if not _is_ours(job_runs.pause_of(planning.actor, parameters.job), parameters, done):
        raise Refused(reason="pause_job_not_paused")
    return Plan(changes=(_change(parameters.job, _PAUSED, _RUNNING),))


def _resume(running: Running, parameters: PauseParameters) -> None:
    job_runs.resume_for_run(running.actor, parameters.job)
    running.changed("runbooks.pause_job.resumed", job=parameters.job)


def _is_ours(pause: JobPause | None, parameters: PauseParameters, done: RunbookRun) -> bool:
    """Whether a pause is the one that the run made: after it was ended, somebody else may have made another."""
    by = done.requester.partition(":")[2]
    return pause is not None and (pause.paused_by, pause.reason) == (by, parameters.reason)


def _change(job: str, before: Words, after: Words) -> PlannedChange:
    return PlannedChange(what=Words(key=f"job.name.{job}"), before=before, after=after)


ACTION = Action(
    name="pause_job",
    risk=Risk.SAFE,
    parameters=PauseParameters,
    choices={"job": _jobs},
    targets=lambda parameters: (f"job:{parameters.job}",),
    plan=_plan,
    steps=(Step(name="pause", run=_pause),),
    undo=Undo(plan=_plan_undo, steps=(Step(name="resume", run=_resume),), holds=timedelta(days=30)),
    deadline_s=60,
)
