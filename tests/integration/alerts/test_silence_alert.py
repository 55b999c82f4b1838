"""The runbook that silences an alert: what it covers is seen before, it ends by itself, and undoing ends it at once."""

from collections.abc import Mapping

import pytest

from backend.actor import Actor, Role
from backend.alerts import report_repository, source
from backend.alerts import service as alerts
from backend.alerts.types import SilenceState
from backend.errors import Invalid, Refused
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage, Words
from runbooks import asking_service, engine, offers
from tests import factories
from tests.integration.alerts.conftest import HOSTILE, World
from tests.integration.runbooks.conftest import confirmed, ended, planned, wish
from tests.integration.runbooks.killing import died_at, gone_on, killed, refusal, undone
from tests.waiting import until

NAME = "silence_alert"


@pytest.fixture
def operator(world: World) -> Actor:
    """An operator; two alerts of one name fire, and the Watchdog."""
    world.fire("HighLatency", service="api", job="docuchat")
    world.fire("HighLatency", service="worker")
    world.fire("Watchdog")
    world.reconcile()
    return factories.user(Role.OPERATOR).actor


def given(actor: Actor, service: str = "api", **more: str) -> Mapping[str, str]:
    [found] = [each for each in alerts.can_be_silenced(actor) if each.service == service]
    return {"alert": found.fingerprint, "reason": "a planned restart", **more}


def live(actor: Actor) -> list[str]:
    return [
        each.silence.id for each in alerts.silences(actor) if each.silence.state is not SilenceState.EXPIRED
    ]


def test_the_plan_shows_matchers_end_and_what_is_covered_and_the_run_silences_it_until_it_is_undone(
    operator: Actor, world: World
) -> None:
    run = planned(operator, wish(NAME, given(operator, length="2h")))
    assert run.plan is not None
    assert [each.after for each in run.plan.changes] == [
        'alertname="HighLatency"',
        'service="api"',
        'job="docuchat"',
    ]
    assert [note.values["alerts"] for note in run.plan.notes if "alerts" in note.values] == [1]

    runs.confirm(operator, run.id, run.plan_hash)
    assert engine.work_on(run.id) is RunStage.SUCCEEDED
    [silence_id] = live(operator)
    made = alerts.silence_named(operator, silence_id)
    assert (made.created_by, made.comment) == (operator.name, "a planned restart")
    until(lambda: world.reconcile() and alerts.board(operator).muted == 1)

    assert undone(operator, run.id).state is RunStage.SUCCEEDED
    assert live(operator) == []
    again = asking_service.ask_undo(operator, run.id, "again")
    assert engine.work_on(again.id) is RunStage.FAILED
    assert runs.run(operator, again.id).outcome == Words(
        key="error.refused.silence_alert_over", values={"reason": "silence_alert_over"}
    )


def test_all_alerts_of_a_name_are_silenced_where_that_is_asked_for(operator: Actor, world: World) -> None:
    run = ended(operator, wish(NAME, given(operator, scope="name")), typed="")

    assert run.state is RunStage.SUCCEEDED
    until(lambda: world.reconcile() and alerts.board(operator).muted == 2)


def test_an_alert_that_begins_later_is_not_silenced_with_another_of_its_name(
    operator: Actor, world: World
) -> None:
    world.fire("JobFailing", service="jobs", name="send_mail")
    world.reconcile()
    assert ended(operator, wish(NAME, given(operator, "jobs")), typed="").state is RunStage.SUCCEEDED
    until(lambda: world.reconcile() and alerts.board(operator).muted == 1)

    world.fire("JobFailing", service="jobs", name="nightly_backup")
    world.reconcile()

    muted = {
        alert.labels["name"]: alert.muting.is_muted
        for group in alerts.board(operator).groups
        for alert in group.alerts
        if alert.name == "JobFailing"
    }
    assert muted == {"send_mail": True, "nightly_backup": False}


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_goes_on_and_leaves_one_silence(
    operator: Actor, world: World, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    mend = died_at(monkeypatch, source, "put_silence", after=after)
    lost = killed(operator, NAME, given(operator))
    mend()

    done = gone_on(operator, lost.id)

    assert done.state is RunStage.SUCCEEDED
    world.reconcile()
    assert live(operator) == [done.memory["silence"]]


def test_without_alertmanager_the_run_ends_in_its_words_and_nothing_is_stored(
    operator: Actor, world: World
) -> None:
    run = confirmed(operator, wish(NAME, given(operator)), typed="")
    for server in world.servers:
        server.stop()

    assert engine.work_on(run.id) is RunStage.FAILED
    outcome = runs.run(operator, run.id).outcome
    assert outcome is not None
    assert outcome.key == "error.unavailable.alertmanager"
    assert live(operator) == []


def test_an_equal_silence_is_not_made_a_second_time(operator: Actor) -> None:
    ended(operator, wish(NAME, given(operator)), typed="")

    assert refusal(operator, NAME, given(operator)) == "error.conflict.silence_exists"


@pytest.mark.parametrize(
    "wrong",
    [
        {"alert": "0123456789abcdef"},
        {"alert": HOSTILE},
        {"scope": "everything"},
        {"length": "forever"},
        {"reason": ""},
        {"reason": "x" * 201},
    ],
)
def test_what_is_not_offered_or_does_not_fit_is_refused_at_once(
    operator: Actor, wrong: Mapping[str, str]
) -> None:
    with pytest.raises(Invalid):
        asking_service.ask(operator, wish(NAME, {**given(operator), **wrong}))


def test_the_watchdog_is_neither_offered_nor_silenced(operator: Actor) -> None:
    [watchdog] = [each for each in report_repository.firing_now() if each.name == "Watchdog"]

    with pytest.raises(Invalid):
        asking_service.ask(operator, wish(NAME, {**given(operator), "alert": watchdog.fingerprint}))
    with pytest.raises(Refused):
        alerts.matchers_of(engine.RUNNER, watchdog.fingerprint, is_wide=False)


def test_an_alert_offers_its_own_silence(operator: Actor) -> None:
    [firing] = [each for each in alerts.can_be_silenced(operator) if each.service == "api"]

    *_, offer = offers.offers(firing.name, firing.labels, fingerprint=firing.fingerprint)

    form = asking_service.form(operator, offer.action, offer.fields)
    assert {field.name: field.value for field in form.fields}["alert"] == firing.fingerprint
