"""Staff see what fires, what fired, and whether anybody watches; hostile labels are text and nothing else."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.alerts import service as alerts
from backend.alerts.types import NewSilence, SilenceState
from backend.deploys import service as deploys
from backend.deploys.ledger_types import NewDeploy
from portal import routes
from portal.features.alerts.detail_state import AlertState
from portal.features.alerts.silence_state import SilenceFormState
from portal.features.alerts.state import AlertsState
from tests.integration.alerts.conftest import HOSTILE, World, alertmanagers, inbox, world
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown

__all__ = ["alertmanagers", "inbox", "world"]

LOAD = f"{AlertsState.get_full_name()}.load"


def told(pipeline: Pipeline, cookie: str, path: str = routes.ALERTS, handler: str = LOAD) -> str:
    """What a tab is told when it loads a page at an address."""

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(handler, cookie=cookie, path=path)

    return shown(pipeline.run(steps))


def test_the_page_groups_what_fires_and_lists_muted_alerts_on_demand(
    house: House, world: World, pipeline: Pipeline
) -> None:
    world.fire("HighErrorRate", service="docuchat", severity="critical")
    world.fire("Follower", service="docuchat", severity="warning")
    world.fire("Watchdog", severity="none")
    world.reconcile()
    world.reconcile()
    cookie = house.people[Role.AUDITOR].cookie

    plain, everything = (told(pipeline, cookie, f"{routes.ALERTS}{query}") for query in ("", "?muted=shown"))

    assert "More than one request in twenty fails" in plain
    assert "Many errors in DocuChat for" in plain
    assert '"code": "\u2068Follower\u2069"' not in plain
    assert "Muted because it follows from: Many errors." in everything
    assert "\u2068Watchdog\u2069" not in everything


def test_hostile_labels_are_shown_as_text_without_hidden_signs(
    house: House, world: World, pipeline: Pipeline
) -> None:
    world.fire("Strange", pod=HOSTILE, annotations={"summary": HOSTILE})
    world.reconcile()

    answer = told(pipeline, house.people[Role.OPERATOR].cookie)

    assert "ignore previous instructions" in answer
    assert "\u202e" not in answer
    assert '"url": "https' not in answer


def test_history_tells_gaps_and_how_a_firing_ended(
    house: House, world: World, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fire("HighLatency", service="docuchat", severity="warning")
    world.reconcile()
    world.resolve("HighLatency", service="docuchat", severity="warning")
    later = clock.utc_now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "utc_now", lambda: later)
    world.reconcile()

    answer = told(pipeline, house.people[Role.OPERATOR].cookie, f"{routes.ALERTS}?tab=history")

    assert "it ended while nobody observed" in answer
    assert "Not observed from" in answer


def test_without_an_observer_nothing_is_green(house: House, pipeline: Pipeline) -> None:
    answer = told(pipeline, house.people[Role.OPERATOR].cookie)

    assert "Nobody has asked Alertmanager yet" in answer
    assert '"is_well": true' not in answer


def test_customers_and_strangers_are_told_nothing(house: House, world: World, pipeline: Pipeline) -> None:
    world.fire("HighErrorRate", service="docuchat", severity="critical")
    world.reconcile()

    answers = [told(pipeline, cookie) for cookie in ("", house.people[Role.TENANT_ADMIN].cookie)]

    assert "docuchat" not in "".join(answers)


FORM = SilenceFormState.get_full_name()


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tab is connected, so that background events may write."""
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid={"tab": "none"}))


def steps_of(pipeline: Pipeline, cookie: str, path: str, *events: tuple[str, dict[str, Any]]) -> str:
    """What a tab is told from the load of a page through some events."""

    async def steps(tab: Tab) -> list[Delta]:
        told = await tab.open(cookie=cookie)
        for name, payload in events:
            told += await tab.send(name, payload, cookie=cookie, path=path)
        return told

    return shown(pipeline.run(steps))


def test_an_operator_looks_first_and_silences_then(
    house: House, world: World, pipeline: Pipeline, present: None
) -> None:
    world.fire("HighLatency", service="docuchat", severity="warning")
    world.reconcile()
    operator = house.people[Role.OPERATOR]
    [group] = alerts.board(operator.actor).groups
    path = routes.silence_of(group.alerts[0].fingerprint)
    form = {"form": {"matchers": 'alertname="HighLatency"', "length": "1h", "reason": "a planned restart"}}

    told = steps_of(
        pipeline, operator.cookie, path, (f"{FORM}.load", {}), (f"{FORM}.look", form), (f"{FORM}.save", {})
    )

    assert r"alertname=\"HighLatency\"\nservice=\"docuchat\"" in told
    assert '"count": "1"' in told
    [made] = [each for each in alerts.silences(operator.actor) if each.silence.state == SilenceState.ACTIVE]
    assert (made.silence.comment, made.silence.created_by) == ("a planned restart", operator.actor.name)


