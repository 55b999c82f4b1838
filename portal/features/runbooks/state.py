"""States of the list of runbooks and of one runbook's page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang, text
from portal import routes
from portal.guard import STAFF, allow
from portal.loaded import LoadedPage
from runbooks import service as runbooks


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRow:
    """A runbook in the list."""

    name: str
    code: str
    said: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookView:
    """A runbook's page: the alert in words, its own name, and the page as HTML that is safe to show."""

    name: str = ""
    code: str = ""
    said: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbooksView:
    """Every runbook."""

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
    """Every runbook in the reader's language."""
    return RunbooksView(
        rows=[
            RunbookRow(
                name=text(f"alerts.name.{name}", lang),
                code=name,
                said=text(f"alerts.said.{name}", lang),
                url=routes.runbook(name),
            )
            for name in runbooks.names(actor)
        ]
    )


def runbook_view(actor: Actor, name: str, lang: Lang) -> RunbookView:
    """A runbook in the reader's language. Raises NotFound."""
    found = runbooks.page(actor, name, lang)
    return RunbookView(
        name=text(f"alerts.name.{name}", lang),
        code=name,
        said=text(f"alerts.said.{name}", lang),
        html=found.html,
    )
