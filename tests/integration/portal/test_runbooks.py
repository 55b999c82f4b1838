"""The pages of runbooks: each alert's, for the staff alone, in the reader's language."""

from typing import Any

import pytest

from backend.actor import Role
from backend.errors import Forbidden
from backend.i18n.catalog import text
from portal.features.runbooks.state import RunbooksState, RunbookState, RunbookView
from runbooks import service as runbooks
from tests import factories
from tests.alert_files import alerts
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab


def seen(pipeline: Pipeline, cookie: str, state: type[Any], path: str) -> dict[str, Any]:
    """The vars of a page after it was opened."""

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(f"{state.get_full_name()}.load", cookie=cookie, path=path)

    told: dict[str, Any] = {}
    for delta in pipeline.run(steps):
        told |= delta.get(state.get_full_name(), {})
    return {key.removesuffix("_rx_state_"): value for key, value in told.items()}


def test_the_staff_reads_the_page_of_each_alert_in_its_language(house: House, pipeline: Pipeline) -> None:
    cookie = house.people[Role.AUDITOR].cookie

    rows = seen(pipeline, cookie, RunbooksState, "/runbooks")["view"].rows
    english = seen(pipeline, cookie, RunbookState, rows[0].url)["view"]
    persian = seen(pipeline, cookie.replace("lang=en", "lang=fa"), RunbookState, rows[0].url)["view"]

    assert {row.code for row in rows} >= alerts().keys()
    assert "<h2>Meaning</h2>" in english.html
    assert "<h2>معنا</h2>" in persian.html
    assert persian.name == text(f"alerts.name.{rows[0].code}", "fa")


@pytest.mark.parametrize("name", ["Nothing", "HighLatency.fa", "highlatency", "..", "", "%2e%2e", "High\0"])
def test_a_name_that_is_no_alerts_shows_nothing(house: House, pipeline: Pipeline, name: str) -> None:
    told = seen(pipeline, house.people[Role.OPERATOR].cookie, RunbookState, f"/runbooks/{name}")

    assert told["phase"] == "problem"
    assert told.get("view", RunbookView()) == RunbookView()


def test_a_customer_reads_none() -> None:
    for ask in (lambda actor: runbooks.page(actor, "HighLatency", "en"), runbooks.names):
        with pytest.raises(Forbidden):
            ask(factories.actor(Role.TENANT_ADMIN))
