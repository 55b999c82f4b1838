"""Staff see what fires, what fired, and whether anybody watches; hostile labels are text and nothing else."""

from datetime import timedelta

import pytest

from backend import clock
from backend.actor import Role
from portal import routes
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
    assert "Many errors in \u2068docuchat\u2069 for" in plain
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
