"""Use cases of invoices: bill days, release held invoices, read invoices. The only door to them."""

from collections.abc import Sequence
from datetime import date

from backend import clock
from backend.actor import (
    OPERATOR_ROLES,
    STAFF_ROLES,
    Actor,
    Role,
    TenantId,
    require_role,
    require_role_or_process,
    require_tenant,
)
from backend.audit import service as audit
from backend.audit.rules import checked_reason
from backend.command_line import CLI
from backend.config import settings
from backend.db.engine import read, transaction
from backend.errors import Conflict, NotFound
from backend.invoices import (
    billing_service,
    compare_service,
    model_service,
    payment_service,
    report_repository,
    repository,
    restored_service,
    rules,
    run_service,
)
from backend.invoices.types import (
    BillingHealth,
    BillingRun,
    HeldInvoice,
    Invoice,
    InvoiceDetail,
    InvoiceId,
    InvoicePage,
    InvoiceStatus,
    RunState,
    Seller,
)
from backend.log import get_logger
from backend.money import Rial
from backend.pricing import service as pricing
from backend.tenants import service as tenants
from backend.usage import service as usage
from backend.usage.types import FallFigure, MeterFall, UsageFlag

MAX_PAGE = 200
FALLEN = frozenset({UsageFlag.COUNTER_FELL.value, UsageFlag.ALTERNATES.value})
"""Reasons for which an invoice waits between two figures."""

log = get_logger(__name__)

# Called by payments, inside their own transactions.
dues = payment_service.dues
pending_of = payment_service.pending_of
pending_without_session = payment_service.pending_without_session
mark_paid = payment_service.mark_paid
reopen = payment_service.reopen
note_session = payment_service.note_session

compare_day = compare_service.compare_day

# Models without a price of their own.
unpriced_models = model_service.unpriced_models
count_unpriced_models = model_service.count_unpriced

# Called by restores of the database.
issued_since = restored_service.issued_since
paid_since = restored_service.paid_since
pending_at = restored_service.pending_at
bill_day = run_service.bill_day
bill_open_days = run_service.bill_open_days
bill_planned_day = run_service.bill_planned_day
release_planned_day = run_service.release_planned_day
priced_days = run_service.priced_days
plan = run_service.plan
open_days = run_service.open_days
overdue_days = run_service.overdue_days


def health(actor: Actor) -> BillingHealth:
    """State of billing for the overview and the metrics. It is read at each scrape, so it reads no row per tenant."""
    require_role_or_process(actor, *STAFF_ROLES)
    with read():
        return BillingHealth(
            last_finished_at=report_repository.last_end(RunState.FINISHED),
            last_failed_at=report_repository.last_end(RunState.FAILED),
            open_days=open_days(actor),
            overdue_days=overdue_days(actor),
            held=report_repository.count_held(),
            meters=usage.meter_continuity(actor),
        )


def runs(actor: Actor, limit: int = 50, offset: int = 0) -> list[BillingRun]:
    """A page of the attempts to bill a day, the newest first. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return report_repository.runs(min(limit, MAX_PAGE), max(0, offset))


def count_runs(actor: Actor) -> int:
    """Number of attempts to bill a day. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return report_repository.count_runs()


def held(actor: Actor, limit: int = 50, offset: int = 0) -> list[HeldInvoice]:
    """A page of the invoices that wait for an operator, the oldest day first. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    with read():
        found = report_repository.held(min(limit, MAX_PAGE), max(0, offset))
        lines = report_repository.lines([each.id for each in found])
        lists = pricing.price_lists(actor)
    today = clock.billing_day(clock.utc_now())
    return [
        rules.to_held(each, lines.get(each.id, []), lists, today, _falls_of(actor, each)) for each in found
    ]


def _falls_of(actor: Actor, invoice: Invoice) -> list[MeterFall]:
    """The meters that fell on the day of an invoice. Read only if the invoice is held because of a fall."""
    has_fallen = not FALLEN.isdisjoint(invoice.held_reasons)
    return usage.falls(actor, invoice.tenant_id, invoice.day) if has_fallen else []


def count_held(actor: Actor) -> int:
    """Number of invoices that wait for an operator. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return report_repository.count_held()


