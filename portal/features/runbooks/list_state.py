"""State of the list of runs. It keeps itself up to date, and the address says the place in it."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import reflex as rx

from backend.actor import Actor, Role
from backend.db.news import Topic
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.i18n.names import target_words
from backend.runbooks import service as runs
from backend.runbooks.types import RunSearch, RunStage
from portal.features.runbooks.list_rows import (
    ACTION,
    ALERT,
    STATE,
    TARGET,
    WHO,
    RunsFilter,
    RunsView,
    alert_words,
    to_row,
)
from portal.guard import STAFF, allow
from portal.live import LivePage, Query
from portal.place import Choice, Place, choices, page_at, place_of, to_pager
from portal.run_words import person, state_words
from runbooks import asking_service as asking
from runbooks.wording import action_name


class RunsState(LivePage, rx.State):
    """A tab's list of runs."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.RUNBOOKS,)
    view: RunsView = RunsView()

    def _query(self) -> Query:
        place = place_of(self, {ACTION: None, WHO: None, TARGET: None, ALERT: None, STATE: tuple(RunStage)})
        return lambda actor, lang: runs_view(actor, place, lang)

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The page of the list that the address names."""
        await self._show(self._query())

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show each change while the page is open."""
        async for event in self._followed():
            yield event


def runs_view(actor: Actor, place: Place, lang: Lang) -> RunsView:
    """Read a page of runs, and how many wait for this reader."""
    wanted = _search(place)
    place, found = page_at(
        place, lambda limit, offset: runs.search(actor, wanted, limit=limit, offset=offset)
    )
    waiting = runs.search(actor, RunSearch(state=RunStage.WAITING), limit=100)
    mine = [run for run in waiting.rows if run.requester_id != actor.user_id]
    names = [card.name for card in asking.cards(actor)]
    return RunsView(
        rows=[to_row(run, place, lang) for run in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
        whose=choices(
            place, WHO, [("", text("page.runs.all", lang)), (actor.label, text("page.runs.own", lang))]
        ),
        states=choices(
            place,
            STATE,
            [("", text("pager.all", lang)), *((each, state_words(each, lang)) for each in RunStage)],
        ),
        actions=choices(
            place,
            ACTION,
            [("", text("pager.all", lang)), *((name, action_name(name, lang)) for name in names)],
        ),
        narrowed=_narrowed(place, actor, lang),
        target=place.word(TARGET),
        kept=RunsFilter(
            action=place.word(ACTION), who=place.word(WHO), state=place.word(STATE), alert=place.word(ALERT)
        ),
        waiting=text("page.runs.waiting", lang, n=fmt.number(len(mine), lang))
        if mine and actor.role is Role.APPROVER
        else "",
        waiting_url=Place(path=place.path).with_word(STATE, RunStage.WAITING).address,
    )


def _search(place: Place) -> RunSearch:
    state = place.word(STATE)
    return RunSearch(
        action=place.word(ACTION),
        requester=place.word(WHO),
        target=place.word(TARGET),
        state=RunStage(state) if state else None,
        alert=place.word(ALERT),
    )


def _narrowed(place: Place, actor: Actor, lang: Lang) -> list[Choice]:
    """The words that narrow the list besides the choices above it, each with the link that leaves it out."""
    who, target, alert = place.word(WHO), place.word(TARGET), place.word(ALERT)
    titles = {
        WHO: person(who, lang) if who and who != actor.label else "",
        TARGET: target_words(target, lang) if target else "",
        ALERT: alert_words(alert, lang) if alert else "",
    }
    return [
        Choice(title=title, url=place.with_word(name, "").address, is_chosen=True)
        for name, title in titles.items()
        if title
    ]
