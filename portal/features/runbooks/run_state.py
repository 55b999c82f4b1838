"""State of a run's page, with everything that a person can do with a run. Each click is one event of one session."""

from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import reflex as rx

from backend.actor import Actor
from backend.db.news import Topic
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunId
from portal import bridge, routes
from portal.bridge import Problem, ThreadPool
from portal.features.runbooks import form_queries, run_queries
from portal.features.runbooks.run_rows import RunView
from portal.guard import OPERATORS, STAFF, allow
from portal.ids import uuid_of
from portal.live import LivePage, Query
from runbooks import asking_service as asking

_LONGEST_TYPED = 300
# Longer than what is taken, so that a reason that is too long is refused and not cut.
_LONGEST_REASON = 10_000


class RunPageState(LivePage, rx.State):
    """A tab's view of one run; it follows its states and those of its alert."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.RUNBOOKS, Topic.ALERTS)
    view: RunView = RunView()
    is_working: bool = False
    is_declining: bool = False
    action_problem: str = ""
    decline_problem: str = ""
    _key: str = ""

    def _query(self) -> Query:
        named = self._named()
        return lambda actor, lang: run_queries.run_view(actor, named, lang)

    def _named(self) -> str:
        return str(self.router.url.path).rstrip("/").rpartition("/")[2]

    @rx.event
    @allow(STAFF)
    async def load(self) -> AsyncIterator[None]:
        """Show the run that the address names."""
        if self.view.key != self._named():
            # What another run showed must not stay under this one's address.
            self.reset()
            yield
        self.action_problem, self.is_working, self.is_declining = "", False, False
        self._key = asking.new_request_key()
        await self._show(self._query())

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show each change while the page is open."""
        async for event in self._followed():
            yield event

    @rx.event
    @allow(OPERATORS)
    async def confirm(self, form: dict[str, Any]) -> None:
        """Confirm the plan that the page showed; its hash comes back with the form."""
        if self.view.choices.confirm:
            plan, typed = _word(form, "plan"), _word(form, "typed")
            await self._act(lambda actor, run_id: runs.confirm(actor, run_id, plan, typed))

    @rx.event
    @allow(OPERATORS)
    async def approve(self, form: dict[str, Any]) -> None:
        """Approve the plan that the page showed; its hash comes back with the form."""
        if self.view.choices.decide:
            plan = _word(form, "plan")
            await self._act(lambda actor, run_id: runs.approve(actor, run_id, plan))

    @rx.event
    @allow(OPERATORS)
    def ask_decline(self) -> None:
        """Open the question for the reason."""
        self.is_declining, self.decline_problem = self.view.choices.decide, ""

    @rx.event
    @allow(OPERATORS)
    def close_decline(self) -> None:
        """Close without declining."""
        self.is_declining, self.decline_problem = False, ""

    @rx.event
    @allow(OPERATORS)
    async def decline(self, form: dict[str, Any]) -> None:
        """Decline the run with a written reason."""
        if not self.is_declining:
            return
        reason, run_id = _word(form, "reason", _LONGEST_REASON), self._run_id()
        outcome = await self._attempt(lambda actor, _lang: runs.decline(actor, run_id, reason))
        if isinstance(outcome, Problem):
            self.decline_problem = outcome.text
            return
        self.is_declining, self.decline_problem = False, ""
        await self._show(self._query())

    @rx.event
    @allow(OPERATORS)
    async def cancel(self) -> None:
        """Cancel the run. It is cancelled when its process is proven gone, and is being cancelled until then."""
        if self.view.choices.cancel:
            await self._act(runs.cancel)

    @rx.event
    @allow(OPERATORS)
    async def go_on(self) -> None:
        """Let a lost run go on from its last finished step."""
        if self.view.choices.go_on:
            await self._act(runs.go_on)

    @rx.event
    @allow(OPERATORS)
    async def undo(self) -> AsyncIterator[Any]:
        """Ask for the plan of undoing this run, and go to its page."""
        run_id, key = self._run_id(), f"undo:{self._key}"
        if self.view.choices.undo:
            async for event in self._ask(lambda actor, _lang: asking.ask_undo(actor, run_id, key)):
                yield event

    @rx.event
    @allow(OPERATORS)
    async def repeat(self) -> AsyncIterator[Any]:
        """Ask for a new plan with the same parameters, and go to its page."""
        run_id, key = self._run_id(), f"repeat:{self._key}"
        if self.view.choices.repeat:
            async for event in self._ask(lambda actor, lang: form_queries.repeat(actor, run_id, key, lang)):
                yield event

    def _run_id(self) -> RunId:
        return RunId(uuid_of(self.view.key))

    async def _act(self, work: Callable[[Actor, RunId], RunbookRun]) -> None:
        run_id, self.action_problem = self._run_id(), ""
        outcome = await self._attempt(lambda actor, _lang: work(actor, run_id))
        if isinstance(outcome, Problem):
            self.action_problem = outcome.text
        await self._show(self._query())

    async def _ask(self, work: Callable[[Actor, Any], RunbookRun | str]) -> AsyncIterator[Any]:
        """Ask for another run. It may ask the cluster for the choices of a field, so it waits in a pool of its own."""
        self.is_working, self.action_problem = True, ""
        yield
        actor, lang = await self._reader()
        outcome = await bridge.attempt(lang, lambda: work(actor, lang), pool=ThreadPool.NETWORK)
        self.is_working = False
        if isinstance(outcome, Problem | str):
            self.action_problem = outcome.text if isinstance(outcome, Problem) else outcome
            return
        yield rx.redirect(routes.run(outcome.id))


def _word(form: object, name: str, longest: int = _LONGEST_TYPED) -> str:
    return str(form.get(name, ""))[:longest] if isinstance(form, dict) else ""
