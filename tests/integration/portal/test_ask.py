"""The staff asks the runbooks on a page of its own; the question stands in no address and no log."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from backend.actor import Actor, Role
from backend.clients.openai import shared_client
from backend.config import settings
from backend.i18n.catalog import text
from portal import routes
from portal.features.ask.rows import AskView, to_ask
from portal.features.ask.state import AskState, looked_at
from portal.http.missing import MissingPages
from runbooks import ask_service
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab
from tests.integration.telemetry.conftest import Vendor, running_vendor, vendor
from tests.waiting import until

__all__ = ["running_vendor", "vendor"]

STATE = AskState.get_full_name()


def asked(pipeline: Pipeline, cookie: str, question: str) -> dict[str, Any]:
    """The vars of the page after this question."""

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(
            f"{STATE}.ask", {"form": {"question": question}}, cookie=cookie, path=routes.ASK
        )

    told: dict[str, Any] = {}
    for delta in pipeline.run(steps):
        told |= delta.get(STATE, {})
    return {key.removesuffix("_rx_state_"): value for key, value in told.items()}


@pytest.mark.parametrize(
    ("cookie_of", "question"),
    [
        ("lang=en", "How do I retry the mails that were given up?"),
        ("lang=fa", "وقتی علت برطرف شد، ایمیل‌ها را چطور دوباره بفرستم؟"),
    ],
)
def test_passages_are_shown_with_their_sources_and_the_question_is_in_no_log(
    house: House, pipeline: Pipeline, cookie_of: str, question: str, caplog: pytest.LogCaptureFixture
) -> None:
    cookie = house.people[Role.AUDITOR].cookie.replace("lang=en", cookie_of)

    view = asked(pipeline, cookie, question)["view"]

    [row] = [each for each in view.rows if each.url == routes.runbook("MailsGivenUp")]
    assert (view.question, row.where) == (question, {"lang=en": "Mitigation", "lang=fa": "اقدام"}[cookie_of])
    assert '<pre dir="ltr"><code>python -m backend.notifications retry --all' in row.html
    assert question not in caplog.text


@pytest.fixture
def provider(house: House, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setenv("OPENAI_BASE_URL", vendor.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sandbox-key-of-the-tests")
    settings.cache_clear()
    yield vendor
    if shared_client.cache_info().currsize:
        shared_client().close()
    shared_client.cache_clear()


def shown_at_last(actor: Actor, question: str, lang: Any) -> AskView:
    """The page of a question as soon as no model is waited for any more."""
    found = [to_ask(question, ask_service.ask(actor, question), lang)]

    def is_told() -> bool:
        found.append(looked_at(actor, question, lang))
        return not found[-1].is_waiting

    until(is_told)
    return found[-1]


@pytest.mark.parametrize(
    ("lang", "question"),
    [
        ("en", "Are other workloads stuck for the same reason?"),
        ("fa", "آیا بارهای کاری دیگر هم به همین علت گیر کرده‌اند؟"),
    ],
)
def test_an_answer_stands_above_the_passages_and_each_sentence_leads_to_its_page(
    house: House, provider: Vendor, lang: Any, question: str
) -> None:
    actor = house.people[Role.OPERATOR].actor

    first = to_ask(question, ask_service.ask(actor, question), lang)
    last = shown_at_last(actor, question, lang)

    assert (first.line, first.sentences) == (text("page.ask.model.waiting", lang), [])
    assert (last.line, last.said) == (
        text("page.ask.model.answered", lang),
        text("page.ask.said.answered", lang),
    )
    assert routes.runbook("RolloutStuck") in {link.url for each in last.sentences for link in each.sources}
    assert routes.runbook("RolloutStuck") in {row.url for row in last.rows}
    assert looked_at(house.people[Role.AUDITOR].actor, question, lang) == last


@pytest.mark.parametrize("lang", ["en", "fa"])
def test_an_invented_answer_is_not_on_the_page_which_says_why(
    house: House, provider: Vendor, lang: Any
) -> None:
    provider.fail("invents")

    found = shown_at_last(house.people[Role.OPERATOR].actor, "the mail server refuses us", lang)

    assert (found.line, found.sentences) == (text("page.ask.model.rejected", lang), [])
    assert "evil" not in repr(found)
    assert found.rows


@pytest.mark.parametrize("lang", ["en", "fa"])
def test_why_no_model_answers_stays_on_the_page_or_one_is_told_to_ask_again(
    house: House, provider: Vendor, lang: Any
) -> None:
    actor = house.people[Role.OPERATOR].actor

    first = to_ask("zebra crossing", ask_service.ask(actor, "zebra crossing"), lang)

    assert first.line == text("page.ask.model.far", lang)
    assert looked_at(actor, "zebra crossing", lang) == first
    assert looked_at(actor, "never asked", lang).line == text("page.ask.model.ask_again", lang)


def test_what_no_page_says_is_said_in_words(house: House, pipeline: Pipeline) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    nowhere = asked(pipeline, cookie, "zebra crossing")["view"]
    near = asked(pipeline, cookie, "a zebra crossing in the mail server")["view"]
    nothing = asked(pipeline, cookie, "  ")

    assert (nowhere.said, nowhere.rows) == (text("page.ask.said.nothing", "en"), [])
    assert near.said == text("page.ask.said.near", "en")
    assert near.rows
    assert nothing.get("view", AskView()) == AskView()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (routes.ASK, 200),
        (f"{routes.ASK}/", 200),
        (f"{routes.ASK}.html", 200),
        ("/runbooks/HighLatency", 200),
        ("/runbooks/Nothing", 404),
    ],
)
def test_the_address_of_the_page_is_no_runbook_that_there_is_not(
    house: House, path: str, status: int
) -> None:
    async def opened() -> int:
        app = httpx.ASGITransport(MissingPages(PlainTextResponse("the page")))
        async with httpx.AsyncClient(transport=app, base_url="http://portal") as browser:
            cookie = house.people[Role.OPERATOR].cookie
            return (await browser.get(path, headers={"cookie": cookie})).status_code

    assert asyncio.run(opened()) == status
