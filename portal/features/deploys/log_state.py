"""State of the page of a pod's log. The lines come by a stream of their own (portal/http/live_logs.py)."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import reflex as rx

from backend.db.news import Topic
from portal.features.deploys.detail_queries import CONTAINER, PREVIOUS, LogView, log_view
from portal.guard import STAFF, allow
from portal.live import LivePage, Query
from portal.place import place_of


class PodLogState(LivePage, rx.State):
    """A tab's log: the head of the page, and the address of the stream."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.CLUSTER,)
    view: LogView = LogView()

    def _query(self) -> Query:
        place = place_of(self, {CONTAINER: None, PREVIOUS: {"1"}})
        return lambda actor, lang: log_view(actor, place, lang)

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The log that the address names."""
        await self._show(self._query())

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show how the pod stands while the tab is here."""
        async for event in self._followed():
            yield event
