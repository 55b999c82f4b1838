"""Bills what was held because its day was not scanned, as soon as it is."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime

from backend import clock
from backend.actor import OPERATOR_ROLES, Actor, require_role_or_process
from backend.collector import collector_paused
from backend.db.engine import transaction
from backend.errors import Unavailable
from backend.invoices import billing_service, repository
from backend.invoices.billing_service import STORING, DayUsage
from backend.invoices.types import BillingRun
from backend.log import get_logger
from backend.tenants.types import Tenant
from backend.usage import service as usage
from backend.usage.types import DayMeasurement, UsageFlag, UsageRow

log = get_logger(__name__)


def bill_scanned_days(actor: Actor, day: date | None = None) -> list[BillingRun]:
    """Bill what waited for the scan of its day, or of one day, and has had it; one run for each day, in order.

    The day is measured again with what the scan has found, for those who waited alone. A held invoice keeps its id,
    and waits on where a counter fell, or where samples have gone since the scan. What an operator released meanwhile
    stays as it is.

    Raises:
        Unavailable: the database did not answer.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    days = [each for each in usage.days_stored_unscanned(STORING) if day in (None, each)]
    found = [_bill_scanned(actor, each) for each in days]
    return [run for run in found if run is not None]


def _bill_scanned(actor: Actor, day: date) -> BillingRun | None:
    started_at = clock.utc_now()
    scan = usage.scan_findings(STORING, day)
    if not scan.is_scanned and not scan.seen(each.label for each in repository.waiting_for_scan(day)):
        return None
    try:
        with collector_paused():
            measured = usage.measure_day(STORING, day)
            # Asked afterwards: what goes while the day is measured is noticed, too.
            has_lost = usage.fail_lost(STORING, day)
    except Unavailable as failed:
        if failed.data.get("service") == "database":
            raise
        # The next run tries again; those of other days need not wait for it.
        log.warning("billing.scanned_day_waits", day=day, reason=failed.reason_key)
        return None
    if has_lost:
        # What is stored is the only proof by now. The scan tries again, and an operator decides meanwhile.
        log.warning("billing.scanned_day_waits", day=day, reason=usage.SAMPLES_LOST)
        return None
    # More parts may have been scanned since; their companies wait for the next run.
    measured = replace(measured, is_scanned=scan.is_scanned)
    labels = _labels_in_doubt(usage.rows_of_day(STORING, day), measured.rows)
    known = billing_service.tenants_by_label(STORING)
    return _store(actor, measured, scan.seen(labels), known, started_at)


def _labels_in_doubt(stored: Iterable[UsageRow], measured: Iterable[UsageRow]) -> set[str]:
    """The labels that were held for want of a scan and are measured still, and those that only the scan has shown."""
    stored, now = list(stored), {row.tenant for row in measured}
    doubtful = {row.tenant for row in stored if UsageFlag.NOT_SCANNED in row.flags}
    return now & doubtful | now - {row.tenant for row in stored}


def _store(
    actor: Actor,
    measured: DayMeasurement,
    labels: Collection[str],
    known: dict[str, Tenant],
    started_at: datetime,
) -> BillingRun | None:
    day = measured.day
    with transaction():
        repository.lock_issuing()
        ids = {each.tenant_id: each.id for each in repository.waiting_for_scan(day) if each.label in labels}
        repository.delete_held(list(ids.values()))
        billed = repository.billed_tenants(day)
        own = {each for each in labels if each not in known or known[each].id not in billed}
        usage.correct_day(STORING, measured, own)
        rows = [row for row in measured.rows if row.tenant in own]
        found = DayUsage(day=day, window=measured.window, rows=rows, measurement=None)
        run = billing_service.bill_again(actor, found, known, ids, started_at=started_at)
    if run is not None:
        log.info("billing.scanned_day_billed", day=day, issued=run.issued, held=run.held)
    return run
