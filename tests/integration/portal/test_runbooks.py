"""The pages of runbooks: each alert's, for the staff alone, in the reader's language."""

from typing import Any

import pytest

from backend.actor import Role
from backend.errors import Forbidden
from backend.i18n.catalog import text
from portal import routes
from portal.features.runbooks.state import RunbooksState, RunbookState, RunbookView
from runbooks import registry
from runbooks import service as runbooks
from runbooks.types import PROCEDURES
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

    assert {row.code for row in rows} == alerts().keys() | set(PROCEDURES)
    assert {row.url for row in seen(pipeline, cookie, RunbooksState, "/runbooks")["view"].actions} == {
        routes.action(name) for name in registry.actions()
    }
    assert "<h2>Meaning</h2>" in english.html
    assert "<h2>معنا</h2>" in persian.html
    assert persian.name == text(f"alerts.name.{rows[0].code}", "fa")


def test_the_page_of_an_action_leads_to_its_form_and_that_of_a_procedure_to_none(
    house: House, pipeline: Pipeline
) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    action = seen(pipeline, cookie, RunbookState, "/runbooks/run_billing")["view"]
    procedure = seen(pipeline, cookie, RunbookState, "/runbooks/recovery-db")["view"]

    assert (action.name, action.start_url) == (
        text("runbooks.action.run_billing.name", "en"),
        routes.action("run_billing"),
    )
    assert (procedure.name, procedure.start_url) == (text("runbooks.page.recovery-db.name", "en"), "")
    assert "pg_restore" in procedure.html


@pytest.mark.parametrize("name", ["Nothing", "HighLatency.fa", "highlatency", "..", "", "%2e%2e", "High\0"])
def test_a_name_that_is_no_alerts_shows_nothing(house: House, pipeline: Pipeline, name: str) -> None:
    told = seen(pipeline, house.people[Role.OPERATOR].cookie, RunbookState, f"/runbooks/{name}")

    assert told["phase"] == "problem"
    assert told.get("view", RunbookView()) == RunbookView()


def test_a_customer_reads_none() -> None:
    for ask in (lambda actor: runbooks.page(actor, "HighLatency", "en"), runbooks.names):
        with pytest.raises(Forbidden):
            ask(factories.actor(Role.TENANT_ADMIN))
