"""The base of every page with loaded content: it shows the content, or why there is none, and knows who asks.

A page's state inherits ``LoadedPage`` and keeps what it read in one var ``view``: a list, or a frozen dataclass with a
default for each field. No field may be called ``entries``, ``keys``, ``values`` or ``items``, because a Var has methods
of these names. What is told again and again while the page is open stays apart from ``view``, which is sent whole.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang
from portal import bridge, session
from portal.bridge import Problem
from portal.components.status import error_panel, skeleton
from portal.i18n import language

T = TypeVar("T")


class LoadedPage(rx.State, mixin=True):
    """Phase and problem of a page. The page's own state has ``view``, and the handler ``load`` with its policy."""

    if TYPE_CHECKING:
        view: Any
        load: ClassVar[Any]

    phase: str = "loading"
    problem: Problem = Problem(text="")

    async def _reader(self) -> tuple[Actor, Lang]:
        """The reader and the language. Raises SignInRequired when the session has ended meanwhile."""
        return (await session.current(self)).actor, language(self)

    async def _attempt(self, work: Callable[[Actor, Lang], T]) -> T | Problem:
        """Run a use case for the reader and return its result, or the problem."""
        actor, lang = await self._reader()
        return await bridge.attempt(lang, lambda: work(actor, lang))

    async def _read(self, work: Callable[[Actor, Lang], T]) -> T | None:
        """Read the content. Returns None when it fails; the page then shows the reason and a button to try again."""
        outcome = await self._attempt(work)
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return None
        self.phase = "ready"
        return outcome

    async def _show(self, work: Callable[[Actor, Lang], object]) -> None:
        """Read the content anew and show it."""
        if (found := await self._read(work)) is not None:
            self.view = found


def loaded(
    state: type[LoadedPage], content: rx.Component, *, retry: Any = None, lines: int = 6
) -> rx.Component:
    """Content of a page, grey lines before it is there, or the problem. A page that loads again shows what it had.

    ``retry`` is the handler that tries again, the state's ``load`` by default.
    """
    return rx.match(
        state.phase,
        ("ready", content),
        ("problem", error_panel(state.problem, state.load if retry is None else retry)),
        rx.el.div(skeleton(lines), class_name="card"),
    )
