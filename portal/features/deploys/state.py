"""State of the list of workloads."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import reflex as rx

from backend.db.news import Topic
from portal.features.deploys.queries import (
    NAMESPACE,
    STATE,
    STATES,
    DeploysTally,
    DeploysView,
    WorkloadList,
    workload_list,
)
from portal.features.deploys.rows import NO_WORKLOAD
from portal.guard import STAFF, allow
from portal.live import LivePage, Query
from portal.place import PAGE_SIZE, SEARCH, place_of
from portal.slots import fill, slots_of

_Slots: Any = slots_of(NO_WORKLOAD, PAGE_SIZE)


class DeploysState(_Slots, LivePage, rx.State):
    """A tab's page of the workloads. Each line is a var, so a change in the cluster sends the lines that it changed."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.CLUSTER,)
    view: DeploysView = DeploysView()
    tally: DeploysTally = DeploysTally()

    def _query(self) -> Query:
        place = place_of(self, {SEARCH: None, STATE: STATES, NAMESPACE: None})
        return lambda actor, lang: workload_list(actor, place, lang)

    async def _write(self, found: WorkloadList) -> None:
        fill(self, found.lines, NO_WORKLOAD, PAGE_SIZE)
        if found.tally != self.tally:
            self.tally = found.tally
        if found.view != self.view:
            self.view = found.view

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The page of the list that the address names."""
        if (found := await self._read(self._query())) is not None:
            await self._write(found)

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show each change of the cluster while the tab is here."""
        async for event in self._followed():
            yield event
