"""State of an alert's page: what is stored comes at once, what Prometheus says comes beside it."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import reflex as rx

from backend.actor import Actor
from backend.alerts import service as alerts
from backend.alerts.types import HistoryQuery
from backend.config import settings
from backend.db.news import Topic
from backend.errors import NotFound
from backend.i18n.catalog import Lang
from backend.tenants import service as tenants
from portal import bridge, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.alerts.deploy_rows import to_lines
from portal.features.alerts.detail_rows import AlertView, TrendView, tenant_labels, to_alert_view, to_trend
from portal.guard import OPERATORS, STAFF, allow
from portal.i18n import language
from portal.live import LivePage, Query
from portal.place import Place, page_at, place_of, to_pager
from runbooks import service as runbooks


class AlertState(LivePage, rx.State):
    """A tab's view of one alert; it follows its changes."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.ALERTS,)
    view: AlertView = AlertView()
    trend: TrendView = TrendView()
    trend_phase: str = "loading"

    def _query(self) -> Query:
        place, fingerprint = place_of(self), self._fingerprint()
        return lambda actor, lang: alert_view(actor, fingerprint, place, lang)

    def _fingerprint(self) -> str:
        return str(self.router.url.path).rstrip("/").rpartition("/")[2]

    @rx.event
    @allow(STAFF)
    async def load(self) -> AsyncIterator[None]:
        """Show the alert that the address names."""
        if self.view.key != self._fingerprint():
            # What another alert showed must not stay under this one's address.
            self.reset()
            yield
        await self._show(self._query())

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show every change while the page is open."""
        async for event in self._followed():
            yield event

    @rx.event(background=True)
    @allow(STAFF)
    async def measure(self) -> None:
        """Ask Prometheus for the rule and the last hours. The page is there meanwhile."""
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            fingerprint = self._fingerprint()
        actor = owner.actor
        outcome = await bridge.attempt(
            lang, lambda: trend_view(actor, fingerprint, lang), pool=ThreadPool.NETWORK
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if not is_ours or fingerprint != self._fingerprint():
                return
            self.trend_phase = "ready"
            self.trend = TrendView(problem=outcome.text) if isinstance(outcome, Problem) else outcome


def alert_view(actor: Actor, fingerprint: str, place: Place, lang: Lang) -> AlertView:
    """Read an alert, the deployments before it, and its runbook."""
    detail = alerts.alert(actor, fingerprint)
    firing, query = detail.firing, HistoryQuery(fingerprint=detail.firing.fingerprint)
    place, past = page_at(
        place, lambda limit, offset: alerts.history(actor, query, limit=limit, offset=offset)
    )
    [before] = alerts.deploys_before(actor, [firing.started_at])
    return to_alert_view(
        detail,
        past=past.rows,
        tenants=tenants.with_labels(actor, tenant_labels(detail)),
        deploys=to_lines(before, firing.started_at, lang),
        pager=to_pager(place, shown=len(past.rows), total=past.total, lang=lang),
        runbook=_runbook(actor, firing.name, lang),
        can_act=actor.role in OPERATORS,
        lang=lang,
    )


def _runbook(actor: Actor, name: str, lang: Lang) -> str:
    try:
        return runbooks.page(actor, name, lang).html
    except NotFound:
        return ""


def trend_view(actor: Actor, fingerprint: str, lang: Lang) -> TrendView:
    """Ask for an alert's rule and what it measured."""
    return to_trend(alerts.trend(actor, fingerprint), settings().prometheus_public_url, lang)