def release(actor: Actor, invoice_id: InvoiceId, reason: str, figure: FallFigure | None = None) -> Invoice:
    """Issue a held invoice at the tokens observed, by the price list of its day: number, mail, audit entry.

    Meters that fell count the chosen figure. An invoice without a token becomes void instead, with the audit entry
    alone: a day without usage has no invoice.

    Raises:
        Invalid: the reason is empty or too long, or a meter fell and no figure was chosen.
        NotFound: there is no such invoice.
        Conflict: it is not held, perhaps because it was released a moment ago, or a model on it has no price yet.
    """
    if actor != CLI:  # A person uses the command line; a job must not release.
        require_role(actor, *OPERATOR_ROLES)
    reason = checked_reason(reason)
    with transaction():
        repository.lock_issuing()
        found = report_repository.invoice(invoice_id)
        if found is None:
            raise NotFound
        if found.status != InvoiceStatus.HELD:
            raise Conflict
        chosen = billing_service.issue_held(actor, found, figure)
        detail = {"reason": reason, "day": found.day} | ({"figure": chosen.value} if chosen else {})
        audit.record(actor, "invoice.released", f"invoice:{invoice_id}", detail)
        released = report_repository.invoice(invoice_id)
        assert released is not None
    log.info("invoice.released", invoice=invoice_id, number=released.number or "none", by=actor.name)
    return released


def net_by_day(actor: Actor, tenant_id: TenantId, first: date, last: date) -> dict[date, Rial]:
    """Net amounts of a tenant's issued invoices, in rial, by day, both ends included; days without an invoice are
    missing.
    """
    require_tenant(actor, tenant_id)
    return report_repository.net_by_day(tenant_id, first, last)


def invoices_of(
    actor: Actor,
    tenant_id: TenantId,
    *,
    limit: int = 50,
    offset: int = 0,
    status: InvoiceStatus | None = None,
) -> InvoicePage:
    """A page of a tenant's invoices with a status, or of all, the newest day first."""
    require_tenant(actor, tenant_id)
    with read():
        rows = report_repository.invoices_of(tenant_id, max(0, min(limit, MAX_PAGE)), max(0, offset), status)
        return InvoicePage(rows=rows, total=report_repository.count_of(tenant_id, status))


def of_ids(actor: Actor, invoice_ids: Sequence[InvoiceId]) -> list[Invoice]:
    """Some invoices, the newest day first, then by the companies' labels; a missing one is left out. For staff."""
    require_role(actor, *STAFF_ROLES)
    return report_repository.of_ids(invoice_ids)


def invoice(actor: Actor, invoice_id: InvoiceId) -> InvoiceDetail:
    """The invoice with all its evidence. Raises NotFound also for an invoice of another tenant."""
    require_role_or_process(actor, *Role)
    with read():
        found = report_repository.invoice(invoice_id)
        if found is None:
            raise NotFound
        require_tenant(actor, found.tenant_id)
        lines = report_repository.lines([found.id])
        falls = _falls_of(actor, found)
    is_held = found.status == InvoiceStatus.HELD
    today, own = clock.billing_day(clock.utc_now()), lines.get(found.id, [])
    return InvoiceDetail(
        invoice=found,
        seller=_seller(),
        tenant=tenants.get(actor, found.tenant_id),
        lines=own,
        usage=usage.daily(actor, found.tenant_id, found.day, found.day),
        readings=usage.readings(actor, found.tenant_id, found.day),
        falls=falls,
        figures=rules.to_held(found, own, pricing.price_lists(actor), today, falls).figures
        if is_held and falls
        else (),
    )


def _seller() -> Seller:
    known = settings()
    return Seller(
        legal_name=known.seller_legal_name,
        economic_code=known.seller_economic_code,
        national_id=known.seller_national_id,
        registration_number=known.seller_registration_number,
        address=known.seller_address,
        postal_code=known.seller_postal_code,
        phone=known.seller_phone,
        has_logo=bool(known.seller_logo),
    )