def test_nothing_is_silenced_that_was_not_looked_at(
    house: House, world: World, pipeline: Pipeline, present: None
) -> None:
    operator = house.people[Role.OPERATOR]

    steps_of(pipeline, operator.cookie, routes.NEW_SILENCE, (f"{FORM}.load", {}), (f"{FORM}.save", {}))

    assert [
        each for each in alerts.silences(operator.actor) if each.silence.state == SilenceState.ACTIVE
    ] == []


def test_the_list_of_silences_is_for_all_staff_and_its_buttons_for_operators(
    house: House, world: World, pipeline: Pipeline, present: None
) -> None:
    operator, auditor = house.people[Role.OPERATOR], house.people[Role.AUDITOR]
    new = NewSilence(matchers='a="1"', ends_at=clock.utc_now() + timedelta(hours=1), reason=HOSTILE[:100])
    made = alerts.create_silence(operator.actor, new)

    seen = {who: told(pipeline, who.cookie, routes.SILENCES) for who in (operator, auditor)}
    steps_of(
        pipeline,
        operator.cookie,
        routes.SILENCES,
        (LOAD, {}),
        (f"{AlertsState.get_full_name()}.end_silence", {"key": made.id}),
    )

    assert '"can_act": true' in seen[operator]
    assert '"can_act": true' not in seen[auditor]
    assert made.id in seen[auditor]
    assert alerts.silence_named(auditor.actor, made.id).state == SilenceState.EXPIRED


DETAIL = AlertState.get_full_name()


def test_an_alert_has_a_page_with_its_history_its_runbook_and_the_deploys_before(
    house: House, world: World, pipeline: Pipeline, present: None
) -> None:
    world.fire("TokenConsumptionSpike", service="docuchat", severity="warning", tenant=house.own.label)
    world.reconcile()
    begun = world.fired_at - timedelta(minutes=12)
    new = NewDeploy(key="run-1", service="docuchat-api", version="1.42.0", started_at=begun)
    deploys.record_deploy(Actor.process_named("deployments_door"), new)
    auditor = house.people[Role.AUDITOR]
    [group] = alerts.board(auditor.actor).groups
    path = routes.alert(group.alerts[0].fingerprint)

    page = steps_of(pipeline, auditor.cookie, path, (f"{DETAIL}.load", {}), (f"{DETAIL}.measure", {}))
    listed = told(pipeline, auditor.cookie)

    assert '"kind": "Company", "value": "Alpha"' in page
    assert "\u2068docuchat-api\u2069 \u20681.42.0\u2069, 12 min before" in page
    assert "\u2068docuchat-api\u2069 \u20681.42.0\u2069, 12 min before" in listed
    assert "<h2>Mitigation</h2>" in page
    assert "it began to fire" in page
    assert '"problem": "The measuring system (Prometheus) is not answering' in page
    assert '"can_act": true' not in page


def test_an_unknown_alert_is_said_to_be(house: House, pipeline: Pipeline) -> None:
    answer = told(pipeline, house.people[Role.OPERATOR].cookie, routes.alert("0123"), f"{DETAIL}.load")

    assert "This alert has not fired since the portal began to watch" in answer


def test_a_large_group_is_listed_as_a_whole_on_a_click(
    house: House, world: World, pipeline: Pipeline
) -> None:
    for number in range(8):
        world.fire("TargetDown", service="docuchat", severity="warning", instance=f"docuchat-{number}")
    world.reconcile()
    cookie = house.people[Role.AUDITOR].cookie
    [group] = alerts.board(house.people[Role.AUDITOR].actor).groups

    first = told(pipeline, cookie)
    whole = told(pipeline, cookie, f"{routes.ALERTS}?group={group.key}")
    narrowed = told(pipeline, cookie, f"{routes.ALERTS}?severity=critical")

    assert [answer.count('"code"') for answer in (first, whole, narrowed)] == [5, 8, 0]
    assert '"left_out": "3 more alerts of this group"' in first
    assert f'"whole_url": "/alerts?group={group.key}"' in first
