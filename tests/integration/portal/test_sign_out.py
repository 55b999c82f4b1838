"""Signing out: it ends what it says it ends, or says that it did not."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus

import httpx

from backend.accounts import service as accounts
from backend.actor import Role
from backend.i18n.catalog import text
from portal import routes
from tests.integration.portal.conftest import PASSWORD, House, Pipeline, Served, Tab, own_handlers, shown

Outage = Callable[[], AbstractContextManager[None]]


def test_signing_out_keeps_its_promises(served: Served, outage: Outage) -> None:
    """One served process for all of it: starting it is what takes time."""
    a_lost_database_is_no_success(served, outage)
    everywhere_ends_every_session(served)
    whoever_has_no_session_is_simply_out(served)


def a_lost_database_is_no_success(served: Served, outage: Outage) -> None:
    person = served.house.people[Role.APPROVER]
    with served.client(person.cookie) as browser:
        for path in (routes.POST_SIGN_OUT, routes.POST_SIGN_OUT_EVERYWHERE):
            # The process may know the session already, or have to ask for it.
            for is_known in (False, True):
                if is_known:
                    assert browser.get(routes.BILLING).status_code == HTTPStatus.OK
                with outage():
                    answer = browser.post(path)
                assert answer.status_code == HTTPStatus.SEE_OTHER
                location = httpx.URL(answer.headers["location"])
                assert location.path == routes.ACCOUNT
                assert location.params["error"] == "unavailable.database"
                assert location.params["undone"] == "sign_out"
                assert "set-cookie" not in answer.headers
                assert "clear-site-data" not in answer.headers
    assert accounts.session_of(person.token) is not None


def everywhere_ends_every_session(served: Served) -> None:
    person = served.house.people[Role.OPERATOR]
    again = accounts.sign_in(person.email, PASSWORD, address="127.0.0.1", user_agent="another")
    with served.client(f"portal={again.token}") as other, served.client(person.cookie) as browser:
        assert other.get(routes.BILLING).status_code == HTTPStatus.OK
        answer = browser.post(routes.POST_SIGN_OUT_EVERYWHERE)
        assert answer.headers["location"] == routes.SIGN_IN
        assert 'portal=""' in answer.headers["set-cookie"]
        assert answer.headers["clear-site-data"] == '"cache"'
        assert answer.headers["cache-control"] == "no-store"
        for each in (browser, other):
            assert "error=sign_in_required" in each.get(routes.BILLING).headers["location"]
    assert accounts.session_of(person.token) is accounts.session_of(again.token) is None


def whoever_has_no_session_is_simply_out(served: Served) -> None:
    for cookie in ("", "portal=" + "A" * 43):
        with served.client(cookie) as browser:
            for path in (routes.POST_SIGN_OUT, routes.POST_SIGN_OUT_EVERYWHERE):
                answer = browser.post(path)
                assert answer.headers["location"] == routes.SIGN_IN
                assert answer.headers["clear-site-data"] == '"cache"'


def test_the_account_page_says_that_nobody_was_signed_out(house: House, pipeline: Pipeline) -> None:
    load = next(name for name in own_handlers() if name.endswith("account_state.load"))
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> list[str]:
        await tab.open(cookie=cookie)
        told = []
        for error in ("unavailable.database", "unknown", "nonsense"):
            path = f"/account?error={error}&undone=sign_out&reference=0123abcd"
            told.append(shown(await tab.send(load, cookie=cookie, path=path)))
        return told

    away, unknown, nonsense = pipeline.run(steps)

    assert text("page.account.still_signed_in", "en") in away
    assert text("page.account.still_signed_in", "en") in unknown
    assert "0123abcd" in unknown
    assert text("page.account.still_signed_in", "en") not in nonsense
