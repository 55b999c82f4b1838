"""The frame around a page: who looks at it, also after a moment without a database."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import reflex as rx

from backend.actor import Role
from backend.i18n.catalog import text
from portal import layout
from portal.visitor import VisitorState
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers, shown

Outage = Callable[[], AbstractContextManager[None]]


def enter() -> str:
    return next(name for name in own_handlers() if name.endswith("visitor_state.enter"))


def test_a_frame_that_could_not_be_filled_is_filled_by_the_next_try(
    house: House, pipeline: Pipeline, outage: Outage
) -> None:
    person = house.people[Role.TENANT_ADMIN]

    async def steps(tab: Tab) -> list[list[Delta]]:
        # The session is known for some seconds, so the guard lets the event pass.
        await tab.open(cookie=person.cookie)
        with outage():
            lost = await tab.send(enter(), cookie=person.cookie, path="/usage")
        again = await tab.send(enter(), cookie=person.cookie, path="/usage")
        return [lost, again]

    lost, again = pipeline.run(steps)

    assert text("error.unavailable.database", "en") in shown(lost)
    assert '"passes": true' in shown(lost)
    assert house.own.name_en not in shown(lost)
    assert house.own.name_en in shown(again)
    assert '"problem_rx_state_": {"text": "", "reference": "", "passes": false' in shown(again)


def test_every_page_asks_again_for_a_frame_that_is_missing() -> None:
    drawn = str(layout.frame(rx.el.div()))

    button = drawn.partition('"data-retry"')[0].rpartition('jsx("button"')[2]
    button += drawn.partition('"data-retry"')[2].partition("jsx(")[0]
    assert f"{VisitorState.problem!s}" in drawn
    assert enter() in button
