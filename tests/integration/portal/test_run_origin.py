"""A run that began from an alert: offered there with its fields filled, and told whether that alert resolved since."""

from datetime import timedelta
from typing import Any

import pytest

from backend import clock
from backend.actor import Role
from backend.alerts import service as alerts
from backend.i18n.catalog import LANGUAGES
from backend.runbooks.types import RunStage
from portal import routes
from portal.features.alerts.detail_state import AlertState
from portal.features.runbooks import form_queries, run_queries
from portal.features.runbooks.form_queries import FilledForm
from portal.features.runbooks.form_rows import to_form
from portal.features.runbooks.run_rows import RunView
from runbooks import asking_service, engine
from runbooks.wording import action_name
from tests.integration.alerts.conftest import World, alertmanagers, inbox
from tests.integration.alerts.conftest import world as alert_world
from tests.integration.portal.conftest import House, Pipeline, Tab
from tests.integration.runbooks.conftest import MakeAction, make_action, world

__all__ = ["alert_world", "alertmanagers", "inbox", "make_action", "world"]

LABELS = {"service": "jobs", "severity": "warning", "name": "send_mail"}
NAME = AlertState.get_full_name()


@pytest.fixture
def fingerprint(house: House, alert_world: World) -> str:
    """An alert that fires, and can be helped by pausing a job."""
    alert_world.fire("JobFailing", **LABELS)
    alert_world.reconcile()
    [group] = alerts.board(house.people[Role.AUDITOR].actor).groups
    return group.alerts[0].fingerprint


def offered(pipeline: Pipeline, cookie: str, fingerprint: str) -> list[Any]:
    """The actions that the alert's page offers."""

    async def steps(tab: Tab) -> Any:
        await tab.open(cookie=cookie)
        return await tab.send(f"{NAME}.load", cookie=cookie, path=routes.alert(fingerprint))

    views = [delta[NAME] for delta in pipeline.run(steps) if NAME in delta]
    return next(each["view_rx_state_"].actions for each in reversed(views) if "view_rx_state_" in each)


def test_an_alert_offers_its_actions_with_fields_filled_to_whoever_may_act(
    house: House, pipeline: Pipeline, fingerprint: str
) -> None:
    links = offered(pipeline, house.people[Role.OPERATOR].cookie, fingerprint)

    assert [(link.title, link.url) for link in links] == [
        ("Pause a job", f"/runbooks/run/pause_job?job=send_mail&from_alert={fingerprint}"),
        ("Silence an alert", f"/runbooks/run/silence_alert?alert={fingerprint}&from_alert={fingerprint}"),
    ]
    assert offered(pipeline, house.people[Role.AUDITOR].cookie, fingerprint) == []


def test_the_page_of_a_run_tells_whether_the_alert_that_it_began_from_resolved_and_when(
    house: House,
    alert_world: World,
    fingerprint: str,
    make_action: MakeAction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_action()
    operator = house.people[Role.OPERATOR].actor
    filled = FilledForm(action="change_thing", given={}, key="one", alert=fingerprint)
    run = form_queries.ask(operator, filled, "en")
    assert not isinstance(run, str)

    def seen() -> RunView:
        return run_queries.run_view(operator, str(run.id), "en")

    assert run.origin["alert"] == "JobFailing"
    assert engine.work_on(run.id) is RunStage.PLANNED
    engine.runs.confirm(operator, run.id, seen().plan.key, "one")
    assert engine.work_on(run.id) is RunStage.SUCCEEDED
    firing = seen()
    later = clock.utc_now() + timedelta(minutes=5)
    monkeypatch.setattr(clock, "utc_now", lambda: later)
    alert_world.resolve("JobFailing", **LABELS)
    alert_world.reconcile()
    resolved = seen()

    assert (firing.origin, firing.origin_said) == ("A job fails", "The alert still fires.")
    assert firing.origin_url == routes.alert(fingerprint)
    assert resolved.origin_said.startswith("The alert resolved at "), resolved.origin_said
    assert resolved.origin_tone == "ok"


def test_only_a_run_that_waits_has_a_time_limit(house: House, make_action: MakeAction) -> None:
    make_action()
    operator = house.people[Role.OPERATOR].actor
    run = form_queries.ask(operator, FilledForm(action="change_thing", given={}, key="one"), "en")
    assert not isinstance(run, str)
    engine.work_on(run.id)
    waiting = run_queries.run_view(operator, str(run.id), "en")

    engine.runs.cancel(operator, run.id)

    cancelled = run_queries.run_view(operator, str(run.id), "en")
    assert (cancelled.state, bool(waiting.until), cancelled.until) == ("Cancelled", True, "")


def test_a_form_that_cannot_be_filled_stays_a_form_that_says_why(house: House) -> None:
    """Here no cluster is set, so there is no snapshot to choose."""
    operator = house.people[Role.OPERATOR].actor

    for lang in LANGUAGES:
        shown = to_form(asking_service.form(operator, "restore_from_snapshot", {}), {}, lang)

        assert (shown.title, shown.is_blocked) == (action_name("restore_from_snapshot", lang), True)
        assert "KUBECONFIG" in shown.obstacles[0].sentence
        assert shown.steps
