"""State of the page of deployments."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import reflex as rx

from backend import clock
from backend.actor import Actor
from backend.db.news import Topic
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployFilter, DeployResult
from backend.i18n.catalog import Lang, text
from portal import routes
from portal.features.deployments.rows import DeploymentRow, FiguresView, to_deployment, to_figures
from portal.guard import STAFF, allow
from portal.ids import uuid_of
from portal.live import LivePage, Query
from portal.place import Choice, Pager, Place, choices, page_at, place_of, to_pager

_WORDS = {
    routes.SERVICE: None,
    routes.RESULT: frozenset(DeployResult),
    routes.AUTHOR: None,
    routes.DEPLOY: None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentsView:
    """The figures, a page of the list, and the ways to narrow it."""

    figures: FiguresView = field(default_factory=FiguresView)
    rows: list[DeploymentRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    results: list[Choice] = field(default_factory=list)
    services: list[Choice] = field(default_factory=list)
    narrowed: list[Choice] = field(default_factory=list)
    is_unused: bool = False


class DeploymentsState(LivePage, rx.State):
    """A tab's view of the deployments. The address says what the list is narrowed to."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.DEPLOYMENTS,)

    view: DeploymentsView = DeploymentsView()

    def _query(self) -> Query:
        place = place_of(self, _WORDS)
        return lambda actor, lang: deployments_view(actor, place, lang)

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The page of the list that the address names."""
        await self._show(self._query())

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show each deployment that is told of while the page is open."""
        async for event in self._followed():
            yield event


def deployments_view(actor: Actor, place: Place, lang: Lang) -> DeploymentsView:
    """Read a page of the ledger, and the figures of the service that it is narrowed to."""
    place, found = page_at(
        place, lambda limit, offset: deploys.deployments(actor, filter_of(place), limit=limit, offset=offset)
    )
    now = clock.utc_now()
    services = deploys.deployed_services(actor)
    return DeploymentsView(
        figures=to_figures(deploys.delivery_figures(actor, place.word(routes.SERVICE)), lang),
        rows=[to_deployment(each, now, lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
        results=choices(place, routes.RESULT, [("", text("pager.all", lang)), *_results(lang)]),
        services=_services(place, services, lang),
        narrowed=_narrowed(place, lang),
        is_unused=not services,
    )


def filter_of(place: Place) -> DeployFilter:
    """The filter that an address names. Raises NotFound for an id that is none."""
    deploy, result = place.word(routes.DEPLOY), place.word(routes.RESULT)
    return DeployFilter(
        service=place.word(routes.SERVICE),
        author=place.word(routes.AUTHOR),
        result=DeployResult(result) if result else None,
        deploy_id=uuid_of(deploy) if deploy else None,
    )


def _narrowed(place: Place, lang: Lang) -> list[Choice]:
    """Filters without a choice of their own on the page, each with the link that takes it away."""
    named = {
        routes.AUTHOR: place.word(routes.AUTHOR),
        routes.DEPLOY: text("page.deployments.one", lang) if place.word(routes.DEPLOY) else "",
    }
    return [
        Choice(title=title, url=place.with_word(name, "").address, is_chosen=True)
        for name, title in named.items()
        if title
    ]


def _results(lang: Lang) -> list[tuple[str, str]]:
    return [(each.value, text(f"deployment.result.{each}", lang)) for each in DeployResult]


def _services(place: Place, services: list[str], lang: Lang) -> list[Choice]:
    """The services to choose from; none where there is nothing to choose."""
    if len(services) < 2:  # noqa: PLR2004 - a choice is between two
        return []
    every = [("", text("page.deployments.all_services", lang)), *((each, each) for each in services)]
    return choices(place, routes.SERVICE, every)
