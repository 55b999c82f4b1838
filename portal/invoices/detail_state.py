"""What the page of one invoice knows."""

from dataclasses import dataclass
from uuid import UUID

import reflex as rx

from backend.actor import Actor
from backend.errors import NotFound
from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from portal import bridge, session
from portal.bridge import Problem
from portal.guard import EVERYBODY, allow
from portal.i18n import language
from portal.invoices import rows
from portal.invoices.rows import FlagLine, InvoiceView, LineRow, ReadingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything on the page."""

    invoice: InvoiceView
    lines: list[LineRow]
    readings: list[ReadingRow]
    flags: list[FlagLine]


class InvoiceState(rx.State):
    """One tab's invoice. The address that names it may be forged: the service decides whose it is."""

    phase: str = "loading"
    problem: Problem = Problem(text="")
    invoice: InvoiceView = InvoiceView()
    lines: list[LineRow] = []
    readings: list[ReadingRow] = []
    flags: list[FlagLine] = []

    @rx.event
    @allow(EVERYBODY)
    async def load(self) -> None:
        """The invoice that the address names."""
        actor, lang = (await session.current(self)).actor, language(self)
        named = self.router.url.path.rstrip("/").rpartition("/")[2]
        outcome = await bridge.attempt(lang, lambda: detail_view(actor, named, lang))
        if isinstance(outcome, Problem):
            # What another invoice showed must not stay under this one's address.
            self.reset()
            self.phase, self.problem = "problem", outcome
            return
        self.invoice, self.flags = outcome.invoice, outcome.flags
        self.lines, self.readings = outcome.lines, outcome.readings
        self.phase = "ready"


def detail_view(actor: Actor, named: str, lang: Lang) -> Detail:
    """Read one invoice. An address that names none is no different from one that names another tenant's."""
    try:
        invoice_id = InvoiceId(UUID(named))
    except ValueError as wrong:
        raise NotFound from wrong
    found = invoices.invoice(actor, invoice_id)
    view = rows.to_view(found, lang)
    return Detail(
        invoice=view,
        lines=[rows.to_line(line, lang, is_held=view.is_held) for line in found.lines],
        readings=[rows.to_reading(reading, lang) for reading in found.readings],
        flags=rows.to_flags(found.usage, lang),
    )
