"""State of the page of a workload."""

from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any, ClassVar

import reflex as rx

from backend.db.news import Topic
from portal.features.deploys.detail_queries import (
    AFTER,
    BEFORE,
    EVENTS,
    PODS,
    REVISIONS,
    Comparison,
    WorkloadPage,
    workload_page,
)
from portal.features.deploys.detail_rows import PodRow, WorkloadView
from portal.features.deploys.history_rows import ClusterEventRow, RevisionRow
from portal.features.deploys.ledger_rows import LedgerRow
from portal.guard import OPERATORS, STAFF, allow
from portal.live import LivePage, Query
from portal.place import Pager, place_of


class WorkloadState(LivePage, rx.State):
    """A tab's workload. Its parts are vars of their own, so that a pod's change does not send the revisions again."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.CLUSTER, Topic.DEPLOYMENTS)
    view: WorkloadView = WorkloadView()
    freshness: str = ""
    can_act: bool = False
    pods: list[PodRow] = []
    pods_pager: Pager = Pager()
    revisions: list[RevisionRow] = []
    revisions_pager: Pager = Pager()
    comparison: Comparison = Comparison()
    ledger: list[LedgerRow] = []
    events: list[ClusterEventRow] = []
    events_pager: Pager = Pager()
    _shown: str = ""

    def _query(self) -> Query:
        place = place_of(self, {BEFORE: None, AFTER: None}, others=(PODS, EVENTS, REVISIONS))
        return lambda actor, lang: workload_page(actor, place, lang)

    async def _write(self, found: WorkloadPage) -> None:
        for part in fields(found):
            if getattr(self, part.name) != (value := getattr(found, part.name)):
                setattr(self, part.name, value)

    @rx.event
    @allow(STAFF)
    async def load(self) -> AsyncIterator[None]:
        """The workload that the address names."""
        if self._shown != (named := self.router.url.path):
            # What another workload showed must not stay under this one's address.
            self.reset()
            self._shown = named
            yield
        actor, _ = await self._reader()
        self.can_act = actor.role in OPERATORS
        if (found := await self._read(self._query())) is not None:
            await self._write(found)

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show each change of the cluster while the tab is here."""
        async for event in self._followed():
            yield event
