"""Having payments checked now: the same question and answer on the list of invoices and on the page of one."""

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from portal import bridge, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.invoices import standing_rows
from portal.features.invoices.credit_state import PayingFromCredit
from portal.guard import TENANT, allow
from portal.i18n import language
from portal.ids import uuid_of


class CheckingPayments(PayingFromCredit, mixin=True):
    """State mixin: payments under check. The page's ``view`` holds the ``check``."""

    check_answer: str = ""
    is_check_settled: bool = False
    is_checking: bool = False

    @rx.event(background=True)
    @allow(TENANT)
    async def check_now(self) -> None:
        """Ask the bank about what is being checked on this page; clicking on and on asks it no more often.

        The page stays free while the bank thinks.
        """
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_checking:
                return
            named = self._due()
            self.is_checking, self.check_answer = True, ""
        outcome = await bridge.attempt(
            lang, lambda: ask_now(owner.actor, named, lang), pool=ThreadPool.RETURNS
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            # A page that was loaded again, or shows another invoice, gets no answer to what it did not ask.
            if not is_ours or not self.is_checking or self._due() != named:
                return
            self.is_checking = False
            self.check_answer, self.is_check_settled = (
                (outcome.text, False) if isinstance(outcome, Problem) else outcome
            )
            await self._show_again()

    def _begin_paying(self) -> None:
        super()._begin_paying()
        self.check_answer, self.is_checking = "", False


def ask_now(actor: Actor, named: str | None, lang: Lang) -> tuple[str, bool]:
    """Check the payments of an invoice, or of all, and describe the result."""
    due = None if named is None else [InvoiceId(uuid_of(named))]
    return standing_rows.check_words(payments.check_now(actor, due), lang)
