"""The staff asks the runbooks on a page of its own; the question stands in no address and no log."""

from typing import Any

import pytest

from backend.actor import Role
from backend.i18n.catalog import text
from portal import routes
from portal.features.ask.rows import AskView
from portal.features.ask.state import AskState
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab

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


def test_what_no_page_says_is_said_in_words(house: House, pipeline: Pipeline) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    nowhere = asked(pipeline, cookie, "zebra crossing")["view"]
    near = asked(pipeline, cookie, "a zebra crossing in the mail server")["view"]
    nothing = asked(pipeline, cookie, "  ")

    assert (nowhere.said, nowhere.rows) == (text("page.ask.said.nothing", "en"), [])
    assert near.said == text("page.ask.said.near", "en")
    assert near.rows
    assert nothing.get("view", AskView()) == AskView()
