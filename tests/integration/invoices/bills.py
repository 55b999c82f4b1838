"""Billing the days of made-up worlds, and reading what came of it."""

from collections import Counter
from collections.abc import Callable
from datetime import date

from backend.actor import Actor, Role
from backend.invoices import fall_rules
from backend.invoices import service as invoices
from backend.invoices.types import Invoice, InvoiceDetail
from backend.tenants.types import Tenant
from backend.usage import service as usage
from backend.usage.types import DailyUsage, FallFigure
from tests import factories
from tests.integration.usage.nights import midnight
from tests.integration.usage.world import HOUR, Key, World

OPERATOR = factories.actor(Role.OPERATOR)
NIGHT = Actor.process_named("nightly_billing")
BILLED_FROM = date(2022, 1, 1)

LookAt = Callable[..., None]


def bill(*days: date) -> None:
    for day in days:
        assert invoices.bill_day(OPERATOR, day) is not None


def invoices_of(tenant: Tenant) -> dict[date, Invoice]:
    return {each.day: each for each in invoices.invoices_of(NIGHT, tenant.id, limit=200).rows}


def evident_tokens(detail: InvoiceDetail, figure: FallFigure) -> dict[tuple[str, str], int]:
    """Tokens of each model and type of an invoice, worked out from the stored evidence alone."""
    found = Counter[tuple[str, str]]()
    for reading in detail.readings:
        found[reading.model, reading.type] += fall_rules.tokens_of(reading, detail.falls, figure)
    return dict(found)


def lines_of(detail: InvoiceDetail) -> dict[tuple[str, str], int]:
    return {(line.model, line.type): line.tokens for line in detail.lines}


def tokens_of(tenant: Tenant) -> dict[date, int]:
    return {day: each.tokens for day, each in sorted(invoices_of(tenant).items())}


def usage_on(tenant: Tenant, day: date) -> DailyUsage:
    [row] = usage.daily(NIGHT, tenant.id, day, day)
    return row


def proven(world: World, key: Key, first: date, last: date) -> int:
    start, end = midnight(first), midnight(last) + 24 * HOUR
    return world.proven(start, end, history_from=start - 4 * HOUR).get(key, 0)
