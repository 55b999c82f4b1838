"""Makes the invoices of a day from its usage. Pure, deterministic, and exact to the rial over all days together."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from decimal import Decimal

from backend.actor import TenantId
from backend.errors import Conflict
from backend.invoices import fall_rules
from backend.invoices.types import (
    NOTHING,
    BilledTotal,
    BilledTotalKey,
    DayBill,
    DayPlan,
    Difference,
    FigureAmount,
    HeldInvoice,
    HoldReason,
    Invoice,
    InvoiceDraft,
    InvoiceLine,
    Limits,
)
from backend.money import LARGEST_STORED, Rial, charge, tax
from backend.pricing.rules import held_rate, released_rate
from backend.pricing.types import PriceList
from backend.tenants.types import INTERNAL_LABEL, Tenant
from backend.usage.types import HOLDING, FallFigure, MeterFall, UsageRow

NOTHING_BILLED = BilledTotal(0, 0)
UNUSUAL_TIMES = 20


def bill(
    day: date,
    rows: Iterable[UsageRow],
    tenants: Mapping[str, Tenant],
    *,
    billed: AbstractSet[TenantId],
    price_list: PriceList,
    tax_percent: Decimal,
    billed_totals: Mapping[BilledTotalKey, BilledTotal],
    limits: Limits,
) -> DayBill:
    """The invoices of one day, in the order of the tenants' labels, and the billed totals after them.

    A tenant gets no invoice if it is in ``billed``, if it is billed from a later day, or if it used nothing. One held
    row holds the whole invoice, also without a token: it is not priced and changes no billed total. So does an amount
    or a day beyond the limits, and a model without a price if the list requires one. Usage under a label that no tenant
    has is only counted; usage under our own label is left out.
    """
    issued: list[InvoiceDraft] = []
    held: list[InvoiceDraft] = []
    unknown: dict[str, int] = {}
    moved: dict[BilledTotalKey, BilledTotal] = {}
    for label, own_rows in sorted(_by_label(rows).items()):
        tenant = tenants.get(label)
        tokens = sum([row.tokens for row in own_rows])
        is_held = any(row.held for row in own_rows)
        if tokens <= 0 and not is_held:
            continue
        if tenant is None:
            if tokens and label != INTERNAL_LABEL:
                unknown[label] = tokens
        elif tenant.billed_from <= day and tenant.id not in billed:
            after: dict[BilledTotalKey, BilledTotal] = {}
            unpriced = _unpriced_models(own_rows, price_list)
            draft = (
                None
                if is_held or unpriced
                else _draft(tenant, own_rows, price_list, tax_percent, (billed_totals, after))
            )
            holds = (*_flags_of(own_rows), *unpriced) if draft is None else holds_of(draft, after, limits)
            if draft is None or holds:
                held.append(_held_draft(tenant, own_rows, price_list, holds))
            else:
                issued.append(draft)
                moved |= after
    return DayBill(
        day=day,
        price_version=price_list.version,
        tax_percent=tax_percent,
        issued=issued,
        held=held,
        billed_totals=moved,
        unknown_labels=unknown,
    )


def _by_label(rows: Iterable[UsageRow]) -> dict[str, list[UsageRow]]:
    grouped: dict[str, list[UsageRow]] = defaultdict(list)
    for row in rows:
        grouped[row.tenant].append(row)
    return grouped


def _draft(
    tenant: Tenant,
    rows: list[UsageRow],
    price_list: PriceList,
    tax_percent: Decimal,
    billed_totals: tuple[Mapping[BilledTotalKey, BilledTotal], dict[BilledTotalKey, BilledTotal]],
) -> InvoiceDraft:
    lines = price_lines(tenant.id, _unpriced(rows, price_list), *billed_totals)
    net = Rial(sum([line.amount_rial for line in lines]))
    return InvoiceDraft(
        tenant=tenant,
        tokens=sum([line.tokens for line in lines]),
        net_rial=net,
        tax_rial=tax(net, tax_percent) if tax_percent else NOTHING,
        coverage=min([row.coverage for row in rows]),
        lines=lines,
    )


def _flags_of(rows: Iterable[UsageRow]) -> tuple[str, ...]:
    return tuple(sorted({str(flag) for row in rows if row.held for flag in row.flags if flag in HOLDING}))


def _unpriced_models(rows: Iterable[UsageRow], price_list: PriceList) -> tuple[str, ...]:
    if not price_list.requires_own_price:
        return ()
    used = {(row.model, row.type) for row in rows if row.tokens > 0}
    is_priced = all(price_list.own_rate(*pair) is not None for pair in used)
    return () if is_priced else (HoldReason.MODEL_WITHOUT_PRICE.value,)


def holds_of(
    draft: InvoiceDraft, after: Mapping[BilledTotalKey, BilledTotal], limits: Limits
) -> tuple[str, ...]:
    """Reasons for holding an invoice although its usage is proven."""
    usual = limits.usual_tokens.get(draft.tenant.id)
    is_unusual = usual is not None and draft.tokens > UNUSUAL_TIMES * usual
    found = {
        HoldReason.TOTAL_TOO_LARGE: not is_storable(draft, after),
        HoldReason.AMOUNT_TOO_LARGE: draft.amount_rial > limits.amount_rial,
        HoldReason.UNUSUAL_DAY: is_unusual and draft.amount_rial > limits.usual_rial,
    }
    return tuple(hold.value for hold, is_so in found.items() if is_so)


def is_storable(draft: InvoiceDraft, after: Mapping[BilledTotalKey, BilledTotal]) -> bool:
    """Whether the database can keep an invoice and the billed totals after it."""
    return max([draft.tokens, draft.amount_rial, *map(max, after.values())]) <= LARGEST_STORED


def _held_draft(
    tenant: Tenant, rows: list[UsageRow], price_list: PriceList, holds: tuple[str, ...]
) -> InvoiceDraft:
    lines = _unpriced(rows, price_list)
    if sum(line.tokens for line in lines) > LARGEST_STORED:
        lines, holds = [], tuple(dict.fromkeys([*holds, HoldReason.TOTAL_TOO_LARGE.value]))
    return InvoiceDraft(
        tenant=tenant,
        tokens=sum(line.tokens for line in lines),
        net_rial=Rial(0),
        tax_rial=Rial(0),
        coverage=min(row.coverage for row in rows),
        lines=lines,
        is_held=True,
        held_reasons=holds,
    )


def _unpriced(rows: list[UsageRow], price_list: PriceList) -> list[InvoiceLine]:
    rate = price_list.own_rate_or_nothing if price_list.requires_own_price else price_list.rate
    return [
        InvoiceLine(row.model, row.type, row.tokens, rate(row.model, row.type), 0)
        for row in sorted(rows)
        if row.tokens > 0
    ]


def price_lines(
    tenant_id: TenantId,
    lines: Iterable[InvoiceLine],
    billed_totals: Mapping[BilledTotalKey, BilledTotal],
    moved: dict[BilledTotalKey, BilledTotal],
) -> list[InvoiceLine]:
    """Price lines, in rial before tax, and put the billed totals after them into ``moved``.

    A line costs the rounded price of all tokens so far, minus what was billed for them before. So roundings never add
    up.
    """
    priced = []
    for model, kind, tokens, rate, _ in lines:
        key = (tenant_id, model, kind)
        before = billed_totals.get(key, NOTHING_BILLED)
        after = before.tokens + tokens
        total = charge(after, rate)
        moved[key] = BilledTotal(after, total)
        priced.append(InvoiceLine(model, kind, tokens, rate, total - before.billed_rial))
    return priced


def with_held_rates(
    invoice: Invoice,
    lines: Iterable[InvoiceLine],
    lists: Sequence[PriceList],
    today: date,
    *,
    is_released: bool,
) -> list[InvoiceLine]:
    """The lines of a held invoice with their rates as of today, where an operator releases it or where it waited.

    Raises:
        Conflict: a model has no price, and the day's price list requires one.
    """
    rate_of = released_rate if is_released else held_rate
    found = []
    for line in lines:
        rate = rate_of(lists, invoice.price_version, line, today)
        if rate is None:
            raise Conflict(reason="model_without_price", model=line.model)
        found.append(line._replace(rial_per_1000_tokens=rate))
    return found


def price_held(
    invoice: Invoice,
    tenant: Tenant,
    lines: Iterable[InvoiceLine],
    billed_totals: Mapping[BilledTotalKey, BilledTotal],
) -> tuple[InvoiceDraft, dict[BilledTotalKey, BilledTotal]]:
    """A held invoice as it is issued, by the prices and the tax of its day, and the billed totals after it."""
    moved: dict[BilledTotalKey, BilledTotal] = {}
    priced = price_lines(tenant.id, lines, billed_totals, moved)
    net = Rial(sum(line.amount_rial for line in priced))
    draft = InvoiceDraft(
        tenant=tenant,
        tokens=sum(line.tokens for line in priced),
        net_rial=net,
        tax_rial=tax(net, invoice.tax_percent),
        coverage=invoice.coverage,
        lines=priced,
    )
    return draft, moved


def to_held(
    invoice: Invoice,
    lines: Sequence[InvoiceLine],
    lists: Sequence[PriceList],
    today: date,
    falls: Sequence[MeterFall] = (),
) -> HeldInvoice:
    """A held invoice with what it would cost now; without an amount while a model on it has no price.

    Where meters fell and left a choice, with the amounts of both figures.
    """
    amounts = [
        FigureAmount(figure, sum(line.tokens for line in with_it), _held_cost(invoice, with_it, lists, today))
        for figure in FallFigure
        for with_it in [fall_rules.with_figure(lines, falls, figure)]
    ]
    return HeldInvoice(
        invoice=invoice,
        would_cost_rial=_held_cost(invoice, lines, lists, today),
        figures=amounts if fall_rules.leave_a_choice(falls) else (),
    )


def _held_cost(
    invoice: Invoice, lines: Iterable[InvoiceLine], lists: Sequence[PriceList], today: date
) -> Rial | None:
    try:
        return would_cost(
            with_held_rates(invoice, lines, lists, today, is_released=True), invoice.tax_percent
        )
    except Conflict:
        return None


def would_cost(lines: Iterable[InvoiceLine], tax_percent: Decimal) -> Rial:
    """Estimated amount of unpriced lines, tax included, in rial: exact but for one rial a line and its tax."""
    net = Rial(sum(charge(line.tokens, line.rial_per_1000_tokens) for line in lines))
    return Rial(net + tax(net, tax_percent))


def number(jalali_year: int, sequence: int) -> str:
    """The number of an invoice, for example 1405-000123."""
    return f"{jalali_year}-{sequence:06d}"


def window_days(today: date, days: int, first_billed: date | None) -> list[date]:
    """The closed days that a run looks at, the oldest first: none before the first tenant is billed."""
    if first_billed is None:
        return []
    window = (today - timedelta(days=back) for back in range(days, 0, -1))
    return [day for day in window if day >= first_billed]


def is_due(day_end: datetime, now: datetime, wait: timedelta) -> bool:
    """Whether a day ended long enough ago for its last samples to have arrived."""
    return now >= day_end + wait


def to_day_plan(
    bill_of_day: DayBill,
    *,
    new: bool,
    is_scanned: bool = True,
    error: str | None = None,
    has_waited: bool = False,
) -> DayPlan:
    """The summary of a day's bill that a person decides by."""
    return DayPlan(
        day=bill_of_day.day,
        tenants=len(bill_of_day.issued),
        tokens=bill_of_day.tokens,
        amount_rial=bill_of_day.amount_rial,
        held=len(bill_of_day.held),
        unknown_labels=tuple(bill_of_day.unknown_labels),
        new=new,
        is_scanned=is_scanned,
        error=error,
        plan_hash=plan_hash([bill_of_day]),
        has_waited=has_waited,
    )


