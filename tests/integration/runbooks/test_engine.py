"""A run from the question to its end, and what never happens on the way."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from backend import clock
from backend.accounts import service as accounts
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.db.engine import read, transaction
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable
from backend.i18n.catalog import Lang
from backend.runbooks import service as runs
from backend.runbooks.models import RunbookRunRow
from backend.runbooks.types import Risk, RunId, RunSearch, RunStage, StepState, Words
from runbooks import asking_service, database_servers, engine
from runbooks.action import Step
from runbooks.context import Running
from tests import factories
from tests.integration.runbooks.conftest import Given, MakeAction, World, confirmed, ended, planned, wish


def test_a_confirmed_plan_is_carried_out_step_by_step_and_every_step_is_in_the_audit(
    operator: Actor, make_action: MakeAction, world: World
) -> None:
    make_action()

    run = ended(operator)

    assert (run.state, world.value) == (RunStage.SUCCEEDED, "new")
    assert [step.state for step in runs.steps(operator, run.id)] == [StepState.DONE]
    assert next(line.text for line in runs.lines(operator, run.id)) == "written"
    told = [entry.event.action for entry in audit.entries(operator, f"run:{run.id}")]
    assert told[::-1] == [
        *("run.asked", "run.planned", "run.confirmed", "run.started"),
        *("run.step_started", "run.step_done", "run.succeeded"),
    ]
    assert runs.holders(operator, run.targets) == []


def test_asking_twice_with_the_same_key_asks_once(operator: Actor, make_action: MakeAction) -> None:
    make_action()
    wanted = wish()

    assert asking_service.ask(operator, wanted).id == asking_service.ask(operator, wanted).id


@pytest.mark.parametrize("action", ["", "another_thing"])
def test_a_run_repeats_only_a_run_of_its_own_action_that_there_is(
    action: str, operator: Actor, make_action: MakeAction
) -> None:
    make_action(name="another_thing")
    make_action()
    unknown = RunId(uuid4())
    other = asking_service.ask(operator, wish(action)).id if action else unknown

    with pytest.raises(NotFound):
        asking_service.ask(operator, replace(wish(), repeat_of=other))


def test_what_changes_between_confirmation_and_run_stops_the_run_and_nothing_is_changed(
    operator: Actor, make_action: MakeAction, world: World
) -> None:
    make_action()
    run = confirmed(operator)
    world.value = "moved"

    assert engine.work_on(run.id) is RunStage.FAILED

    outcome = runs.run(operator, run.id).outcome
    assert outcome is not None
    assert outcome.key == "error.refused.run_plan_differs"
    assert world.value == "moved"
    assert {step.state for step in runs.steps(operator, run.id)} == {StepState.WAITING}


def test_a_confirmation_names_the_plan_that_was_shown_and_types_the_target(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action(Risk.DESTRUCTIVE)
    run = planned(operator)

    with pytest.raises(Conflict):
        runs.confirm(operator, run.id, "another", "one")
    with pytest.raises(Invalid):
        runs.confirm(operator, run.id, run.plan_hash, "two")

    assert runs.run(operator, run.id).state is RunStage.PLANNED


def test_a_dangerous_run_waits_for_another_approver_who_is_told_by_mail(
    operator: Actor, approver: Actor, make_action: MakeAction
) -> None:
    make_action(Risk.DANGEROUS)
    run = confirmed(operator)
    assert (run.state, engine.work_on(run.id)) == (RunStage.WAITING, None)

    approved = runs.approve(approver, run.id, run.plan_hash)

    assert (approved.state, approved.approver) == (RunStage.QUEUED, approver.label)
    assert engine.work_on(run.id) is RunStage.SUCCEEDED
    with transaction() as connection:
        recipients = connection.scalars(
            text("SELECT recipient FROM outbox_mail WHERE template = 'run_waiting'")
        )
        assert recipients.all() == [approver.name]


@pytest.mark.parametrize(
    ("lang", "action", "targets"),
    [
        ("fa", "بازیابی پایگاه داده", "صدور صورت‌حساب، پایگاه داده \u2066docuchat\u2069"),
        ("en", "Restore the database", "Billing, Database docuchat"),
    ],
)
def test_the_mail_to_an_approver_names_the_action_and_its_targets_in_the_readers_language(
    operator: Actor, make_action: MakeAction, lang: Lang, action: str, targets: str
) -> None:
    factories.user(Role.APPROVER, language=lang)
    make_action(Risk.DANGEROUS, name="restore_database", targets=lambda _given: ("db:docuchat", "billing"))

    confirmed(operator, wish("restore_database"))

    with transaction() as connection:
        told = connection.execute(
            text("SELECT language, params FROM outbox_mail WHERE template = 'run_waiting'")
        ).one()
    assert told.language == lang
    assert (told.params["action"], told.params["targets"]) == (action, targets)


def test_nobody_approves_the_own_run_nor_with_a_disabled_account_nor_another_plan(
    approver: Actor, make_action: MakeAction
) -> None:
    make_action(Risk.DANGEROUS)
    disabled = factories.user(Role.APPROVER).actor
    other = factories.user(Role.APPROVER).actor
    assert disabled.user_id is not None
    accounts.disable_user(factories.PROCESS, disabled.user_id)
    run = confirmed(approver)

    for actor in (
        approver,
        disabled,
        factories.user(Role.OPERATOR).actor,
        factories.user(Role.AUDITOR).actor,
    ):
        with pytest.raises(Forbidden):
            runs.approve(actor, run.id, run.plan_hash)
    with pytest.raises(Conflict):
        runs.approve(other, run.id, "another plan")

    assert runs.run(approver, run.id).state is RunStage.WAITING


def test_the_database_itself_refuses_a_dangerous_run_without_another_persons_approval(
    approver: Actor, make_action: MakeAction
) -> None:
    make_action(Risk.DANGEROUS)
    run = confirmed(approver)
    now = clock.utc_now()
    by_hand = update(RunbookRunRow).where(RunbookRunRow.id == run.id)

    for values in (
        {"state": "running"},
        {"state": "queued", "approver_id": approver.user_id, "approved_at": now},
    ):
        with pytest.raises(IntegrityError), transaction() as connection:
            connection.execute(by_hand.values(**values))


def test_a_target_is_one_runs_at_a_time_and_the_refusal_names_the_holder(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    first = confirmed(operator)
    second = planned(operator)

    with pytest.raises(Conflict) as refused:
        runs.confirm(operator, second.id, second.plan_hash, "one")

    assert refused.value.data["holder"] == operator.label
    assert engine.work_on(first.id) is RunStage.SUCCEEDED
    fresh = planned(operator)
    assert runs.confirm(operator, fresh.id, fresh.plan_hash, "one").state is RunStage.QUEUED


def test_waiting_for_approval_holds_no_lock_and_is_cancelled_at_once(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action(Risk.DANGEROUS)
    run = confirmed(operator)
    assert runs.holders(operator, run.targets) == []

    assert runs.cancel(operator, run.id).state is RunStage.CANCELLED


def test_a_failing_step_ends_the_run_in_the_words_of_its_error(
    operator: Actor, make_action: MakeAction
) -> None:
    def fail(_running: Running, _given: Given) -> None:
        raise Conflict(reason="job_paused")

    make_action(steps=(Step(name="fail", run=fail),))

    run = ended(operator)

    assert run.state is RunStage.FAILED
    assert run.outcome is not None
    assert run.outcome.key == "error.conflict.job_paused"
    assert runs.holders(operator, run.targets) == []


def test_an_undo_is_a_run_of_its_own_that_reads_what_the_first_remembered(
    operator: Actor, make_action: MakeAction, world: World
) -> None:
    make_action()
    done = ended(operator)

    undo = asking_service.ask_undo(operator, done.id, "undo-1")
    engine.work_on(undo.id)
    plan = runs.run(operator, undo.id)
    runs.confirm(operator, undo.id, plan.plan_hash)

    assert engine.work_on(undo.id) is RunStage.SUCCEEDED
    assert world.value == "old"


def test_a_second_process_adopts_the_run_and_does_nothing(operator: Actor, make_action: MakeAction) -> None:
    seen: list[object] = []

    def start_another(running: Running, _given: Given) -> None:
        seen.append(engine.work_on(running.run.id))

    make_action(steps=(Step(name="write", run=start_another),))

    assert ended(operator).state is RunStage.SUCCEEDED
    assert seen == [None]


@pytest.mark.parametrize(
    ("why", "state"), [("process_gone", RunStage.CANCELLED), ("process_unseen", RunStage.LOST)]
)
def test_a_run_is_cancelled_only_when_its_process_is_proven_gone(
    why: str, state: RunStage, operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    run = confirmed(operator)
    runs.take_up(engine.RUNNER, run.id, "elsewhere:1:1.00")
    cancelling = runs.cancel(operator, run.id)
    assert cancelling.state is RunStage.CANCELLING

    ended_run = runs.note_gone(engine.RUNNER, cancelling, Words(key=f"runbooks.outcome.{why}"))

    assert ended_run is not None
    assert ended_run.state is state


def be_evicted(running: Running, _given: Given) -> None:
    running.cancelled.set()
    running.check()


def test_a_run_that_was_told_to_end_and_had_nothing_to_mend_is_lost_and_may_go_on(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action(steps=(Step(name="write", run=be_evicted),))
    stopped = ended(operator)

    gone = runs.note_gone(engine.RUNNER, stopped, Words(key="runbooks.outcome.process_gone"))

    assert gone is not None
    assert gone.state is RunStage.LOST
    assert runs.go_on(operator, gone.id).state is RunStage.QUEUED


def tidy_when_evicted(running: Running, _given: Given) -> None:
    running.cancelled.set()
    try:
        running.check_and_tidy()
    finally:
        assert runs.is_mending(engine.RUNNER, running.run.id)


def test_a_run_that_takes_away_what_is_half_done_is_not_ended_meanwhile_and_may_go_on(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action(steps=(Step(name="write", run=tidy_when_evicted),))
    stopped = ended(operator)
    assert stopped.stopped_at is not None

    gone = runs.note_gone(engine.RUNNER, stopped, Words(key="runbooks.outcome.process_gone"))

    assert gone is not None
    assert gone.state is RunStage.LOST


def test_a_step_that_is_taken_again_after_it_had_put_back_its_change_can_be_cancelled_as_before(
    operator: Actor, make_action: MakeAction
) -> None:
    tries: list[bool] = []

    def put_back(running: Running, _given: Given) -> None:
        tries.append(running.may_be_cancelled)
        if len(tries) == 1:
            with running.mending(goes_on_after=True):
                assert not running.may_be_cancelled
            raise Unavailable(service="database")

    make_action(steps=(Step(name="write", run=put_back),))

    assert ended(operator).state is RunStage.SUCCEEDED
    assert tries == [True, True]


def test_a_run_that_is_late_has_time_of_its_own_to_take_away_what_it_made(
    operator: Actor, make_action: MakeAction
) -> None:
    asked: list[str] = []

    def be_late(running: Running, _given: Given) -> None:
        running.until = 0.0
        running.check()

    def away_once() -> None:
        asked.append("delete")
        if len(asked) == 1:
            raise Unavailable(service="kubernetes")

    make_action(
        steps=(Step(name="write", run=be_late),),
        clean_up=lambda running, _given: database_servers.cluster_patiently(running, away_once),
    )
    late = ended(operator)

    assert asked == ["delete", "delete"]
    assert late.outcome is not None
    assert (late.state, late.outcome.key) == (RunStage.FAILED, "runbooks.outcome.deadline")


@pytest.mark.parametrize("why", ["process_gone", "process_unseen"])
def test_a_run_that_was_told_to_end_and_mended_what_it_must_has_failed_and_cannot_go_on(
    why: str, operator: Actor, make_action: MakeAction
) -> None:
    make_action(steps=(Step(name="write", run=be_evicted),), clean_up=lambda _running, _given: None)
    stopped = ended(operator)
    assert (stopped.state, stopped.stopped_at is not None) == (RunStage.RUNNING, True)

    gone = runs.note_gone(engine.RUNNER, stopped, Words(key=f"runbooks.outcome.{why}"))

    assert gone is not None
    assert gone.state is RunStage.FAILED
    assert gone.outcome == Words(key="runbooks.outcome.told_to_end")
    with pytest.raises(Conflict):
        runs.go_on(operator, gone.id)


def test_a_plan_that_nobody_confirms_and_a_run_that_nobody_approves_lapse(
    operator: Actor, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_action(Risk.DANGEROUS)
    planned(operator)
    confirmed(operator)
    later = clock.utc_now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "utc_now", lambda: later)

    assert runs.expire(engine.RUNNER) == 2


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.TENANT_VIEWER, Role.AUDITOR])
def test_only_operators_ask_for_runs(role: Role, operator: Actor, make_action: MakeAction) -> None:
    make_action()
    run = planned(operator)
    other = factories.user(role).actor

    for act in (
        lambda: asking_service.ask(other, wish()),
        lambda: runs.confirm(other, run.id, run.plan_hash, "one"),
        lambda: runs.cancel(other, run.id),
        lambda: runs.approve(other, run.id, run.plan_hash),
    ):
        with pytest.raises(AppError):
            act()
    assert runs.run(operator, run.id).state is RunStage.PLANNED


def test_a_scheduled_run_is_enqueued_once_and_plans_and_runs_by_itself(
    operator: Actor, make_action: MakeAction, world: World
) -> None:
    make_action()
    at = clock.utc_now()

    first = asking_service.ask_scheduled(engine.RUNNER, "change_thing", {}, at)
    second = asking_service.ask_scheduled(engine.RUNNER, "change_thing", {}, at)

    assert first.id == second.id
    assert engine.work_on(first.id) is RunStage.SUCCEEDED
    assert world.value == "new"
    assert runs.run(operator, first.id).requester == "process:runbooks"


@pytest.mark.parametrize("risk", [Risk.DISRUPTIVE, Risk.DESTRUCTIVE, Risk.DANGEROUS])
def test_no_schedule_starts_what_can_hurt(risk: Risk, operator: Actor, make_action: MakeAction) -> None:
    make_action(risk)

    with pytest.raises(Forbidden):
        asking_service.ask_scheduled(engine.RUNNER, "change_thing", {}, clock.utc_now())

    assert runs.search(operator, RunSearch()).rows == ()


def test_what_needs_time_to_have_an_effect_is_not_done_again_at_once(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action(cool_down_s=600)
    ended(operator)

    with pytest.raises(Conflict) as refused:
        asking_service.ask(operator, wish())

    assert refused.value.data["reason"] == "run_cool_down"
    assert asking_service.obstacles(operator, "change_thing", {}).cool_down_until is not None
    assert asking_service.obstacles(operator, "change_thing", {"target": "two"}).is_clear


def test_a_held_target_is_an_obstacle_with_its_holder(operator: Actor, make_action: MakeAction) -> None:
    make_action()
    run = confirmed(operator)

    holders = asking_service.obstacles(operator, "change_thing", {}).holders

    assert [(holder.run_id, holder.requester) for holder in holders] == [(run.id, operator.label)]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"target": "x" * 501}, id="too long"),
        pytest.param({"another": "one"}, id="unknown field"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_stored(
    given: dict[str, str], operator: Actor, make_action: MakeAction
) -> None:
    make_action()

    with pytest.raises(Invalid):
        asking_service.ask(operator, wish(given=given))

    assert runs.search(operator, RunSearch()).total == 0


def test_a_secret_that_a_step_prints_is_in_no_line_of_the_log(
    operator: Actor, make_action: MakeAction
) -> None:
    def leak(running: Running, _given: Given) -> None:
        secret = running.secret("Tr0ub4dor&3-canary")
        running.output(f"password={secret}")
        running.log("error.conflict.run_locked", holder=secret, target=f"db:{secret}")
        raise Refused(reason="runner_not_started", words=secret)

    make_action(steps=(Step(name="leak", run=leak),))

    run = ended(operator)

    with read() as connection:
        dump = connection.scalars(text("SELECT run::text FROM runbook_run run")).all()
    told = [line.text for line in runs.lines(operator, run.id)] + list(dump)
    assert len(told) == 4
    assert not any("canary" in each for each in told)


def test_a_process_that_is_gone_ends_no_run_that_has_another_by_now(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    asked = asking_service.ask(operator, wish())
    runs.claim(engine.RUNNER, asked.id)
    runs.note_process(engine.RUNNER, asked.id, "here:1:0")
    seen = runs.run(operator, asked.id)
    engine.work_on(asked.id)
    planned_run = runs.run(operator, asked.id)
    runs.confirm(operator, asked.id, planned_run.plan_hash, "one")
    runs.claim(engine.RUNNER, asked.id)
    runs.note_process(engine.RUNNER, asked.id, "here:2:0")

    assert runs.note_gone(engine.RUNNER, seen, Words(key="runbooks.outcome.process_gone")) is None

    assert runs.run(operator, asked.id).state is RunStage.QUEUED
