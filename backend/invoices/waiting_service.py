"""Invoices that waited for the price of a model and have it now: all of a day are issued in one transaction.

``service`` is the door to it. Such an invoice costs what it would have cost at once: by the tax of its day and the
billed totals of its day's price list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from backend import clock
from backend.actor import Actor, TenantId
from backend.audit import service as audit
from backend.db.engine import read, transaction
from backend.errors import Conflict
from backend.invoices import (
    billing_service,
    model_repository,
    report_repository,
    repository,
    rules,
    waiting_rules,
)
from backend.invoices.billing_service import Planned
from backend.invoices.model_repository import ModelKey
from backend.invoices.types import BilledTotal, BilledTotalKey, BillingRun, DayBill, InvoiceId
from backend.log import get_logger
from backend.notifications import service as notifications
from backend.pricing import service as pricing
from backend.pricing.rules import held_rate
from backend.pricing.types import PriceList
from backend.tenants import service as tenants
from backend.tenants.types import Tenant

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingBill:
    """The bill of a day's waiting invoices, the invoice of each tenant, and the billed totals before it."""

    bill: DayBill
    ids: Mapping[TenantId, InvoiceId]
    before: Mapping[BilledTotalKey, BilledTotal]


def priced_days(actor: Actor) -> list[date]:
    """The days with invoices that waited for prices alone and have them now, the oldest first."""
    with read():
        return report_repository.priced_days(_unpriced(pricing.price_lists(actor)))


def plan(actor: Actor, planned: Planned, day: date | None = None) -> list[DayBill]:
    """The bills of these days, or of one of them, as they would be released after the days of a plan."""
    days = [each for each in priced_days(actor) if day in (None, each)]
    known = _tenants(actor) if days else {}
    bills = []
    with read():
        for each in days:
            if found := _bill(actor, each, known, planned):
                planned.add(found.bill)
                bills.append(found.bill)
    return bills


def release(actor: Actor, day: date | None, started_by: str) -> list[BillingRun]:
    """Issue the invoices of these days, or of one of them, the oldest day first; one run for each day."""
    days = [each for each in priced_days(actor) if day in (None, each)]
    known = _tenants(actor) if days else {}
    runs = [_release(actor, each, known, started_by) for each in days]
    return [run for run in runs if run is not None]


def release_planned(actor: Actor, day: date, plan_hash: str, started_by: str) -> BillingRun | None:
    """Issue the invoices of a day exactly as a person confirmed it; None when nothing waits any more.

    Raises:
        Conflict: they would no longer be those that were seen.
    """
    return _release(actor, day, _tenants(actor), started_by, plan_hash)


def _release(
    actor: Actor, day: date, known: Mapping[TenantId, Tenant], started_by: str, plan_hash: str | None = None
) -> BillingRun | None:
    started_at = clock.utc_now()
    with transaction():
        repository.lock_issuing()
        found = _bill(actor, day, known, Planned())
        if found is None:
            return None
        if plan_hash is not None and rules.plan_hash([found.bill]) != plan_hash:
            raise Conflict(reason="plan_changed")
        _store(found)
        run = billing_service.finished(found.bill, started_by, started_at)
        repository.insert_run(run)
        detail = {"day": day.isoformat()}
        audit.record_all(
            actor,
            "invoice.priced",
            [(f"invoice:{found.ids[draft.tenant.id]}", detail) for draft in found.bill.issued],
        )
    log.info("billing.waiting_released", day=day, issued=run.issued, held=run.held, by=actor.name)
    return run


def _store(found: WaitingBill) -> None:
    """Number and mail what is issued, and let the rest wait for another reason, inside a locked transaction."""
    bill, now = found.bill, clock.utc_now()
    with transaction():
        numbers = repository.take_numbers(clock.jalali_year(clock.billing_day(now)), len(bill.issued))
        issued = [
            (found.ids[draft.tenant.id], number, draft)
            for number, draft in zip(numbers, bill.issued, strict=True)
        ]
        repository.issue_held(issued, now)
        repository.hold_otherwise([(found.ids[each.tenant.id], each.held_reasons) for each in bill.held])
        repository.store_billed_totals(bill.price_version, bill.day, found.before, bill.billed_totals)
        notifications.enqueue([billing_service.issued_mail(bill.day, *each) for each in issued], now)


def _bill(actor: Actor, day: date, known: Mapping[TenantId, Tenant], planned: Planned) -> WaitingBill | None:
    with read():
        lists = pricing.price_lists(actor)
        waiting = report_repository.priced_on(day, _unpriced(lists))
        if not waiting:
            return None
        version = waiting[0].price_version
        before = repository.billed_totals(version, [each.tenant_id for each in waiting])
        bill = waiting_rules.bill(
            waiting,
            report_repository.lines([each.id for each in waiting]),
            known,
            lists=lists,
            today=_today(),
            billed_totals=before | planned.billed_totals.get(version, {}),
            limits=billing_service.limits_of(day, planned),
        )
    return WaitingBill(bill=bill, ids={each.tenant_id: each.id for each in waiting}, before=before)


def _unpriced(lists: Sequence[PriceList]) -> list[ModelKey]:
    """The models and types on waiting invoices that have no price yet."""
    return [
        key
        for key in model_repository.waiting_models()
        if held_rate(lists, key.price_version, key, _today()) is None
    ]


def _tenants(actor: Actor) -> dict[TenantId, Tenant]:
    return {tenant.id: tenant for tenant in tenants.all_tenants(actor)}


def _today() -> date:
    return clock.billing_day(clock.utc_now())
