"""Runs of the shipped actions whose process dies in the middle, and what lets them go on."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunId, RunStage, Words
from runbooks import asking_service, engine
from tests.integration.runbooks.conftest import confirmed, wish

GONE = Words(key="runbooks.outcome.process_gone")


class Killed(BaseException):
    """The process ends here: nothing after it is done, and nobody is told."""


def died_at(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, *, after: bool, calls: int = 1
) -> Callable[[], None]:
    """Let the process die before or after a call of a function; returns what mends that."""
    real = getattr(where, name)
    left = [calls]

    def deadly(*args: object, **more: object) -> object:
        left[0] -= 1
        if left[0] > 0:
            return real(*args, **more)
        if after:
            real(*args, **more)
        raise Killed

    monkeypatch.setattr(where, name, deadly)
    return lambda: monkeypatch.setattr(where, name, real)


def killed(actor: Actor, action: str, given: Mapping[str, str]) -> RunbookRun:
    """A confirmed run whose process dies in its steps, as the launcher finds it."""
    run = confirmed(actor, wish(action, given), typed="")
    with pytest.raises(Killed):
        engine.work_on(run.id)
    runs.note_gone(engine.RUNNER, runs.run(actor, run.id), GONE)
    lost = runs.run(actor, run.id)
    assert lost.state is RunStage.LOST
    return lost


def gone_on(actor: Actor, run_id: RunId) -> RunbookRun:
    """The run after it went on."""
    runs.go_on(actor, run_id)
    engine.work_on(run_id)
    return runs.run(actor, run_id)


def undone(actor: Actor, run_id: RunId) -> RunbookRun:
    """The undo of a run, at its end."""
    undo = asking_service.ask_undo(actor, run_id, uuid4().hex)
    engine.work_on(undo.id)
    planned = runs.run(actor, undo.id)
    runs.confirm(actor, undo.id, planned.plan_hash)
    engine.work_on(undo.id)
    return runs.run(actor, undo.id)


def refusal(actor: Actor, action: str, given: Mapping[str, str]) -> str:
    """The key of the sentence for which no plan is made."""
    run = asking_service.ask(actor, wish(action, given))
    assert engine.work_on(run.id) is RunStage.FAILED
    outcome = runs.run(actor, run.id).outcome
    assert outcome is not None
    return outcome.key


def result(run: RunbookRun) -> list[str]:
    """The keys of what is different after a run."""
    return [each.key for each in run.result]
