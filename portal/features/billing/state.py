"""State of the billing page, with the actions of an operator."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import reflex as rx

from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.invoices.types import Invoice, InvoiceId
from portal import bridge, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.billing import queries
from portal.features.billing.queries import BillingView, Overview, PlanView
from portal.features.billing.rows import FigureChoice, PlanRow, RunRow, figure_named, released, with_unit
from portal.guard import OPERATORS, STAFF, allow
from portal.i18n import language
from portal.ids import uuid_of
from portal.loaded import LoadedPage
from portal.place import TAB, Place, place_of

TABS = ("runs", "held", "unknown", "plan", "compare")
PROGRESS_S = 1.0


class BillingState(LoadedPage, rx.State):
    """A tab's view of billing. Runs are refreshed while a run is at work, so they are kept apart from the rest."""

    view: BillingView = BillingView()
    tab: str = "runs"
    can_act: bool = False
    runs: list[RunRow] = []

    plan_phase: str = "idle"
    plan_problem: Problem = Problem(text="")
    plan_rows: list[PlanRow] = []
    is_running: bool = False
    done: str = ""

    chosen_key: str = ""
    chosen_title: str = ""
    chosen_cost: str = ""
    chosen_figures: list[FigureChoice] = []
    release_problem: str = ""
    is_releasing: bool = False
    _chosen_day: str = ""
    _plan_hash: str = ""

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The state of billing now."""
        (actor, _), place = await self._reader(), self._place()
        found = await self._read(lambda actor, lang: queries.overview(actor, lang, place))
        # A page that was loaded again has lost its question; a run at work shows among the runs. A plan that is ready
        # stays while one turns the pages of the runs: running it says if it holds no more.
        self.can_act, self.is_running, self.done = actor.role in OPERATORS, False, ""
        if self.plan_phase != "ready":
            self.plan_phase = "idle"
        self.chosen_key, self.release_problem, self.is_releasing = "", "", False
        self.tab = place.word(TAB) or TABS[0]
        if found is not None:
            self._show_all(found)

    @rx.event
    @allow(STAFF)
    def choose_tab(self, name: str) -> None:
        """Show another view."""
        if name in TABS:
            self.tab = name

    @rx.event(background=True)
    @allow(STAFF)
    async def make_plan(self, form: dict[str, Any]) -> None:
        """Work out what a run would do. It measures, so it takes as long as Prometheus does."""
        owner, lang = await task_owner.of(self), language(self)
        chosen = str(form.get("day", "")) if isinstance(form, dict) else ""
        async with owner.holding(self) as is_ours:
            if not is_ours or self.plan_phase == "working" or self.is_running:
                return
            self.plan_phase, self.done, self._plan_hash = "working", "", ""
        outcome = await bridge.attempt(
            lang, lambda: queries.plan(owner.actor, chosen, lang), pool=ThreadPool.BILLING
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if is_ours:
                self._show_plan(outcome, chosen)

    @rx.event(background=True)
    @allow(OPERATORS)
    async def run_plan(self) -> AsyncIterator[None]:
        """Do what the plan said. A second click, tab or operator finds the lock taken or the plan changed."""
        owner, lang = await task_owner.of(self), language(self)
        actor = owner.actor
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_running or not self._plan_hash:
                return
            chosen, plan_hash, place = self._chosen_day, self._plan_hash, self._place()
            self.is_running, self._plan_hash, self.done = True, "", ""
        work = asyncio.ensure_future(
            bridge.attempt(lang, partial(queries.run, actor, chosen, plan_hash), pool=ThreadPool.BILLING)
        )
        while not (await asyncio.wait({work}, timeout=PROGRESS_S))[0]:
            seen = await bridge.attempt(lang, lambda: queries.latest_runs(actor, lang, place))
            seen = await owner.confirmed(self, seen)
            async with owner.holding(self) as is_ours:
                if not is_ours:
                    return  # the run itself goes on in its thread
                self.runs = self.runs if isinstance(seen, Problem) else seen
            yield
        found = await bridge.attempt(lang, lambda: queries.overview(actor, lang, place))
        found = await owner.confirmed(self, found)
        outcome = await owner.confirmed(self, work.result())
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            self.is_running, self.plan_rows = False, []
            if isinstance(outcome, Problem):
                self.plan_phase, self.plan_problem = "problem", outcome
            else:
                self.plan_phase, self.done, self.tab = "idle", queries.summary(outcome, lang), "runs"
            if isinstance(found, Overview):
                self._show_all(found)

    @rx.event
    @allow(OPERATORS)
    def ask_release(self, key: str) -> None:
        """Open the question for a held invoice of this page."""
        for row in self.view.held:
            if row.key == key:
                self.chosen_key, self.chosen_cost = row.key, with_unit(row.would_cost, language(self))
                self.chosen_figures = row.figures
                self.chosen_title = f"{row.tenant} · {row.day}"
                self.release_problem = ""

    @rx.event
    @allow(OPERATORS)
    def close_release(self) -> None:
        """The operator thought better of it."""
        self.chosen_key, self.release_problem = "", ""

    @rx.event(background=True)
    @allow(OPERATORS)
    async def release(self, form: dict[str, Any]) -> None:
        """Issue the held invoice with the operator's written reason. It may have to wait for a run that issues now."""
        owner, lang = await task_owner.of(self), language(self)
        reason = str(form.get("reason", "")) if isinstance(form, dict) else ""
        figure = figure_named(form.get("figure")) if isinstance(form, dict) else None
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_releasing:
                return
            key, self.is_releasing = self.chosen_key, True
        outcome = await bridge.attempt(
            lang,
            lambda: invoices.release(owner.actor, InvoiceId(uuid_of(key)), reason, figure),
            pool=ThreadPool.BILLING,
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if is_ours and self.is_releasing:
                await self._show_released(outcome, lang)

    async def _show_released(self, outcome: Invoice | Problem, lang: Lang) -> None:
        self.is_releasing = False
        if isinstance(outcome, Problem):
            self.release_problem = outcome.text
            return
        self.chosen_key = ""
        self.done = released(outcome, lang)
        await self._reload()

    async def _reload(self) -> None:
        place = self._place()
        found = await self._attempt(lambda actor, lang: queries.overview(actor, lang, place))
        if isinstance(found, Overview):
            self._show_all(found)

    def _place(self) -> Place:
        return place_of(self, {TAB: TABS}, others=(queries.HELD, queries.UNKNOWN))

    def _show_all(self, found: Overview) -> None:
        self.view, self.runs, self.phase = found.view, found.runs, "ready"

    def _show_plan(self, outcome: PlanView | Problem, chosen: str) -> None:
        if isinstance(outcome, Problem):
            self.plan_phase, self.plan_problem, self.plan_rows = "problem", outcome, []
            return
        self.plan_phase, self.plan_rows = "ready", outcome.rows
        self._chosen_day, self._plan_hash = chosen, outcome.plan_hash
