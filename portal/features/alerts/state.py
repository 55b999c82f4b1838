"""State of the alerts page; the address says the tab, the filters and the place in the list."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import reflex as rx

from backend.actor import Actor
from backend.alerts import service as alerts
from backend.alerts.summary_rules import service_of
from backend.alerts.types import AlertBoard, AlertGroup, HistoryQuery, Severity
from backend.db.news import Topic
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import bridge, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.alerts.rows import GroupRow, PastRow, WatchView, to_gap, to_group, to_past, to_watch
from portal.features.alerts.silence_rows import EndingSoon, SilenceRow, to_ending, to_silence
from portal.features.alerts.wording_rows import WordingView, to_wording
from portal.guard import OPERATORS, STAFF, allow
from portal.i18n import language
from portal.live import LivePage, Query
from portal.place import SEARCH, TAB, Choice, Pager, Place, choices, page_at, page_of, place_of, to_pager

NOW, HISTORY, SILENCES = "", "history", "silences"
TABS = (HISTORY, SILENCES)
SEVERITY, SERVICE, MUTED, GROUP = "severity", "service", "muted", "group"
SHOWN = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsView:
    """The chosen tab of the page, and above it whether somebody watches."""

    tab: str = NOW
    tabs: list[Choice] = field(default_factory=list)
    watch: WatchView = field(default_factory=WatchView)
    firing: str = ""
    muted: str = ""
    has_muted: bool = False
    severities: list[Choice] = field(default_factory=list)
    services: list[Choice] = field(default_factory=list)
    mutings: list[Choice] = field(default_factory=list)
    groups: list[GroupRow] = field(default_factory=list)
    wording: WordingView = field(default_factory=WordingView)
    past: list[PastRow] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    wanted: str = ""
    silences: list[SilenceRow] = field(default_factory=list)
    ending: list[EndingSoon] = field(default_factory=list)
    can_act: bool = False


class AlertsState(LivePage, rx.State):
    """A tab's view of alerts; it follows their changes."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.ALERTS,)
    view: AlertsView = AlertsView()
    ended: str = ""
    end_problem: str = ""
    is_ending: bool = False

    def _query(self) -> Query:
        names = {TAB: TABS, SEVERITY: set(Severity), SERVICE: None, MUTED: {SHOWN}, GROUP: None, SEARCH: None}
        place = place_of(self, names)
        return lambda actor, lang: alerts_view(actor, place, lang)

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """Show the tab that the address names."""
        self.ended, self.end_problem, self.is_ending = "", "", False
        await self._show(self._query())

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show every change while the page is open."""
        async for event in self._followed():
            yield event

    @rx.event(background=True)
    @allow(OPERATORS)
    async def end_silence(self, key: str) -> None:
        """End a silence of this page now."""
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_ending:
                return
            self.is_ending, self.ended, self.end_problem = True, "", ""
            query = self._query()
        actor = owner.actor
        outcome = await bridge.attempt(
            lang, lambda: alerts.end_silence(actor, str(key)), pool=ThreadPool.NETWORK
        )
        found = await owner.confirmed(self, await bridge.attempt(lang, partial(query, actor, lang)))
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            self.is_ending = False
            if isinstance(outcome, Problem):
                self.end_problem = outcome.text
                return
            self.ended = text("page.alerts.ended_silence", lang)
            await self._take(found)


def alerts_view(actor: Actor, place: Place, lang: Lang) -> AlertsView:
    """Read the tab that a place names."""
    board = alerts.board(actor)
    ending = [to_ending(each, board.read_at, lang) for each in alerts.ending_soon(actor)]
    can_act = actor.role in OPERATORS
    match place.word(TAB):
        case "history":
            view = _history(actor, board, place, lang)
        case "silences":
            view = _silences(actor, board, place, lang)
        case _:
            view = _now(actor, board, place, lang)
    return replace(view, ending=ending, can_act=can_act)


def _now(actor: Actor, board: AlertBoard, place: Place, lang: Lang) -> AlertsView:
    with_muted = place.word(MUTED) == SHOWN
    wanted = [group for group in board.groups if _is_wanted(group, place, with_muted=with_muted)]
    rows, pager = page_of(place, wanted, lang)
    wording = to_wording(actor, board, lang)
    return AlertsView(
        **_head(board, place, lang),
        severities=_severities(place, lang),
        services=_services(board, place, lang),
        mutings=choices(
            place,
            MUTED,
            [("", text("page.alerts.without_muted", lang)), (SHOWN, text("page.alerts.with_muted", lang))],
        ),
        groups=[
            to_group(
                each,
                board,
                before,
                lang,
                with_muted=with_muted,
                worded=wording.rows.get(each.key),
                whole_url="" if place.word(GROUP) else place.with_word(GROUP, each.key).address,
            )
            for each, before in zip(
                rows, alerts.deploys_before(actor, [each.started_at for each in rows]), strict=True
            )
        ],
        wording=replace(wording, rows={}),  # each group has its own
        pager=pager,
    )


def _history(actor: Actor, board: AlertBoard, place: Place, lang: Lang) -> AlertsView:
    query = HistoryQuery(
        wanted=place.word(SEARCH),
        severity=Severity(place.word(SEVERITY)) if place.word(SEVERITY) else None,
        service=place.word(SERVICE),
    )
    place, found = page_at(
        place, lambda limit, offset: alerts.history(actor, query, limit=limit, offset=offset)
    )
    return AlertsView(
        **_head(board, place, lang),
        severities=_severities(place, lang),
        past=[to_past(each, board.read_at, lang) for each in found.rows],
        gaps=[to_gap(each, lang) for each in alerts.gaps(actor)] if place.page == 1 else [],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
        wanted=place.word(SEARCH),
    )


def _silences(actor: Actor, board: AlertBoard, place: Place, lang: Lang) -> AlertsView:
    rows, pager = page_of(place, alerts.silences(actor), lang)
    return AlertsView(
        **_head(board, place, lang),
        silences=[to_silence(each, board.read_at, lang) for each in rows],
        pager=pager,
    )


def _head(board: AlertBoard, place: Place, lang: Lang) -> dict[str, Any]:
    start = Place(path=place.path)
    titles = [
        (NOW, text("page.alerts.now", lang)),
        (SILENCES, text("page.alerts.silences", lang)),
        (HISTORY, text("page.alerts.history", lang)),
    ]
    return {
        "tab": place.word(TAB),
        "tabs": [
            Choice(title=title, url=start.with_word(TAB, tab).address, is_chosen=place.word(TAB) == tab)
            for tab, title in titles
        ],
        "watch": to_watch(board.watch, board.read_at, lang),
        "firing": fmt.number(board.firing, lang),
        "muted": fmt.number(board.muted, lang),
        "has_muted": board.muted > 0,
    }


def _severities(place: Place, lang: Lang) -> list[Choice]:
    titles = [(each.value, text(f"alerts.severity.{each}", lang)) for each in Severity]
    return choices(place, SEVERITY, [("", text("page.alerts.every_severity", lang)), *titles])


def _services(board: AlertBoard, place: Place, lang: Lang) -> list[Choice]:
    names = sorted({group.service for group in board.groups if group.service})
    if len(names) < 2 and not place.word(SERVICE):  # noqa: PLR2004 - one service is no choice
        return []
    return choices(
        place,
        SERVICE,
        [
            ("", text("page.alerts.every_service", lang)),
            *((each, service_of(each, lang)) for each in names[:12]),
        ],
    )


def _is_wanted(group: AlertGroup, place: Place, *, with_muted: bool) -> bool:
    return (
        (with_muted or not group.is_muted)
        and place.word(SEVERITY) in {"", group.severity.value}
        and place.word(SERVICE) in {"", group.service}
        and place.word(GROUP) in {"", group.key}
    )
