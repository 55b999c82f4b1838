"""The alerts page shows our own words at once and a model's when they are there, says whose they are, and has both."""

from typing import Any

import pytest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor, Role
from backend.clients.openai import shared_client
from backend.config import settings
from backend.db.engine import transaction
from backend.i18n.catalog import text as words
from portal import routes
from portal.features.alerts.state import AlertsState, alerts_view
from portal.features.alerts.wording_state import WordingState
from portal.place import Place
from tests.integration.assistant.conftest import running_vendor, vendor
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown
from tests.integration.telemetry.conftest import Vendor
from tests.waiting import until

__all__ = ["running_vendor", "vendor"]

_FIRING = """
INSERT INTO alert_firing (fingerprint, name, severity, service, labels, annotations, started_at, seen_at, ends_at,
                          muting, was_silenced, was_inhibited)
VALUES (:fingerprint, :name, 'critical', 'api', '{"pod": "api-7"}', '{}', :now, :now, :now, '{}', false, false)
"""


@pytest.fixture
def configured(house: House, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", vendor.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sandbox-key-of-the-tests")
    settings.cache_clear()
    yield vendor
    if shared_client.cache_info().currsize:
        shared_client().close()
    shared_client.cache_clear()


def fire(*names: str) -> None:
    with transaction() as connection:
        for name in names:
            connection.execute(
                text(_FIRING), {"fingerprint": f"f-{name}", "name": name, "now": clock.utc_now()}
            )


def view(actor: Actor, lang: Any = "en") -> Any:
    return alerts_view(actor, Place(path=routes.ALERTS), lang)


def test_the_page_says_whose_words_one_reads_and_each_sentence_leads_to_its_alert(
    house: House, configured: Vendor
) -> None:
    fire("HighErrorRate", "HighLatency")
    actor = house.people[Role.AUDITOR].actor

    first = view(actor)
    until(lambda: view(actor).wording.is_worded)
    [group] = view(actor).groups

    assert (first.wording.is_worded, first.wording.line) == (
        False,
        words("page.alerts.wording.waiting", "en"),
    )
    assert first.groups[0].sentences == group.sentences != []
    assert view(actor).wording.line == words("page.alerts.wording.worded", "en")
    assert group.worded.title
    assert {link.url for each in group.worded.sentences for link in each.links} <= {
        routes.alert("f-HighErrorRate"),
        routes.alert("f-HighLatency"),
    }
    assert all(each.links for each in group.worded.sentences)


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_invented_words_are_not_on_the_page_which_says_why(
    house: House, configured: Vendor, lang: Any
) -> None:
    configured.fail("invents")
    fire("HighErrorRate")
    actor = house.people[Role.OPERATOR].actor

    rejected = words("page.alerts.wording.rejected", lang)
    until(lambda: view(actor, lang).wording.line == rejected)

    found = view(actor, lang)
    assert "evil" not in repr(found)
    assert (found.wording.is_worded, found.groups[0].worded.title) == (False, "")
    assert found.groups[0].sentences


def test_a_click_shows_the_other_words_and_another_click_these(
    house: House, configured: Vendor, pipeline: Pipeline
) -> None:
    fire("HighErrorRate")
    cookie = house.people[Role.AUDITOR].cookie
    until(lambda: view(house.people[Role.AUDITOR].actor).wording.is_worded)

    async def steps(tab: Tab) -> list[list[Delta]]:
        await tab.open(cookie=cookie)
        await tab.send(f"{AlertsState.get_full_name()}.load", cookie=cookie, path=routes.ALERTS)
        click = f"{WordingState.get_full_name()}.switch"
        return [await tab.send(click, cookie=cookie, path=routes.ALERTS) for _ in range(2)]

    there, back = (shown(each) for each in pipeline.run(steps))

    assert ('"reads_rules_rx_state_": true' in there, '"reads_rules_rx_state_": false' in back) == (
        True,
        True,
    )


def test_without_a_key_the_page_says_nothing_of_models(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings.cache_clear()
    fire("HighErrorRate")

    found = view(house.people[Role.AUDITOR].actor)

    assert (found.wording.line, found.wording.is_worded) == ("", False)
