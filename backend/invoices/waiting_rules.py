"""Bills of days whose invoices waited for the price of a model and have it now: pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from backend.actor import TenantId
from backend.invoices import rules
from backend.invoices.types import (
    BilledTotal,
    BilledTotalKey,
    DayBill,
    Invoice,
    InvoiceDraft,
    InvoiceLine,
    Limits,
)
from backend.pricing.types import PriceList
from backend.tenants.types import Tenant


def bill(
    waiting: Sequence[Invoice],
    lines: Mapping[UUID, Sequence[InvoiceLine]],
    tenants: Mapping[TenantId, Tenant],
    *,
    lists: Sequence[PriceList],
    today: date,
    billed_totals: Mapping[BilledTotalKey, BilledTotal],
    limits: Limits,
) -> DayBill:
    """The invoices of one day that waited for prices alone, in their order, and the billed totals after them.

    What exceeds the limits stays held, for that reason from now on, and moves no total.

    Raises:
        Conflict: a model has no price yet.
    """
    issued: list[InvoiceDraft] = []
    held: list[InvoiceDraft] = []
    moved: dict[BilledTotalKey, BilledTotal] = {}
    for each in waiting:
        rated = rules.with_held_rates(each, lines.get(each.id, ()), lists, today, is_released=False)
        draft, after = rules.price_held(each, tenants[each.tenant_id], rated, billed_totals)
        if reasons := rules.holds_of(draft, after, limits):
            held.append(draft._replace(is_held=True, held_reasons=reasons))
        else:
            issued.append(draft)
            moved |= after
    first = waiting[0]  # a day has one price list and one tax
    return DayBill(
        day=first.day,
        price_version=first.price_version,
        tax_percent=first.tax_percent,
        issued=issued,
        held=held,
        billed_totals=moved,
        unknown_labels={},
    )
