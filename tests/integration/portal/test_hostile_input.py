"""Whatever an address or an event says, a page answers: nothing of it ends in a bug of ours."""

import logging
from urllib.parse import quote

import pytest

from backend.actor import Role
from portal.audit_search import search_in
from portal.features.payments.state import PaymentsState
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers, payload_of
from tests.integration.portal.line import Exchange

# Everything that pages read from their addresses.
NAMES = (
    "after", "author", "before", "company", "container", "day", "deploy", "job", "muted", "namespace", "page", "q",
    "result", "service", "severity", "since", "state", "status", "tab", "target", "track", "until", "what", "who",
)  # fmt: skip
# Names of the fields of forms.
FIELDS = (
    "compared_day", "day", "ends_at", "job", "kind", "length", "matchers", "q", "reason", "silence_id", "until",
    "wanted",
)  # fmt: skip
ANYTHING = (None, True, 7, -1, 1e308, "", "x" * 5_000, "9" * 30, "((", [], ["a"], {"a": "b"})
UNSTORABLE = "\0"


def test_an_address_that_no_database_takes_is_no_bug(
    house: House, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    loads = [name for name in own_handlers() if name.endswith(".load")]
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> list[Delta]:
        told = await tab.open(cookie=cookie)
        for name in NAMES:
            for load in loads:
                path = f"/nowhere?tab=history&{name}={quote(UNSTORABLE)}"
                told += await tab.send(load, cookie=cookie, path=path)
        return told

    assert pipeline.run(steps)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert search_in(dict.fromkeys(("who", "what", "target"), UNSTORABLE)).who == ""


def test_an_argument_of_any_kind_is_no_bug(
    house: House, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    cookie = house.people[Role.OPERATOR].cookie
    handlers = {name: payload_of(name).keys() for name in own_handlers() if not name.endswith(".setvar")}

    async def steps(tab: Tab) -> None:
        await tab.open(cookie=cookie)
        for handler, arguments in handlers.items():
            for value in ANYTHING if arguments else ():
                for hostile in (value, dict.fromkeys(FIELDS, value)):
                    await tab.send(handler, dict.fromkeys(arguments, hostile), cookie=cookie)

    pipeline.run(steps)

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_an_event_that_no_database_takes_is_no_bug(
    house: House, exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    find = f"{PaymentsState.get_full_name()}.find"
    seek = next(name for name in own_handlers() if name.endswith("place_state.seek"))

    async def steps() -> None:
        line = await exchange.join(cookie=house.people[Role.OPERATOR].cookie, path="/payments")
        for hostile in ("\0", "\ud800", "7\0"):
            await line.send(find, {"form": {"wanted": hostile}}, path="/payments")
            await line.send(seek, {"form": {hostile: hostile}}, path=f"/payments?q={hostile}")

    exchange.run(steps)

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
