"""The failures of every action, step by step: its process killed, and whatever a step asks dead in the middle.

``ROWS`` is the one table. ``tests/guards/test_step_failures.py`` refuses an action, or a step of one, that it lacks. To
add an action, add its row here, and in ``test_step_failures.py`` of its family's folder, beside the servers that it
needs, the fields that it is given and what the world shows of it (``effect``). The tests then follow from the row:

- killed as soon as a step has begun, and again when it has done its work and before that is recorded, the undo too: the
  run is lost and says so, holds nothing, its log and its audit are whole, and it goes on to the same end, where every
  effect is there once. Killed before each note of what it has done, it goes on to that end, too;
- each dependency that a step names dies when the step begins, in every way that it can: what comes of it is told by the
  row. ``WAITS``: the run waits, and succeeds when it is back. ``ends(key)``: the run fails with that sentence, and the
  world is as it was before the step. A step that asks nobody but PostgreSQL names nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from backend.actor import Actor
from backend.audit import service as audit
from backend.i18n.catalog import LANGUAGES
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunId, RunStage, StepState, Words
from backend.runbooks.words_rules import said
from runbooks import asking_service
from runbooks.engine import RUNNER
from tests.integration.runbooks.conftest import wish
from tests.integration.runbooks.front import Way
from tests.integration.runbooks.mortal import KILLED, Barrier, Moment, always

GONE = Words(key="runbooks.outcome.process_gone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What comes of a dependency's death: the sentence that ends the run; none where it waits."""

    key: str = ""


WAITS = Fate()
Steps = Mapping[str, Mapping[str, Fate]]


