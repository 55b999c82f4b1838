"""Measures and bills one day; ``service`` is the door to it.

Everything that asks Prometheus comes before the transaction. Usage, invoices, billed totals, mails and the record
of the run are then stored together or not at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from backend import clock
from backend.actor import Actor, TenantId
from backend.clock import Window
from backend.config import settings
from backend.db.engine import read, transaction
from backend.errors import Conflict
from backend.invoices import fall_rules, report_repository, repository, rules
from backend.invoices.repository import NEW_IDS, InvoiceIds
from backend.invoices.types import (
    BilledTotal,
    BilledTotalKey,
    BillingRun,
    DayBill,
    Invoice,
    InvoiceDraft,
    InvoiceId,
    InvoiceLine,
    Limits,
    RunState,
)
from backend.money import LARGEST_STORED, Rial
from backend.notifications import service as notifications
from backend.notifications.types import Mail
from backend.pricing import service as pricing
from backend.pricing.types import PriceList
from backend.tenants import service as tenants
from backend.tenants.types import Tenant
from backend.threads import side_by_side
from backend.usage import service as usage
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.types import DayMeasurement, FallFigure, UsageRow

STORING = Actor.process_named("billing")
# A company's usual day is the largest that was issued to it in so many days.
USUAL_DAYS = 30


@dataclass(slots=True)
class Planned:
    """Billed totals by price version, and issued tokens, as the earlier days of a plan would leave them."""

    billed_totals: dict[int, dict[BilledTotalKey, BilledTotal]] = field(default_factory=dict)
    issued: dict[date, dict[TenantId, int]] = field(default_factory=dict)

    def add(self, bill: DayBill) -> None:
        """Add a day's bill. Days must be added in order."""
        self.billed_totals.setdefault(bill.price_version, {}).update(bill.billed_totals)
        self.issued.setdefault(bill.day, {}).update({draft.tenant.id: draft.tokens for draft in bill.issued})

    def most_tokens(self, first: date) -> dict[TenantId, int]:
        """The most tokens on one issued invoice of each tenant, from a day on."""
        most: dict[TenantId, int] = {}
        for day, tokens in self.issued.items():
            if day >= first:
                most |= {tenant: max(n, most.get(tenant, 0)) for tenant, n in tokens.items()}
        return most


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUsage:
    """The usage that a day's bill is made from. Without a measurement the rows are stored ones."""

    day: date
    window: Window
    rows: Sequence[UsageRow]
    measurement: DayMeasurement | None

    @property
    def is_empty(self) -> bool:
        """Whether Prometheus answered and knows of no process on the day: nothing ran, or nothing was scraped."""
        found = self.measurement
        return found is not None and not found.incarnations and not found.series

    @property
    def is_scanned(self) -> bool:
        """Whether the day need not be scanned any more before it is billed."""
        return self.measurement is None or self.measurement.is_scanned


def usage_of(actor: Actor, day: date, *, after: PlannedDays | None = None) -> DayUsage:
    """The day's usage: as stored, else freshly measured, after days that a plan measured; writes nothing.

    Raises:
        Unavailable: Prometheus did not give a whole answer.
    """
    if (window := usage.window_of(actor, day)) is not None:
        return DayUsage(day=day, window=window, rows=usage.rows_of_day(actor, day), measurement=None)
    measurement = usage.measure_day(actor, day, after=after)
    return DayUsage(day=day, window=measurement.window, rows=measurement.rows, measurement=measurement)


def usage_and_tenants(actor: Actor, day: date) -> tuple[DayUsage, dict[str, Tenant]]:
    """The day's usage and the tenants by label, read at the same time, because Prometheus is slow."""
    with side_by_side(tenants_by_label, actor) as known:
        return usage_of(actor, day), known()


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The inputs of a day's price: prices and tax, earlier billed totals, tenants already billed, and limits."""

    price_list: PriceList
    tax_percent: Decimal
    billed_totals: dict[BilledTotalKey, BilledTotal]
    billed: set[TenantId]
    limits: Limits

    def bill(self, found: DayUsage, known: dict[str, Tenant]) -> DayBill:
        """The day's bill."""
        return rules.bill(
            found.day,
            found.rows,
            known,
            billed=self.billed,
            price_list=self.price_list,
            tax_percent=self.tax_percent,
            billed_totals=self.billed_totals,
            limits=self.limits,
        )


