"""State of the prices page, with the form of an operator."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang
from backend.pricing.types import ChangeKind
from portal.bridge import Problem
from portal.features.prices import queries
from portal.features.prices.queries import Looked
from portal.features.prices.rows import ChangeView, PricesView
from portal.guard import OPERATORS, STAFF, allow
from portal.loaded import LoadedPage

# A list, not a set: a browser may send what has no hash.
KINDS = [kind.value for kind in ChangeKind]
FIELDS = ("kind", "model", "type", "price", "priced_as", "day")
LONGEST_TYPED = 300


class PricesState(LoadedPage, rx.State):
    """A tab's view of the prices: the lists, and a change that was looked at and not made yet."""

    view: PricesView = PricesView()
    can_act: bool = False
    kind: str = ChangeKind.PRICE.value
    model: str = ""
    form_key: int = 0
    preview: ChangeView = ChangeView()
    form_problem: str = ""
    list_problem: str = ""
    done: str = ""
    _looked: Looked | None = None

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The prices now, and an empty form."""
        actor, _ = await self._reader()
        self.can_act = actor.role in OPERATORS
        self._begin(ChangeKind.PRICE.value, "")
        self.done = self.list_problem = ""
        await self._show(queries.overview)

    @rx.event
    @allow(OPERATORS)
    def choose_kind(self, value: str) -> None:
        """Show the fields of another kind of change."""
        if value in KINDS:
            self.kind = value
            self._forget()

    @rx.event
    @allow(OPERATORS)
    def begin(self, kind: str, model: str) -> None:
        """Begin a change for a model of the list of those without a price."""
        if kind in KINDS and any(row.model == model for row in self.view.models):
            self._begin(kind, model)

    @rx.event
    @allow(OPERATORS)
    async def look(self, form: dict[str, Any]) -> None:
        """Show what a change would do; nothing is saved."""
        typed = (
            {name: str(form.get(name) or "")[:LONGEST_TYPED] for name in FIELDS}
            if isinstance(form, dict)
            else {}
        )
        self._forget()
        found = await self._attempt(lambda actor, lang: queries.look(actor, typed, lang))
        if isinstance(found, Problem):
            self.form_problem = found.text
        else:
            self.preview, self._looked = found.view, found

    @rx.event
    @allow(OPERATORS)
    async def confirm_change(self) -> None:
        """Make the change that was looked at. A second click finds none."""
        looked, self._looked = self._looked, None
        if looked is None:
            return
        said = await self._attempt(lambda actor, lang: queries.confirm(actor, looked, lang))
        self._forget()
        if isinstance(said, Problem):
            self.form_problem = said.text
            return
        self._begin(ChangeKind.PRICE.value, "")
        self.done = said
        await self._show(queries.overview)

    @rx.event
    @allow(OPERATORS)
    async def withdraw_list(self, version: str) -> None:
        """Take back a list that has not begun."""
        await self._do(lambda actor, lang: queries.withdraw(actor, version, lang))

    async def _do(self, work: Callable[[Actor, Lang], str]) -> None:
        self.done = self.list_problem = ""
        self._forget()
        said = await self._attempt(work)
        if isinstance(said, Problem):
            self.list_problem = said.text
        else:
            self.done = said
        await self._show(queries.overview)

    def _begin(self, kind: str, model: str) -> None:
        self.kind, self.model, self.form_key = kind, model, self.form_key + 1
        self._forget()

    def _forget(self) -> None:
        self.preview, self._looked, self.form_problem = ChangeView(), None, ""
        self.done = ""
