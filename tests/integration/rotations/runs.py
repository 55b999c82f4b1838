"""Runs of these tests: asked for, confirmed and worked on as people and processes do it."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from backend.actor import Actor
from backend.i18n.catalog import text
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage, StepTraces, Words
from backend.runbooks.words_rules import said
from runbooks import asking_service, engine, kept_secrets
from runbooks.form_types import RunWish


def planned(actor: Actor, action: str, **given: str) -> RunbookRun:
    """A run whose plan was made, or refused."""
    fields: Mapping[str, Any] = {"namespace": "docuchat", **given}
    run = asking_service.ask(actor, RunWish(action=action, given=fields, request_key=uuid4().hex))
    engine.work_on(run.id)
    return runs.run(actor, run.id)


def confirmed(actor: Actor, action: str, **given: str) -> RunbookRun:
    """A run that waits for its process."""
    run = planned(actor, action, **given)
    assert run.state is RunStage.PLANNED, why(run)
    assert run.plan is not None
    return runs.confirm(actor, run.id, run.plan_hash, run.plan.confirmation)


def ended(actor: Actor, action: str, **given: str) -> RunbookRun:
    """A run that was worked on to its end."""
    run = confirmed(actor, action, **given)
    engine.work_on(run.id)
    return runs.run(actor, run.id)


def why(run: RunbookRun) -> str:
    """The end of a run in words."""
    return "" if run.outcome is None else said(run.outcome, "en")


def results(run: RunbookRun) -> list[str]:
    """What a run says that it changed, in both languages: every key must be there."""
    assert all(text(words.key, "fa", **_filled(words)) for words in run.result)
    return [said(words, "en") for words in run.result]


def _filled(words: Words) -> dict[str, str]:
    return {name: str(value) for name, value in words.values.items()}


def work_until_killed(run: RunbookRun, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on a run in a process that dies when a step has done its work and before that is noted."""
    end_step = runs.end_step

    def die_at(actor: Actor, of: RunbookRun, position: int, name: str, left: StepTraces) -> None:
        if name == step:
            raise KeyboardInterrupt
        end_step(actor, of, position, name, left)

    with monkeypatch.context() as death:
        death.setattr(runs, "end_step", die_at)
        with pytest.raises(KeyboardInterrupt):
            engine.work_on(run.id)
    # A process takes its memory along.
    kept_secrets._kept.clear()


def gone_on(actor: Actor, run: RunbookRun) -> RunbookRun:
    """A run whose process is found dead, and that goes on to its end."""
    runs.note_gone(engine.RUNNER, runs.run(actor, run.id), Words(key="runbooks.outcome.process_gone"))
    runs.go_on(actor, run.id)
    engine.work_on(run.id)
    return runs.run(actor, run.id)
