"""Paying from credit: the same question and answer on the list of invoices and on the page of one."""

from collections.abc import AsyncIterator

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from portal.bridge import Problem
from portal.features.invoices import payment_rows
from portal.guard import TENANT_ADMINS, allow
from portal.i18n import language
from portal.ids import uuid_of
from portal.loaded import LoadedPage
from portal.payment_words import refusal_in


class PayingFromCredit(LoadedPage, mixin=True):
    """State mixin: using credit as a tenant admin. The page names the invoices and reads them again.

    Its ``view`` holds the ``offer``.
    """

    pay_problem: str = ""
    pay_done: str = ""
    is_asking_credit: bool = False
    is_using_credit: bool = False

    @rx.event
    @allow(TENANT_ADMINS)
    def ask_credit(self) -> None:
        """Open the question, where there is credit to use."""
        self.is_asking_credit = self.view.offer.can_use_credit

    @rx.event
    @allow(TENANT_ADMINS)
    def close_credit(self) -> None:
        """The payer thought better of it."""
        self.is_asking_credit = False

    @rx.event
    @allow(TENANT_ADMINS)
    async def use_credit(self) -> AsyncIterator[None]:
        """Pay from credit, as far as it reaches. A second click has its answer in the first."""
        named = self._due()
        if not self.is_asking_credit:
            return
        self.is_using_credit = True
        yield
        outcome = await self._attempt(lambda actor, lang: use_credit(actor, named, lang))
        self.is_asking_credit = self.is_using_credit = False
        if isinstance(outcome, Problem):
            self.pay_problem, self.pay_done = outcome.text, ""
        else:
            self.pay_problem, self.pay_done = "", outcome
        await self._show_again()

    def _due(self) -> str | None:
        """The key of the only invoice that is to be paid; None for all that wait for money."""
        raise NotImplementedError

    async def _show_again(self) -> None:
        """Read the page anew, after its money changed."""
        raise NotImplementedError

    def _begin_paying(self) -> None:
        """A page that is opened tells only what its own address says of a payment."""
        self.pay_problem = refusal_in(self.router.url.query_parameters, language(self))
        self.pay_done = ""
        self.is_asking_credit = self.is_using_credit = False


def use_credit(actor: Actor, named: str | None, lang: Lang) -> str:
    """Pay an invoice, or all, from credit, and describe the result."""
    due = None if named is None else [InvoiceId(uuid_of(named))]
    return payment_rows.credit_words(payments.use_credit(actor, due), lang)
