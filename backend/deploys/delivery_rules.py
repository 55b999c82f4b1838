"""DORA's four figures, computed from the ledger of one environment."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

from backend.deploys.ledger_types import DeliveryFigures, DeployRecord, DeployResult

# Below these a figure would say more about chance than about delivery.
FEWEST_DAYS = 7
FEWEST_DEPLOYS = 5
FEWEST_RESTORES = 3

_DAY = timedelta(days=1)


def figures_of(
    records: Iterable[DeployRecord], *, start: datetime, end: datetime, first_at: datetime | None
) -> DeliveryFigures:
    """The figures of the deployments that ended in ``[start, end)``.

    ``first_at`` is the start of the ledger's first deployment: days before it were not seen and do not count.

    Frequency: successful deployments per day. Lead time: median from the commit to the end of a successful deployment
    that tells its commit's time. Failure share: failed, rolled back or with a failed smoke test, among all but the
    cancelled ones. Time to restore: median from the end of a service's failed deployment to the end of its next
    successful one; a row of failures counts once, from its first. A failure that nothing has mended yet counts
    nowhere but in ``unrestored_count``.
    """
    ended = sorted(
        (each for each in records if each.told.finished_at and start <= each.told.finished_at < end),
        key=_ended_at,
    )
    counted = [each for each in ended if each.told.result != DeployResult.CANCELLED]
    good = [each for each in counted if each.is_success]
    leads = [_ended_at(each) - each.told.committed_at for each in good if each.told.committed_at]
    failures = sum(each.is_failure for each in counted)
    restores, open_failures = _restores(counted)
    days = max(timedelta(0), end - max(start, first_at or end)) / _DAY
    return DeliveryFigures(
        days=days,
        success_count=len(good),
        deploys_per_day=len(good) / days if good and days >= FEWEST_DAYS else None,
        lead_count=len(leads),
        lead_time=_median(leads, FEWEST_DEPLOYS),
        finished_count=len(counted),
        failure_count=failures,
        failure_share=failures / len(counted) if len(counted) >= FEWEST_DEPLOYS else None,
        restore_count=len(restores),
        unrestored_count=open_failures,
        time_to_restore=_median(restores, FEWEST_RESTORES),
    )


def _restores(ended: Sequence[DeployRecord]) -> tuple[list[timedelta], int]:
    """The times from failure to success, of each service by itself, and the failures that still wait for one."""
    found: list[timedelta] = []
    failed_at: dict[str, datetime] = {}
    for record in ended:
        service = record.told.service
        if record.is_failure:
            failed_at.setdefault(service, _ended_at(record))
        elif record.is_success and service in failed_at:
            found.append(_ended_at(record) - failed_at.pop(service))
    return found, len(failed_at)


def _ended_at(record: DeployRecord) -> datetime:
    assert record.told.finished_at is not None  # only records that ended come here
    return record.told.finished_at


def _median(lengths: Sequence[timedelta], fewest: int) -> timedelta | None:
    if len(lengths) < fewest:
        return None
    return timedelta(seconds=median(each.total_seconds() for each in lengths))