def basis_of(actor: Actor, day: date, earlier: Planned | None = None) -> Basis:
    """The basis of a day as it is stored now; ``earlier`` are the days before it in a plan."""
    planned = earlier or Planned()
    with read():
        price_list = pricing.price_list_on(actor, day)
        billed_totals = repository.billed_totals(price_list.version)
        return Basis(
            price_list=price_list,
            tax_percent=pricing.tax_percent_on(actor, day),
            billed_totals=billed_totals | planned.billed_totals.get(price_list.version, {}),
            billed=repository.billed_tenants(day),
            limits=limits_of(day, planned),
        )


def limits_of(day: date, earlier: Planned) -> Limits:
    """The limits of a day's invoices as the days before it are stored now; ``earlier`` are those of a plan."""
    first = day - timedelta(days=USUAL_DAYS)
    with read():
        return Limits(
            amount_rial=Rial(settings().invoice_max_rial),
            usual_rial=Rial(settings().zibal_min_rial),
            usual_tokens=_highest(repository.most_tokens(first, day), earlier.most_tokens(first)),
        )


def _highest(some: dict[TenantId, int], others: dict[TenantId, int]) -> dict[TenantId, int]:
    return some | {tenant: max(tokens, some.get(tenant, 0)) for tenant, tokens in others.items()}


def tenants_by_label(actor: Actor) -> dict[str, Tenant]:
    """Every tenant by the value of its label."""
    return {tenant.label: tenant for tenant in tenants.all_tenants(actor)}


def store(
    actor: Actor, found: DayUsage, known: dict[str, Tenant], *, started_by: str, started_at: datetime
) -> BillingRun | None:
    """Bill the day in one transaction; None, without storing any row, when there is nothing to store."""
    if found.measurement is None and not _has_work(basis_of(actor, found.day).bill(found, known)):
        return None
    with transaction():
        repository.lock_issuing()
        basis = basis_of(actor, found.day)
        bill = basis.bill(found, known)
        if found.measurement is not None and not usage.store_day(STORING, found.measurement):
            raise Conflict(reason="billing_is_running")
        if found.measurement is None and not _has_work(bill):
            return None
        return _store_bill(bill, basis, found.window, (started_by, started_at))


def bill_again(
    actor: Actor, found: DayUsage, known: dict[str, Tenant], ids: InvoiceIds, *, started_at: datetime
) -> BillingRun | None:
    """Bill usage whose held invoices were deleted, under their ids, inside the caller's locked transaction.

    None, without storing any row, when it has no tokens.
    """
    with transaction():
        basis = basis_of(actor, found.day)
        bill = basis.bill(found, known)
        if not _has_work(bill):
            return None
        return _store_bill(bill, basis, found.window, (actor.name, started_at), ids)


def _store_bill(
    bill: DayBill, basis: Basis, window: Window, started: tuple[str, datetime], ids: InvoiceIds = NEW_IDS
) -> BillingRun:
    now = clock.utc_now()
    issued = repository.number_all(bill, clock.jalali_year(clock.billing_day(now)), ids)
    # The mails are written while PostgreSQL takes the invoices.
    with side_by_side(lambda: [issued_mail(bill.day, *each) for each in issued]) as mails, transaction():
        zone = (clock.TEHRAN.key, clock.tzdata_version())
        repository.insert_bill(bill, issued, window, now, zone=zone, ids=ids)
        repository.store_billed_totals(bill.price_version, bill.day, basis.billed_totals, bill.billed_totals)
        notifications.enqueue(mails(), now)
        run = finished(bill, *started)
        repository.insert_run(run)
    return run


