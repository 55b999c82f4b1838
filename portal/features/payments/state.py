"""State of the payments page, with the actions of an operator."""

from collections.abc import AsyncIterator
from typing import Any

import reflex as rx

from backend.i18n.catalog import Lang, text
from backend.payments import service as payments
from backend.payments.types import Attempt, AttemptId
from portal import bridge, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.payments import queries
from portal.features.payments.queries import (
    BOOKED,
    EVENTS,
    FLAGGED,
    FOUND,
    UNDECIDED,
    PaymentEvidence,
    PaymentList,
    PaymentsView,
)
from portal.features.payments.rows import checked_words
from portal.guard import OPERATORS, STAFF, allow
from portal.i18n import language
from portal.ids import uuid_of
from portal.loaded import LoadedPage
from portal.place import LONGEST_WORD, PAGE, TAB, Place, place_of

ALL = "all"
TABS = (UNDECIDED, FLAGGED, ALL)
LISTS = (UNDECIDED, FLAGGED, FOUND, EVENTS, BOOKED)
# In the address: the payment whose evidence is open, and what is searched for.
PAYMENT, SOUGHT = "payment", "track"


class PaymentsState(LoadedPage, rx.State):
    """A tab's view of payments."""

    view: PaymentsView = PaymentsView()
    tab: str = UNDECIDED
    can_act: bool = False
    every: PaymentList = PaymentList()
    sought: str = ""
    found: PaymentList = PaymentList()
    found_none: bool = False

    evidence: PaymentEvidence = PaymentEvidence()
    is_checking: bool = False
    is_asking: bool = False
    is_resolving: bool = False
    resolve_problem: str = ""
    # What an action came to, each where the click was: the open payment, the search, the lists.
    action_problem: str = ""
    done: str = ""
    search_problem: str = ""
    list_problem: str = ""
    resolved: str = ""

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """Load the payments that wait for an operator, and the payment that the address names."""
        actor, _ = await self._reader()
        self.can_act = actor.role in OPERATORS
        self._forget_answers()
        named = self._named()
        self.tab, self.sought = named.word(TAB) or TABS[0], named.word(SOUGHT)
        self._close_file()
        self.is_checking = self.is_asking = self.is_resolving = False
        await self._show_lists()
        await self._show_every()
        await self._search(self._place().of(FOUND))
        if key := named.word(PAYMENT):
            await self._show_file(key)

    @rx.event
    @allow(STAFF)
    async def find(self, form: dict[str, Any]) -> None:
        """Search for a payment by a number; a single result is opened at once."""
        self._forget_answers()
        wanted = str(form.get("wanted", "")) if isinstance(form, dict) else ""
        self.sought = wanted.strip()[:LONGEST_WORD]
        await self._search(self._place().of(FOUND).at(1))

    @rx.event
    @allow(STAFF)
    async def choose_tab(self, name: str) -> None:
        """Show another list."""
        if name in TABS:
            self.tab = name
            await self._show_every()

    @rx.event
    @allow(STAFF)
    async def open_file(self, key: str) -> None:
        """Show the evidence of one payment."""
        self._forget_answers()
        await self._show_file(str(key))

    @rx.event
    @allow(STAFF)
    def close_file(self) -> Any:
        """Show no evidence any more."""
        self._close_file()
        if not self._named().word(PAYMENT):
            return None
        if not self.found.rows:
            self.sought = ""  # the search for just this payment would open it again
        return rx.redirect(self._place_of_file("").address)

    @rx.event(background=True)
    @allow(OPERATORS)
    async def check_again(self) -> None:
        """Reconcile the open payment with the gateway now. The page stays free while the gateway thinks."""
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_checking:
                return
            key = self.evidence.file.key
            self.is_checking, self.done, self.action_problem = True, "", ""
        outcome = await bridge.attempt(
            lang, lambda: payments.check_again(owner.actor, AttemptId(uuid_of(key))), pool=ThreadPool.GATEWAY
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            # A page that was loaded again shows the payment as it is now, and asks about it anew.
            if is_ours and self.is_checking:
                await self._show_checked(outcome, key, lang)

    async def _show_checked(self, outcome: Attempt | Problem, key: str, lang: Lang) -> None:
        self.is_checking = False
        if isinstance(outcome, Problem):
            self.action_problem = outcome.text
            return
        words, was_answered = checked_words(outcome, lang)
        self.done, self.action_problem = (words, "") if was_answered else ("", words)
        if self.evidence.file.key == key:
            await self._show_file(key)
        self.found = PaymentList()
        await self._show_lists()

    @rx.event
    @allow(OPERATORS)
    def ask_resolve(self) -> None:
        """Open the question for the open payment."""
        self.is_asking, self.resolve_problem = self.evidence.file.can_resolve, ""

    @rx.event
    @allow(OPERATORS)
    def close_resolve(self) -> None:
        """The operator thought better of it."""
        self.is_asking, self.resolve_problem = False, ""

    @rx.event
    @allow(OPERATORS)
    async def resolve(self, form: dict[str, Any]) -> AsyncIterator[None]:
        """Take the open payment off the lists with the operator's written reason."""
        (actor, lang), key = await self._reader(), self.evidence.file.key
        reason = str(form.get("reason", "")) if isinstance(form, dict) else ""
        if not self.is_asking:
            return
        self.is_resolving = True
        yield
        outcome = await bridge.attempt(lang, lambda: payments.resolve(actor, AttemptId(uuid_of(key)), reason))
        self.is_resolving = False
        if isinstance(outcome, Problem):
            self.resolve_problem = outcome.text
            return
        self.is_asking, self.resolved = False, text("page.payments.resolved", lang)
        self.found = PaymentList()
        self._close_file()
        await self._show_lists()

    def _forget_answers(self) -> None:
        self.done = self.action_problem = self.search_problem = self.list_problem = self.resolved = ""

    def _close_file(self) -> None:
        self.evidence = PaymentEvidence()

    def _named(self) -> Place:
        return place_of(self, {TAB: TABS, PAYMENT: None, SOUGHT: None}, others=LISTS)

    def _place(self) -> Place:
        """The place that the address names, with the tab and the search that were chosen since without one."""
        place = self._named().in_tab("" if self.tab == TABS[0] else self.tab)
        if place.word(SOUGHT) == self.sought:
            return place
        return place.of(FOUND).with_word(SOUGHT, self.sought).of(PAGE)

    def _place_of_file(self, key: str) -> Place:
        """The place in the lists of a payment; their first pages where the address names another one."""
        place = self._place()
        if place.word(PAYMENT) == key:
            return place
        return place.of(BOOKED).at(1).of(EVENTS).with_word(PAYMENT, key[:LONGEST_WORD])

    async def _show_lists(self) -> None:
        place = self._place()
        await self._show(lambda actor, lang: queries.overview(actor, lang, place))

    async def _show_every(self) -> None:
        """The page of all payments that the address names, where that list is the one that is looked at."""
        if self.tab != ALL:
            return
        place = self._place()
        outcome = await self._attempt(lambda actor, lang: queries.every(actor, place, lang))
        if isinstance(outcome, Problem):
            self.list_problem = outcome.text
        else:
            self.every = outcome

    async def _search(self, place: Place) -> None:
        wanted, self.found, self.found_none = self.sought, PaymentList(), False
        if not wanted:
            return
        outcome = await self._attempt(lambda actor, lang: queries.find(actor, wanted, lang, place))
        if isinstance(outcome, Problem):
            self.search_problem = outcome.text
            return
        self.found_none = not outcome.rows
        self._close_file()
        if outcome.is_single:
            await self._show_file(outcome.rows[0].key)
        else:
            self.found = outcome

    async def _show_file(self, key: str) -> None:
        place = self._place_of_file(key)
        outcome = await self._attempt(lambda actor, lang: queries.evidence(actor, key, lang, place))
        if isinstance(outcome, Problem):
            self.list_problem = outcome.text
        else:
            self.evidence = outcome
