"""State of the page that asks the runbooks."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import reflex as rx

from backend.actor import Actor
from backend.db.news import Topic
from backend.free_text import received
from backend.i18n.catalog import Lang
from portal.features.ask.rows import AskView, to_ask
from portal.guard import STAFF, allow
from portal.live import LivePage, Query
from runbooks import ask_service as runbooks


class AskState(LivePage, rx.State):
    """A tab's question. It stands in no address: an address is kept in logs and histories."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.ANSWERS,)

    view: AskView = AskView()
    restored: str = ""
    """The question that the field is filled with: a page that comes again, in another language, keeps it."""

    def _query(self) -> Query:
        question = self.view.question
        return lambda actor, lang: looked_at(actor, question, lang)

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """Begin without a question, or show the one that this tab asked last."""
        self.restored = self.view.question
        await self._show(self._query())

    @rx.event
    @allow(STAFF)
    async def ask(self, form: dict[str, Any]) -> AsyncIterator[None]:
        """Show what the runbooks say to a question; an empty one changes nothing."""
        asked = form.get("question", "") if isinstance(form, dict) else ""
        question = received(str(asked), runbooks.LONGEST_QUESTION)
        if question:
            self.view = AskView(question=question)
            yield
            await self._show(lambda actor, lang: to_ask(question, runbooks.ask(actor, question), lang))

    @rx.event(background=True)
    @allow(STAFF)
    async def follow(self) -> AsyncIterator[Any]:
        """Show the answer of a model as soon as there is one."""
        async for event in self._followed():
            yield event

    async def _write(self, found: AskView) -> None:
        # Somebody may have asked something else while this was read.
        if found.question == self.view.question and found != self.view:
            self.view = found


def looked_at(actor: Actor, question: str, lang: Lang) -> AskView:
    """The page of a question, with what is known by now; an empty page without one."""
    return to_ask(question, runbooks.look(actor, question), lang) if question else AskView()
