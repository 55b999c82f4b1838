"""The base of pages that keep themselves up to date while they are open.

A page's state inherits ``LivePage``, names the topics that it follows, and returns from ``_query`` the read
that it needs. Its handlers, with their policy, are four lines each::

    class JobsState(LivePage, rx.State):
        FOLLOWS: ClassVar[tuple[Topic, ...]] = (Topic.JOBS,)
        view: JobsView = JobsView()

        def _query(self) -> Query:
            place = place_of(self)
            return lambda actor, lang: to_jobs(jobs.overview(actor), place, lang)

        @rx.event
        @allow(STAFF)
        async def load(self) -> None:
            await self._show(self._query())

        @rx.event(background=True)
        @allow(STAFF)
        async def follow(self) -> AsyncIterator[Any]:
            async for event in self._followed():
                yield event

and its page has ``on_load=[JobsState.load, JobsState.follow]`` and shows ``live_note(JobsState)`` above the content.
A view is sent only when it differs from the one that the tab has. What differs in one part of a large view should be
a var of its own: override ``_write``.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import reflex as rx

from backend.actor import Actor
from backend.db.news import Topic
from backend.errors import SignInRequired
from backend.i18n.catalog import Lang
from portal import bridge, feeds, routes, task_owner
from portal.bridge import Problem, ThreadPool
from portal.components.status import lost_since, note
from portal.feeds import Versions
from portal.i18n import language
from portal.loaded import LoadedPage

Query = Callable[[Actor, Lang], Any]

# At most three updates a second: more would be neither read nor drawn.
SHORTEST_GAP_S = 0.33
# A topic moves more often than any one page: a look that found nothing new is soon followed by the next, so that what
# does concern the page is told at once.
LOOK_GAP_S = 0.1
_MOST_SHARED = 200


class LivePage(LoadedPage, mixin=True):
    """A page that follows topics. After a failure it keeps what it had and says that it could not look again."""

    FOLLOWS: ClassVar[tuple[Topic, ...]] = ()
    # Ages change, and behind a pooler no news are heard: a page looks again after this time in any case.
    LOOK_AGAIN_S: ClassVar[float] = 10.0
    POOL: ClassVar[ThreadPool] = ThreadPool.DATABASE

    lost: Problem = Problem(text="")

    if TYPE_CHECKING:
        follow: ClassVar[Any]

    def _query(self) -> Query:
        """The read that this tab needs now: a function of the actor and the language that returns the view."""
        raise NotImplementedError

    async def _write(self, found: Any) -> None:
        """Put what was read into the vars. Only what differs should be written: a var is sent whole."""
        if found != self.view:
            self.view = found

    async def _followed(self) -> AsyncIterator[Any]:
        """Read again at each change while the tab is here. Yields the way to sign in when the session has ended."""
        owner, lang = await task_owner.of(self), language(self)
        seen, shown, gap_s = feeds.versions(self.FOLLOWS), object(), SHORTEST_GAP_S
        while owner.is_here(self):
            await asyncio.sleep(gap_s)
            seen = await feeds.moved(seen, self.LOOK_AGAIN_S)
            if not owner.is_here(self):
                return
            try:
                work = partial(self._query(), owner.actor, lang)
                outcome = await owner.confirmed(self, await bridge.attempt(lang, work, pool=self.POOL))
            except SignInRequired:
                here = self.router.url
                yield rx.redirect(routes.sign_in_again(here.path, here.query, error=SignInRequired.code))
                return
            # Whatever else has written since, such as a click whose answer failed, is written over.
            if outcome == shown and self.phase == "ready" and not isinstance(outcome, Problem):
                gap_s = LOOK_GAP_S
                continue
            async with owner.holding(self) as is_ours:
                if not is_ours:
                    return
                await self._take(outcome)
            shown, gap_s = outcome, SHORTEST_GAP_S

    async def _take(self, outcome: Any) -> None:
        lost = outcome if isinstance(outcome, Problem) else Problem(text="")
        if lost != self.lost:
            self.lost = lost
        if isinstance(outcome, Problem):
            return
        if self.phase != "ready":
            self.phase = "ready"
        await self._write(outcome)


def live_note(state: type[LivePage]) -> rx.Component:
    """The line that says why a live page may be out of date, over its end; nothing while all is well."""
    said = note(state.lost.text, lost_since(state.lost.since_s), tone="warn")
    return rx.cond(state.lost.text != "", rx.el.div(said, class_name="live-lost"), rx.fragment())


@dataclass(slots=True)
class _CachedResult:
    versions: Versions
    answer: "asyncio.Future[Any]"
    until: float


class QueryCache:
    """Answers that many tabs share: one reading for each key and version, for all tabs that ask for the same.

    The key holds everything that the answer depends on, the reader's role and language included. An error is told to
    all who wait and is never kept.
    """

    def __init__(self, topics: tuple[Topic, ...], *, keep_s: float = 1.0) -> None:
        """Name the topics whose changes make an answer old, and how long one is kept without a change."""
        self._topics = topics
        self._keep_s = keep_s
        self._known: OrderedDict[Hashable, _CachedResult] = OrderedDict()

    async def get(self, key: Hashable, read: Callable[[], Any]) -> Any:
        """The answer for a key, read at most once at a time. ``read`` returns an awaitable."""
        loop = asyncio.get_running_loop()
        versions = feeds.versions(self._topics)
        known = self._known.get(key)
        if (
            known is None
            or known.versions != versions
            or known.until < loop.time()
            or _is_useless(known, loop)
        ):
            asked = asyncio.ensure_future(read())
            known = self._known[key] = _CachedResult(versions, asked, loop.time() + self._keep_s)
            self._known.move_to_end(key)
            while len(self._known) > _MOST_SHARED:
                self._known.popitem(last=False)
        # A tab that leaves must not take the answer away from the others.
        return await asyncio.shield(known.answer)


def _is_useless(known: _CachedResult, loop: asyncio.AbstractEventLoop) -> bool:
    """Whether an answer belongs to a loop that has ended, or failed."""
    answer = known.answer
    return answer.get_loop() is not loop or (
        answer.done() and (answer.cancelled() or answer.exception() is not None)
    )
