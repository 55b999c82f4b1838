"""State of the overview: each part of the page is a var of its own, so that a tab gets only what changed."""

from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any, ClassVar

import reflex as rx

from backend import clock
from backend.db.news import Topic
from backend.i18n.catalog import text
from backend.overview.types import Level
from portal.bridge import Problem
from portal.components.isolated import parts_of
from portal.features.overview import queries
from portal.features.overview.headline import ICONS
from portal.features.overview.rows import (
    AlertLine,
    ChangeLine,
    ChartRow,
    DependencyLine,
    HeadlineRow,
    OverviewView,
    RolloutLine,
    ServiceLine,
    TileRow,
)
from portal.guard import STAFF, allow
from portal.i18n import language
from portal.live import LivePage, Query

WALL = "wall"


class OverviewState(LivePage, rx.State):
    """A tab's view of everything. ``alive_s`` is when the server looked last; the page's script watches over it."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.OVERVIEW,)
    LOOK_AGAIN_S: ClassVar[float] = 5.0

    headline: HeadlineRow = HeadlineRow()
    services: list[ServiceLine] = []
    signals: list[TileRow] = []
    works: list[TileRow] = []
    money: list[TileRow] = []
    alerts: list[AlertLine] = []
    rollouts: list[RolloutLine] = []
    changes: list[ChangeLine] = []
    silences: list[ChangeLine] = []
    dependencies: list[DependencyLine] = []
    chart: ChartRow = ChartRow()
    ages: dict[str, int] = {}
    unknown: dict[str, int] = {}
    alive_s: int = 0
    is_wall: bool = False

    def _query(self) -> Query:
        return queries.now

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """Everything as it is now, within a second."""
        self.is_wall = self.router.url.query_parameters.get(WALL, "") == "1"
        found = await self._read(self._query())
        if found is not None:
            await self._write(found)

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show each change while the tab is open. It notes no visit, so a wall screen keeps no session alive."""
        async for event in self._followed():
            yield event

    async def _write(self, found: OverviewView) -> None:
        for part in fields(found):
            value = getattr(found, part.name)
            if getattr(self, part.name) != value:
                setattr(self, part.name, value)
        self.alive_s = int(clock.utc_now().timestamp())

    async def _take(self, outcome: Any) -> None:
        await super()._take(outcome)
        if isinstance(outcome, Problem) and self.headline.tone != Level.UNKNOWN:
            # What is shown was true then. Nobody can say so now, and the page must not stay green.
            lang = language(self)
            self.headline = HeadlineRow(
                tone=Level.UNKNOWN.value,
                icon=ICONS[Level.UNKNOWN],
                word=text("overview.level.unknown", lang),
                sentence=parts_of(text("page.overview.cannot_look", lang)),
                since_s=self.alive_s,
            )
