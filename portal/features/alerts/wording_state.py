"""State of the choice between the words of a model and those of our rules."""

import reflex as rx

from portal.guard import STAFF, allow


class WordingState(rx.State):
    """A tab's choice between a model's words and those of our rules."""

    reads_rules: bool = False

    @rx.event
    @allow(STAFF)
    async def switch(self) -> None:
        """Show the other wording."""
        self.reads_rules = not self.reads_rules
