"""Runs of these tests: asked for, confirmed and worked on as people and processes do it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
from runbooks.rotation import Rotation


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


def work_until_put_back_is_killed(run: RunbookRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on a run whose rollout fails, in a process that dies when the old value was just written back."""

    def die_at_put_back(_values: Mapping[str, str], version: str) -> None:
        if not version:
            raise KeyboardInterrupt

    with after_each_write(die_at_put_back, monkeypatch), pytest.raises(KeyboardInterrupt):
        engine.work_on(run.id)
    kept_secrets._kept.clear()


@contextmanager
def after_each_write(
    happens: Callable[[Mapping[str, str], str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let something happen when a Secret was just written; a put-back is bound to no version."""
    write = Rotation.write

    def write_first(turning: Rotation, values: Mapping[str, str], version: str = "") -> None:
        write(turning, values, version)
        happens(values, version)

    with monkeypatch.context() as hooked:
        hooked.setattr(Rotation, "write", write_first)
        yield


@contextmanager
def before_first_bound_write(happens: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let something happen between a rotation's look at a Secret and its first write, which is bound to that look."""
    write, waiting = Rotation.write, [happens]

    def write_second(turning: Rotation, values: Mapping[str, str], version: str = "") -> None:
        if version and waiting:
            waiting.pop()()
        write(turning, values, version)

    with monkeypatch.context() as hooked:
        hooked.setattr(Rotation, "write", write_second)
        yield


def cancelled_after(actor: Actor, run: RunbookRun, step: str, monkeypatch: pytest.MonkeyPatch) -> RunbookRun:
    """A run that somebody cancelled between a step and the next one."""
    end_step = runs.end_step

    def cancel_at(by: Actor, of: RunbookRun, position: int, name: str, left: StepTraces) -> None:
        end_step(by, of, position, name, left)
        if name == step:
            runs.cancel(actor, run.id)

    with monkeypatch.context() as cancelling:
        cancelling.setattr(runs, "end_step", cancel_at)
        engine.work_on(run.id)
    return runs.run(actor, run.id)


def found_dead(actor: Actor, run: RunbookRun) -> RunbookRun:
    """A run whose process is found dead."""
    runs.note_gone(engine.RUNNER, runs.run(actor, run.id), Words(key="runbooks.outcome.process_gone"))
    return runs.run(actor, run.id)


def gone_on(actor: Actor, run: RunbookRun) -> RunbookRun:
    """A run whose process is found dead, and that goes on to its end."""
    found_dead(actor, run)
    runs.go_on(actor, run.id)
    engine.work_on(run.id)
    return runs.run(actor, run.id)
