"""State of the page of the audit trail."""

import time
from functools import partial

import reflex as rx

from backend.audit import service as audit
from backend.audit.types import ChainMark
from portal import bridge, task_owner
from portal.audit_search import AFTER, BEFORE, WORDS
from portal.bridge import Problem
from portal.features.audit import queries
from portal.features.audit.rows import AuditView, CheckView, to_check
from portal.guard import STAFF, allow
from portal.i18n import language
from portal.loaded import LoadedPage
from portal.place import place_of

# A click checks for so long and says how far it came; the next one goes on from there.
CHECK_S = 20.0
TOLD_EVERY_S = 0.5


class AuditState(LoadedPage, rx.State):
    """A tab's view of the audit trail."""

    view: AuditView = AuditView()
    is_checking: bool = False
    check: CheckView = CheckView()
    check_problem: str = ""
    _mark: ChainMark | None = None

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """Show the entries of the search that the address names."""
        place = place_of(self, dict.fromkeys((*WORDS, BEFORE, AFTER)))
        self.is_checking = False
        await self._show(lambda actor, lang: queries.entries(actor, lang, place))

    @rx.event(background=True)
    @allow(STAFF)
    async def verify(self) -> None:
        """Check the chain for a while, from where the last click came to; a whole one is checked from its beginning."""
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_checking:
                return
            self.is_checking, self.check_problem = True, ""
            mark = None if self._mark is None or self._mark.is_end else self._mark
        ends_at, told_at = time.monotonic() + CHECK_S, 0.0
        while True:
            work = (
                partial(audit.check_next, owner.actor, mark)
                if mark
                else partial(audit.begin_check, owner.actor)
            )
            outcome = await owner.confirmed(self, await bridge.attempt(lang, work))
            now = time.monotonic()
            is_over = isinstance(outcome, Problem) or outcome.is_end or now >= ends_at
            if is_over or now - told_at >= TOLD_EVERY_S:
                told_at = now
                async with owner.holding(self) as is_ours:
                    if not is_ours or not self.is_checking:
                        return
                    self._tell(outcome, is_over=is_over)
            if isinstance(outcome, Problem) or is_over:
                return
            mark = outcome

    def _tell(self, outcome: ChainMark | Problem, *, is_over: bool) -> None:
        self.is_checking = not is_over
        if isinstance(outcome, Problem):
            self.check_problem = outcome.text
            return
        self._mark = outcome
        self.check = to_check(outcome, language(self), is_working=not is_over)
