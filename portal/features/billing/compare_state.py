"""State of comparing a finished day: measures it again beside the billed figures. Writes nothing."""

from typing import Any

import reflex as rx

from backend.actor import Actor
from backend.days import read_day
from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.tenants import service as tenants
from portal import bridge, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.billing.compare_rows import ComparedDay, to_compared
from portal.guard import STAFF, allow
from portal.i18n import language


class CompareState(rx.State):
    """A tab's comparison."""

    phase: str = "idle"
    problem: str = ""
    compared: ComparedDay = ComparedDay()
    wanted: str = ""

    @rx.event(background=True)
    @allow(STAFF)
    async def compare(self, form: dict[str, Any]) -> None:
        """Measure the day of the form. It takes as long as Prometheus does; a second click waits for the first."""
        owner, lang = await task_owner.of(self), language(self)
        wanted = str(form.get("compared_day", ""))[:40] if isinstance(form, dict) else ""
        async with owner.holding(self) as is_ours:
            if not is_ours or self.phase == "working":
                return
            self.phase, self.wanted, self.problem = "working", wanted, ""
        outcome = await bridge.attempt(
            lang, lambda: read_comparison(owner.actor, wanted, lang), pool=ThreadPool.BILLING
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            if isinstance(outcome, Problem):
                self.phase, self.problem = "problem", outcome.text
                return
            self.phase, self.compared = "ready", outcome


def read_comparison(actor: Actor, wanted: str, lang: Lang) -> ComparedDay:
    """Compare a typed day with Prometheus. Raises Invalid for text that is no day, NotFound for a day not stored."""
    found = invoices.compare_day(actor, read_day(wanted))
    names = {each.label: each.name(lang) for each in tenants.all_tenants(actor)} if found.differences else {}
    return to_compared(found, names, lang)