def issue_held(actor: Actor, invoice: Invoice, asked: FallFigure | None = None) -> FallFigure | None:
    """Price a held invoice by its day's list, number it and mail it, inside the caller's locked transaction.

    Meters that fell count the figure that is asked for; returns the one that they count.

    A day without a token has no invoice: its row is closed as void, without number and mail, and keeps the day
    from being billed again. A line whose model had no price of its own, and needed one, has that of the first later
    list that names the model.

    Raises:
        Conflict: the sum cannot be stored, or a model has no price yet.
        Invalid: a meter fell, and nobody chose which of its figures counts.
    """
    with transaction():
        falls = usage.falls(actor, invoice.tenant_id, invoice.day)
        figure = fall_rules.figure_of(falls, asked)
        lines = report_repository.lines([invoice.id]).get(invoice.id, [])
        lines = fall_rules.with_figure(lines, falls, figure)
        if not any(line.tokens for line in lines):
            repository.close_held(invoice.id, figure)
            return figure
        _issue(price_held(actor, invoice, lines), figure)
        if figure is not None:
            usage.settle_falls(actor, invoice.tenant_id, invoice.day, figure)
        return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBill:
    """A held invoice as it would be issued, and the billed totals before and after it."""

    invoice: Invoice
    draft: InvoiceDraft
    before: dict[BilledTotalKey, BilledTotal]
    after: dict[BilledTotalKey, BilledTotal]


def price_held(actor: Actor, invoice: Invoice, lines: Iterable[InvoiceLine]) -> HeldBill:
    """Price a held invoice with these lines as ``issue_held`` would; writes nothing.

    Raises:
        Conflict: a model has no price yet.
    """
    tenant_id, today = invoice.tenant_id, clock.billing_day(clock.utc_now())
    before = repository.billed_totals(invoice.price_version, [tenant_id])
    rated = rules.with_held_rates(invoice, lines, pricing.price_lists(actor), today, is_released=True)
    draft, moved = rules.price_held(invoice, tenants.get(actor, tenant_id), rated, before)
    return HeldBill(invoice=invoice, draft=draft, before=before, after=moved)


def _issue(bill: HeldBill, figure: FallFigure | None = None) -> None:
    with transaction():
        invoice, draft, moved = bill.invoice, bill.draft, bill.after
        if not rules.is_storable(draft, moved):
            raise Conflict(reason="total_too_large")
        now = clock.utc_now()
        [number] = repository.take_numbers(clock.jalali_year(clock.billing_day(now)), 1)
        repository.issue_held([(invoice.id, number, draft)], now, figure)
        repository.store_billed_totals(invoice.price_version, invoice.day, bill.before, moved)
        notifications.enqueue([issued_mail(invoice.day, invoice.id, number, draft)], now)


def issued_mail(day: date, invoice_id: InvoiceId, number: str, draft: InvoiceDraft) -> Mail:
    """The mail that tells a tenant of an invoice. Its key names the invoice, so it is sent once."""
    tenant, reference = draft.tenant, str(invoice_id)
    return Mail(
        key=f"invoice_issued:{reference}",
        recipient=tenant.billing_email,
        language=tenant.language,
        template="invoice_issued",
        params={
            "number": number,
            "day": day.isoformat(),
            "tokens": draft.tokens,
            "amount_rial": draft.amount_rial,
            "tenant_name": tenant.name(tenant.language),
            "invoice_id": reference,
        },
    )


def _has_work(bill: DayBill) -> bool:
    return bool(bill.issued or bill.held)


def finished(bill: DayBill, started_by: str, started_at: datetime) -> BillingRun:
    """The record of a run that stored a day's bill."""
    return BillingRun(
        id=uuid4(),
        day=bill.day,
        started_by=started_by,
        state=RunState.FINISHED,
        started_at=started_at,
        finished_at=clock.utc_now(),
        issued=len(bill.issued),
        held=len(bill.held),
        unknown_labels=len(bill.unknown_labels),
        tokens=min(bill.tokens, LARGEST_STORED),
        amount_rial=Rial(min(bill.amount_rial, LARGEST_STORED)),
    )