def differences(
    stored: Iterable[UsageRow], measured: Iterable[UsageRow], price_list: PriceList
) -> list[Difference]:
    """Differences between two measurements of a day by label, model and type; empty when they agree to the token."""
    before, after = _tokens_by_key(stored), _tokens_by_key(measured)
    found = []
    for label, model, kind in sorted(before.keys() | after.keys()):
        was, now = before.get((label, model, kind), 0), after.get((label, model, kind), 0)
        if was != now:
            amount = charge(abs(now - was), price_list.rate(model, kind))
            found.append(Difference(label, model, kind, was, now, amount if now > was else -amount))
    return found


def _tokens_by_key(rows: Iterable[UsageRow]) -> dict[tuple[str, str, str], int]:
    return {(row.tenant, row.model, row.type): row.tokens for row in rows}


def plan_hash(bills: Sequence[DayBill]) -> str:
    """A digest of every invoice of a plan; two plans with the same one would store the same invoices."""
    digest = hashlib.sha256()
    for each in bills:
        digest.update(f"day {each.day} {each.price_version} {each.tax_percent}\n".encode())
        for draft in (*each.issued, *each.held):
            digest.update(f"{draft.tenant.id} {draft.is_held} {draft.amount_rial} {draft.lines}\n".encode())
    return digest.hexdigest()
