"""States of the list of runbooks and of one runbook's page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang, text
from portal import routes
from portal.guard import STAFF, allow
from portal.loaded import LoadedPage
from portal.run_words import RISK_TONES
from runbooks import asking_service as asking
from runbooks import service as runbooks
from runbooks import wording
from runbooks.form_types import ActionCard
from runbooks.types import PageKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRow:
    """A runbook in the list."""

    name: str
    code: str
    said: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookView:
    """A runbook's page: its subject in words, its own name, and the page as HTML that is safe to show."""

    name: str = ""
    code: str = ""
    said: str = ""
    html: str = ""
    start_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """An action in the list."""

    title: str
    said: str
    risk: str
    risk_tone: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbooksView:
    """Every action and every runbook."""

    actions: list[ActionRow] = field(default_factory=list)
    rows: list[RunbookRow] = field(default_factory=list)


class RunbooksState(LoadedPage, rx.State):
    """A tab's list of runbooks."""

    view: RunbooksView = RunbooksView()

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """Show every runbook."""
        await self._show(runbooks_view)


class RunbookState(LoadedPage, rx.State):
    """A tab's runbook. The address names it; only names that are known lead anywhere."""

    view: RunbookView = RunbookView()

    @rx.event
    @allow(STAFF)
    async def load(self) -> AsyncIterator[None]:
        """Show the runbook that the address names."""
        name = str(self.router.url.path).rstrip("/").rpartition("/")[2]
        if self.view.code != name:
            # What another alert showed must not stay under this one's address.
            self.reset()
            yield
        await self._show(lambda actor, lang: runbook_view(actor, name, lang))


def runbooks_view(actor: Actor, lang: Lang) -> RunbooksView:
    """Every action, and every runbook of an alert or a procedure, in the reader's language."""
    return RunbooksView(
        actions=[_action(card, lang) for card in asking.cards(actor)],
        rows=[
            RunbookRow(
                name=wording.page_title(name, runbooks.kind_of(name), lang),
                code=name,
                said=wording.page_says(name, runbooks.kind_of(name), lang),
                url=routes.runbook(name),
            )
            for name in runbooks.names(actor)
            if runbooks.kind_of(name) is not PageKind.ACTION
        ],
    )


def _action(card: ActionCard, lang: Lang) -> ActionRow:
    return ActionRow(
        title=wording.action_name(card.name, lang),
        said=wording.action_says(card.name, lang),
        risk=text(f"runs.risk.{card.risk}", lang),
        risk_tone=RISK_TONES[card.risk],
        url=routes.action(card.name),
    )


def runbook_view(actor: Actor, name: str, lang: Lang) -> RunbookView:
    """A runbook in the reader's language. Raises NotFound."""
    found = runbooks.page(actor, name, lang)
    return RunbookView(
        name=wording.page_title(name, found.kind, lang),
        code=name,
        said=wording.page_says(name, found.kind, lang),
        html=found.html,
        start_url=routes.action(name) if found.kind is PageKind.ACTION else "",
    )
