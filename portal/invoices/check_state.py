"""Having payments checked now: the same question and answer on the list of invoices and on the page of one."""

from collections.abc import AsyncIterator

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from portal import bridge, session
from portal.bridge import Lane, Problem
from portal.guard import TENANT, allow
from portal.i18n import language
from portal.ids import uuid_of
from portal.invoices import standing_rows
from portal.invoices.credit_state import PayingFromCredit
from portal.invoices.standing_rows import Check


class CheckingPayments(PayingFromCredit, mixin=True):
    """What a page knows of payments that are being checked."""

    check: Check = Check()
    check_answer: str = ""
    is_check_settled: bool = False
    is_checking: bool = False

    @rx.event
    @allow(TENANT)
    async def check_now(self) -> AsyncIterator[None]:
        """Ask the bank about what is being checked on this page; clicking on and on asks it no more often."""
        actor, lang, named = (await session.current(self)).actor, language(self), self._due()
        self.is_checking, self.check_answer = True, ""
        yield
        outcome = await bridge.attempt(lang, lambda: ask_now(actor, named, lang), lane=Lane.RETURNS)
        self.is_checking = False
        self.check_answer, self.is_check_settled = (
            (outcome.text, False) if isinstance(outcome, Problem) else outcome
        )
        await self._show_again()

    def _begin_paying(self) -> None:
        super()._begin_paying()
        self.check_answer, self.is_checking = "", False


def ask_now(actor: Actor, named: str | None, lang: Lang) -> tuple[str, bool]:
    """Have the payments of one invoice checked, or of all, and say what came of it."""
    due = None if named is None else [InvoiceId(uuid_of(named))]
    return standing_rows.check_words(payments.check_now(actor, due), lang)
