"""State of the page that asks the runbooks."""

from typing import Any

import reflex as rx

from backend.free_text import received
from portal.features.ask.rows import AskView, to_ask
from portal.guard import STAFF, allow
from portal.loaded import LoadedPage
from runbooks import ask_service as runbooks


class AskState(LoadedPage, rx.State):
    """A tab's question. It stands in no address: an address is kept in logs and histories."""

    view: AskView = AskView()

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """Begin without a question, or show the one that this tab asked last."""
        self.phase = "ready"

    @rx.event
    @allow(STAFF)
    async def ask(self, form: dict[str, Any]) -> None:
        """Show what the runbooks say to a question; an empty one changes nothing."""
        question = received(str(form.get("question", "")), runbooks.LONGEST_QUESTION)
        if question:
            await self._show(lambda actor, lang: to_ask(question, runbooks.ask(actor, question), lang))
