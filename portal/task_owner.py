"""Ownership of background tasks: a task goes on after its sender signs out, so it asks again before it writes.

It asks whether the session that started it still lives, and whether the tab's state still belongs to that user:
otherwise the next user of the tab would see what the task writes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import reflex as rx
from reflex_base.registry import RegistrationContext

from backend.actor import Actor
from backend.errors import SignInRequired, Unavailable
from portal import bridge, session
from portal.bridge import Problem
from portal.guard import PrincipalState, principal_of
from portal.i18n import language

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOwner:
    """The actor and the connection that started a background task."""

    actor: Actor
    connection: str
    _cookie: str = field(repr=False)

    def is_here(self, state: rx.State) -> bool:
        """Whether the tab is still there, on the same connection and so with the same cookie."""
        namespace = RegistrationContext.get().app.event_namespace
        known = namespace.token_to_sid.get(state.router.session.client_token) if namespace else None
        return bool(known == self.connection)

    async def confirmed(self, state: rx.State, outcome: T | Problem) -> T | Problem:
        """The outcome while its sender may see it, and a problem when the database cannot say. No visit.

        Raises:
            SignInRequired: the session has ended meanwhile, or is now another role's.
        """
        try:
            found = await session.of_cookies(self._cookie, notes_visit=False)
        except Unavailable as lost:
            return bridge.problem_of(lost, language(state))
        if found.actor != self.actor:
            raise SignInRequired
        return outcome

    @asynccontextmanager
    async def holding(self, state: rx.State) -> AsyncIterator[bool]:
        """Hold the tab's state for a write, and say whether it may be written: only while it is the sender's."""
        if not self.is_here(state):
            yield False
            return
        async with state:
            principal = await state.get_state(PrincipalState)
            bound_to = principal._bound_to  # noqa: SLF001 - a backend var, private to the browser and not to us
            yield self.is_here(state) and bound_to == principal_of(self.actor)


async def of(state: rx.State) -> TaskOwner:
    """The owner of a task that starts now. Raises SignInRequired when its session has ended already."""
    cookie = state.router.headers.cookie
    found = await session.of_cookies(cookie, notes_visit=False)
    return TaskOwner(actor=found.actor, connection=str(state.router.session.session_id), _cookie=cookie)