def ends(key: str) -> Fate:
    """The run fails with this sentence."""
    return Fate(key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An action: its family, each step with what it asks, and the keys of the result that a whole run tells.

    The family is the folder of ``tests/integration`` whose ``test_step_failures.py`` puts the row to the test.
    """

    family: str
    steps: Steps
    result: frozenset[str]
    undo: Steps = field(default_factory=dict)
    undo_result: frozenset[str] = frozenset()


def _row(family: str, steps: Steps, *result: str, undo: Steps | None = None, undone: str = "") -> Row:
    return Row(
        family=family,
        steps=steps,
        result=frozenset(f"runbooks.{key}" for key in result),
        undo=undo or {},
        undo_result=frozenset(f"runbooks.{key}" for key in undone.split()),
    )


CLUSTER = {"cluster": WAITS}
ALONE: Mapping[str, Fate] = {}
BUCKET = {"bucket": ends("error.unavailable.backups")}
PROVIDER = {"provider": ends("error.unavailable.openai")}
ALERTMANAGER = {"alertmanager": ends("error.unavailable.alertmanager")}
ROLLED, ROTATED = "rollout.done", "rotation.rolled_out"
ROWS: Mapping[str, Row] = {
    "backup_database": _row("backups", {"back_up": BUCKET, "forget": BUCKET}, "backup_database.made"),
    "pause_job": _row(
        "job_runs", {"pause": ALONE}, "pause_job.paused", undo={"resume": ALONE}, undone="pause_job.resumed"
    ),
    "pause_rollout": _row(
        "runbooks",
        {"pause": CLUSTER},
        "rollout.was_paused",
        undo={"resume": CLUSTER},
        undone="rollout.was_resumed",
    ),
    "recheck_payments": _row(
        "payments",
        {"ask": {"gateway": ends("error.unavailable.recheck_payments_silent")}},
        "recheck_payments.paid",
    ),
    "restart_workload": _row(
        "runbooks", {"restart": CLUSTER, "watch": CLUSTER}, "restart_workload.restarted", ROLLED
    ),
    "restore_database": _row(
        "backups",
        dict.fromkeys(("check", "save", "load"), BUCKET)
        | dict.fromkeys(("carry", "swap", "prove", "book"), ALONE),
        *("restore_database.saved", "restore_database.swapped", "restore_database.nothing_to_book"),
        undo={"swap_back": ALONE, "prove_undone": ALONE, "book": ALONE},
        undone="restore_database.undone restore_database.nothing_to_book",
    ),
    "restore_drill": _row(
        "backups", {"drill": {"bucket": ends("error.refused.drill_failed")}}, "restore_drill.passed"
    ),
    "restore_from_snapshot": _row(
        "snapshots",
        {
            "create": CLUSTER,
            "start": CLUSTER,
            "verify": CLUSTER,
            "carry": CLUSTER,
            "switch": CLUSTER,
            "prove": ALONE,
            "book": ALONE,
        },
        *("restore_from_snapshot.switched", "restore_database.nothing_to_book"),
        undo={"switch_back": CLUSTER, "prove_undone": ALONE, "book": ALONE},
        undone="restore_from_snapshot.undone restore_database.nothing_to_book",
    ),
    "resume_rollout": _row(
        "runbooks",
        {"resume": CLUSTER, "watch": CLUSTER},
        *("rollout.was_resumed", ROLLED),
        undo={"pause": CLUSTER},
        undone="rollout.was_paused",
    ),
    "retire_jwt_keys": _row("rotations", {"drop": CLUSTER}, "rotate_jwt_secret.retired", ROTATED),
    "retry_mails": _row(
        "notifications", {"retry": ALONE, "watch": ALONE}, "retry_mails.waiting", "retry_mails.became"
    ),
    "rollback_deployment": _row(
        "runbooks",
        {"roll_back": CLUSTER, "watch": CLUSTER},
        *("rollback_deployment.rolled_back", ROLLED),
        undo={"return": CLUSTER, "watch": CLUSTER},
        undone=f"rollback_deployment.rolled_back {ROLLED}",
    ),
    "rotate_database_password": _row(
        "rotations",
        {
            "enable": CLUSTER,
            "write": CLUSTER,
            "roll_out": CLUSTER,
            "await_quiet": {"admin": WAITS},
            "disable": {"admin": WAITS},
        },
        *(f"rotate_database_password.{what}" for what in ("enabled", "quiet", "shut")),
        ROTATED,
    ),
    "rotate_jwt_secret": _row(
        "rotations",
        {"add": CLUSTER, "sign": CLUSTER, "wait": CLUSTER, "drop": CLUSTER},
        *(f"rotate_jwt_secret.{what}" for what in ("added", "signing_now", "retired")),
        ROTATED,
    ),
    "rotate_metrics_token": _row(
        "rotations",
        {
            "accept": CLUSTER,
            "hand_over": {**CLUSTER, "prometheus": WAITS},
            "forget": {**CLUSTER, "prometheus": WAITS},
        },
        *(f"rotate_metrics_token.{what}" for what in ("accepts_both", "sends_fresh", "forgotten")),
        ROTATED,
    ),
    "rotate_openai_key": _row(
        "rotations",
        {
            "obtain": PROVIDER,
            "test_key": PROVIDER,
            "write": {**CLUSTER, **PROVIDER},
            "roll_out": CLUSTER,
            "await_quiet": {"provider": WAITS},
            "withdraw": {"provider": WAITS},
        },
        *(f"rotate_openai_key.{what}" for what in ("made", "never_used", "withdrawn")),
        ROTATED,
    ),
    "run_billing": _row(
        "invoices",
        {"bill": {"prometheus": ends("error.unavailable.prometheus")}, "release": {}},
        "run_billing.billed",
    ),
    "scale_gpu": _row(
        "runbooks",
        {"scale": CLUSTER, "watch": CLUSTER},
        *("rollout.scaled", ROLLED),
        undo={"scale_back": CLUSTER, "watch": CLUSTER},
        undone=f"rollout.scaled {ROLLED}",
    ),
    "scale_workload": _row(
        "runbooks",
        {"scale": CLUSTER, "watch": CLUSTER},
        *("rollout.scaled", ROLLED),
        undo={"scale_back": CLUSTER, "watch": CLUSTER},
        undone=f"rollout.scaled {ROLLED}",
    ),
    "silence_alert": _row(
        "alerts",
        {"silence": ALERTMANAGER},
        "silence_alert.silenced",
        undo={"end": ALERTMANAGER},
        undone="silence_alert.ended",
    ),
}


def actions_of(family: str) -> list[str]:
    """The actions of a family, by the alphabet."""
    return sorted(name for name, row in ROWS.items() if row.family == family)


class Work(Protocol):
    """Lets a process work on a run, as ``Mortals.work``."""

    def __call__(self, run_id: RunId, barrier: Barrier = always) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A run that is put to the test: who asks for it and approves it, its process, and what it changes.

    ``effect`` is what the world shows of it; equal effects are equal however often a step was taken.
    """

    actor: Actor
    work: Work
    effect: Callable[[], object]
    approver: Actor | None = None

    def confirmed(self, action: str, given: Mapping[str, str]) -> RunbookRun:
        """A run that waits for its process."""
        return self.ready(asking_service.ask(self.actor, wish(action, given)))

    def undo_of(self, done: RunbookRun) -> RunbookRun:
        """The undo of a run, waiting for its process."""
        return self.ready(asking_service.ask_undo(self.actor, done.id, uuid4().hex))

    def ready(self, run: RunbookRun) -> RunbookRun:
        """A run that was asked for, planned, confirmed, and approved where it must be."""
        assert self.work(run.id) == 0
        run = runs.run(self.actor, run.id)
        assert run.state is RunStage.PLANNED, run.outcome
        assert run.plan is not None
        run = runs.confirm(self.actor, run.id, run.plan_hash, run.plan.confirmation)
        return runs.approve(self.approver, run.id, run.plan_hash) if self.approver else run


def survive_every_kill(trial: Trial, action: str, given: Mapping[str, str]) -> RunbookRun:
    """Put an action and its undo to the test: each is killed in every step, and goes on to its end."""
    row = ROWS[action]
    done = _survive_kills(trial, trial.confirmed(action, given), list(row.steps), row.result)
    if row.undo:
        _survive_kills(trial, trial.undo_of(done), list(row.undo), row.undo_result)
    return done


def _survive_kills(trial: Trial, run: RunbookRun, steps: Sequence[str], result: frozenset[str]) -> RunbookRun:
    """Kill the process of a run at both moments of each of its steps, and let it go on to its end.

    After each kill the run's end is true. The effect of a step is the same whether it was taken once or twice.
    """
    events = _events(trial.actor, run)
    effect, finished = trial.effect(), 0
    for step in steps:
        for moment in (Moment.BEGUN, Moment.DONE):
            code = trial.work(run.id, lambda *here, dies=(moment, step): here != dies)
            assert code == KILLED, (step, moment, runs.run(trial.actor, run.id).outcome)
            now = trial.effect()
            assert now == effect or moment is Moment.DONE, (step, moment)
            effect = now
            events += [
                "started",
                *_taken(steps[finished : steps.index(step)]),
                f"step_started {step}",
                "lost",
            ]
            finished = steps.index(step)
            assert_lost(trial, run, steps, finished, events)
            runs.go_on(trial.actor, run.id)
            events.append("continued")
    assert trial.work(run.id) == 0
    assert trial.effect() == effect
    events += ["started", *_taken(steps[finished:]), "succeeded"]
    return assert_succeeded(trial, run, result, events)


def survive_every_kill_between(
    trial: Trial, action: str, given: Mapping[str, str], *, steps: Sequence[str] = ()
) -> RunbookRun:
    """Kill an action before each note that a step makes of what it has done, and let it go on to its end.

    So no change is made twice, forgotten or denied, wherever in a step its process dies. ``steps``: these alone.
    """
    row, run = ROWS[action], trial.confirmed(action, given)
    for step in steps or row.steps:
        number, is_killed = 0, True
        while is_killed:
            number += 1
            is_killed = _is_killed_at_note(trial, run, step, number)
    assert trial.work(run.id) == 0
    done = runs.run(trial.actor, run.id)
    assert done.state is RunStage.SUCCEEDED, done.outcome
    assert {each.key for each in done.result} == row.result
    assert_true_end(trial, done, _events(trial.actor, run))
    return done


def _is_killed_at_note(trial: Trial, run: RunbookRun, step: str, number: int) -> bool:
    """Kill a run at a note of a step, else where that step is done; whether there was such a note."""
    left = [number]

    def at(moment: Moment, here: str) -> bool:
        if here != step or moment is Moment.BEGUN:
            return True
        left[0] -= moment is Moment.NOTED
        return moment is Moment.NOTED and left[0] > 0

    assert trial.work(run.id, at) == KILLED, runs.run(trial.actor, run.id).outcome
    runs.note_gone(RUNNER, runs.run(trial.actor, run.id), GONE)
    lost = runs.run(trial.actor, run.id)
    assert lost.state is RunStage.LOST
    assert_true_end(trial, lost, _events(trial.actor, run))
    runs.go_on(trial.actor, run.id)
    return left[0] == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plague:
    """What makes the next calls of a run's process to a dependency fail in a step, and whether all came by now."""

    strike: Callable[[str, str], None]
    is_over: Callable[[], bool]


def survive_every_plague(trial: Trial, action: str, given: Mapping[str, str], plague: Plague) -> None:
    """Plague what an action and its undo ask when each of their steps begins; the run waits until that is over."""
    done = _survive_plagues(trial, trial.confirmed(action, given), plague)
    if ROWS[action].undo:
        _survive_plagues(trial, trial.undo_of(done), plague)


def _survive_plagues(trial: Trial, run: RunbookRun, plague: Plague) -> RunbookRun:
    row, events = ROWS[run.action], _events(trial.actor, run)
    steps = row.undo if run.undo_of else row.steps

    def at(moment: Moment, step: str) -> bool:
        for dependency in [name for name, fate in steps[step].items() if fate == WAITS]:
            if moment is Moment.BEGUN:
                plague.strike(step, dependency)
            assert moment is not Moment.DONE or plague.is_over(), step
        return True

    assert trial.work(run.id, at) == 0
    result = row.undo_result if run.undo_of else row.result
    return assert_succeeded(trial, run, result, [*events, "started", *_taken(list(steps)), "succeeded"])


def survive_every_crash(
    trial: Trial, action: str, given: Mapping[str, str], crash: Callable[[], None]
) -> None:
    """Let PostgreSQL be dead when each step of an action and its undo begins; the run waits and succeeds."""
    done = _survive_crashes(trial, trial.confirmed(action, given), crash)
    if ROWS[action].undo:
        _survive_crashes(trial, trial.undo_of(done), crash)


def _survive_crashes(trial: Trial, run: RunbookRun, crash: Callable[[], None]) -> RunbookRun:
    row, events = ROWS[run.action], _events(trial.actor, run)
    steps, result = (row.undo, row.undo_result) if run.undo_of else (row.steps, row.result)

    def at(moment: Moment, _step: str) -> bool:
        if moment is Moment.BEGUN:
            crash()
        return True

    assert trial.work(run.id, at) == 0
    return assert_succeeded(trial, run, result, [*events, "started", *_taken(list(steps)), "succeeded"])


Kill = Callable[[str, Way | None], None]
"""Lets a dependency be dead in a way, or alive again."""


def fail_in_every_step(
    trial: Trial, action: str, given: Mapping[str, str], kill: Kill, *, ways: Sequence[Way] = tuple(Way)
) -> None:
    """Let each dependency be dead, in each way, from the beginning of each step that asks it; the undo's, too.

    The run fails with the sentence of the row, and changes nothing in that step. Afterwards the action works.
    """
    row = ROWS[action]
    _fail_in(trial, lambda: trial.confirmed(action, given), row.steps, kill, ways)
    done = trial.confirmed(action, given)
    assert trial.work(done.id) == 0
    assert runs.run(trial.actor, done.id).state is RunStage.SUCCEEDED
    if row.undo:
        _fail_in(trial, lambda: trial.undo_of(done), row.undo, kill, ways)
        undo = trial.undo_of(done)
        assert trial.work(undo.id) == 0
        assert runs.run(trial.actor, undo.id).state is RunStage.SUCCEEDED


def _fail_in(
    trial: Trial, new_run: Callable[[], RunbookRun], steps: Steps, kill: Kill, ways: Sequence[Way]
) -> None:
    cells = [
        (step, dependency, fate.key, way)
        for step, asked in steps.items()
        for dependency, fate in asked.items()
        for way in ways
        if fate != WAITS
    ]
    for step, dependency, key, way in cells:
        run = new_run()
        events = _events(trial.actor, run)
        _fail(trial, run, step, _Death(kill=kill, dependency=dependency, way=way))
        failed = runs.run(trial.actor, run.id)
        # A measuring server that answers with an error page is told apart from one that is away.
        told = f"{key}_not_json" if (dependency, way) == ("prometheus", Way.BROKEN) else key
        assert (failed.state, failed.outcome and failed.outcome.key) == (RunStage.FAILED, told), (step, way)
        taken = _taken(list(steps)[: list(steps).index(step)])
        assert_true_end(trial, failed, [*events, "started", *taken, f"step_started {step}", "failed"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Death:
    kill: Kill
    dependency: str
    way: Way


def _fail(trial: Trial, run: RunbookRun, step: str, death: _Death) -> None:
    seen: list[object] = []

    def at(moment: Moment, here: str) -> bool:
        if (moment, here) == (Moment.BEGUN, step):
            seen.append(trial.effect())
            death.kill(death.dependency, death.way)
        return True

    assert trial.work(run.id, at) == 0
    death.kill(death.dependency, None)
    assert trial.effect() == seen[0], (step, death.way)


def _taken(steps: Sequence[str]) -> list[str]:
    return [f"{what} {step}" for step in steps for what in ("step_started", "step_done")]


def _events(actor: Actor, run: RunbookRun) -> list[str]:
    """What the audit trail tells of a run, the oldest first."""
    found = audit.entries(actor, f"run:{run.id}", limit=1000)
    return [
        " ".join(
            filter(None, (each.event.action.removeprefix("run."), str(each.event.detail.get("step", ""))))
        )
        for each in reversed(found)
    ]


def assert_lost(
    trial: Trial, run: RunbookRun, steps: Sequence[str], finished: int, events: Sequence[str]
) -> None:
    """A run whose process was killed is lost, in words, holds nothing, and tells how far it came."""
    runs.note_gone(RUNNER, runs.run(trial.actor, run.id), GONE)
    lost = runs.run(trial.actor, run.id)
    assert (lost.state, lost.outcome) == (RunStage.LOST, GONE)
    assert [each.state for each in runs.steps(trial.actor, run.id)] == [
        *[StepState.DONE] * finished,
        StepState.FAILED,
        *[StepState.WAITING] * (len(steps) - finished - 1),
    ]
    assert_true_end(trial, lost, events)


def assert_succeeded(
    trial: Trial, run: RunbookRun, result: frozenset[str], events: Sequence[str]
) -> RunbookRun:
    """A run that succeeded tells everything that is different now."""
    done = runs.run(trial.actor, run.id)
    assert done.state is RunStage.SUCCEEDED, done.outcome
    assert {each.key for each in done.result} == result
    assert {each.state for each in runs.steps(trial.actor, run.id)} == {StepState.DONE}
    assert_true_end(trial, done, events)
    return done


def assert_true_end(trial: Trial, run: RunbookRun, events: Sequence[str]) -> None:
    """An ended run holds nothing, speaks both languages, and its log and its audit are whole."""
    assert runs.holders(trial.actor, run.targets) == []
    told = [*run.result, *([run.outcome] if run.outcome else [])]
    for words in told:
        assert all(said(words, lang) != words.key for lang in LANGUAGES), words
    numbers = [line.number for line in runs.lines(trial.actor, run.id)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert _events(trial.actor, run) == list(events)
