"""State of the page of jobs, with what an operator asks of them."""

from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import reflex as rx

from backend.actor import Actor
from backend.db.news import Topic
from backend.errors import Conflict
from backend.i18n.catalog import text
from backend.job_runs import service as job_runs
from backend.job_runs.types import RunRequest
from portal.bridge import Problem
from portal.features.jobs import queries
from portal.features.jobs.rows import JobsView
from portal.guard import OPERATORS, STAFF, allow
from portal.job_words import job_name
from portal.live import LivePage, Query
from portal.place import place_of


class JobsState(LivePage, rx.State):
    """A tab's view of jobs. It follows what the scheduler does."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.JOBS,)
    view: JobsView = JobsView()
    can_act: bool = False
    done: str = ""
    action_problem: str = ""
    asking: str = ""
    asking_name: str = ""
    pause_problem: str = ""

    def _query(self) -> Query:
        place = place_of(self, {queries.JOB: None})
        return lambda actor, lang: queries.overview(actor, lang, place)

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The jobs now."""
        actor, _ = await self._reader()
        self.can_act = actor.role in OPERATORS
        self.done = self.action_problem = self.asking = self.pause_problem = ""
        await self._show(self._query())

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show each change while the tab is open."""
        async for event in self._followed():
            yield event

    @rx.event
    @allow(OPERATORS)
    async def run_now(self, job: str) -> None:
        """Ask the leading scheduler to run a job. A second click finds the first one's request."""
        await self._act(lambda actor: _ask(actor, str(job)), "page.jobs.asked", job)

    @rx.event
    @allow(OPERATORS)
    async def resume(self, job: str) -> None:
        """Let the schedule start a job again."""
        await self._act(lambda actor: job_runs.resume(actor, str(job)), "page.jobs.resumed", job)

    @rx.event
    @allow(OPERATORS)
    def ask_pause(self, job: str) -> None:
        """Open the question for a job of this page."""
        for row in self.view.jobs:
            if row.key == job:
                self.asking, self.asking_name, self.pause_problem = row.key, row.name, ""

    @rx.event
    @allow(OPERATORS)
    def close_pause(self) -> None:
        """Close without pausing."""
        self.asking = self.pause_problem = ""

    @rx.event
    @allow(OPERATORS)
    async def pause(self, form: dict[str, Any]) -> None:
        """Pause the job with the operator's written reason."""
        reason, job = str(form.get("reason", "")) if isinstance(form, dict) else "", self.asking
        if not job:
            return
        outcome = await self._attempt(lambda actor, _lang: job_runs.pause(actor, job, reason))
        if isinstance(outcome, Problem):
            self.pause_problem = outcome.text
            return
        self.asking = self.pause_problem = ""
        await self._tell("page.jobs.paused", job)

    async def _act(self, work: Callable[[Actor], RunRequest | None], said: str, job: str) -> None:
        self.done = self.action_problem = ""
        outcome = await self._attempt(lambda actor, _lang: work(actor))
        if isinstance(outcome, Problem):
            self.action_problem = outcome.text
            return
        await self._tell(said, job)

    async def _tell(self, said: str, job: str) -> None:
        _, lang = await self._reader()
        self.done = text(said, lang, job=job_name(job, lang))
        await self._show(self._query())


def _ask(actor: Actor, job: str) -> RunRequest:
    try:
        return job_runs.ask_to_run(actor, job)
    except Conflict:
        waiting = next((each.request for each in job_runs.standing(actor).jobs if each.job == job), None)
        if waiting is None or waiting.ended_at is not None or waiting.asked_by != actor.name:
            raise
        return waiting
