"""DORA's four figures, as tables of what ended when."""

from datetime import timedelta
from typing import Any

import pytest

from backend.deploys.delivery_rules import figures_of
from backend.deploys.ledger_types import DeliveryFigures, DeployRecord, DeployResult, SmokeTest
from tests.unit.deploys.ledger_examples import START, record

END = START
BEGIN = END - timedelta(days=30)
OK, BAD, BACK, STOPPED = (
    DeployResult.SUCCEEDED,
    DeployResult.FAILED,
    DeployResult.ROLLED_BACK,
    DeployResult.CANCELLED,
)


def ended(hour: float, result: DeployResult = OK, **told: Any) -> DeployRecord:
    """A deployment of ten minutes that ended some hours after the period began."""
    at = BEGIN + timedelta(hours=hour)
    return record(finished_at=at, started_at=at - timedelta(minutes=10), result=result, **told)


def figures(*records: DeployRecord, first_at: Any = BEGIN - timedelta(days=100)) -> DeliveryFigures:
    return figures_of(records, start=BEGIN, end=END, first_at=first_at)


@pytest.mark.parametrize(
    ("days_seen", "count", "per_day"),
    [
        pytest.param(100, 15, 0.5, id="the whole period"),
        pytest.param(10, 15, 1.5, id="a ledger of ten days"),
        pytest.param(6.9, 15, None, id="less than a week"),
        pytest.param(100, 0, None, id="none"),
    ],
)
def test_frequency_counts_the_days_that_the_ledger_has_seen(
    days_seen: float, count: int, per_day: float | None
) -> None:
    records = [ended(600 + each) for each in range(count)]

    found = figures(*records, first_at=END - timedelta(days=days_seen))

    assert found.deploys_per_day == (pytest.approx(per_day) if per_day else None)
    assert found.success_count == count


def test_an_empty_ledger_has_no_figure() -> None:
    found = figures(first_at=None)

    assert (found.days, found.finished_count) == (0, 0)
    assert {found.deploys_per_day, found.lead_time, found.failure_share, found.time_to_restore} == {None}


@pytest.mark.parametrize(
    ("hours", "median_hours"),
    [
        pytest.param([1, 2, 3, 4, 100], 3, id="five"),
        pytest.param([1, 2, 3, 4, 5, 100], 3.5, id="six"),
        pytest.param([1, 2, 3, 4], None, id="too few"),
    ],
)
def test_lead_time_is_the_median_from_commit_to_end(hours: list[int], median_hours: float | None) -> None:
    told = [
        ended(100 + each, committed_at=BEGIN + timedelta(hours=100 + each - lead))
        for each, lead in enumerate(hours)
    ]
    untold, failed = ended(300), ended(301, BAD, committed_at=BEGIN)

    found = figures(*told, untold, failed)

    assert found.lead_count == len(hours)
    assert found.lead_time == (timedelta(hours=median_hours) if median_hours else None)


@pytest.mark.parametrize(
    ("results", "share"),
    [
        pytest.param([OK] * 5, 0.0, id="none"),
        pytest.param([OK, OK, OK, BAD, BACK], 0.4, id="failed and rolled back"),
        pytest.param([OK] * 4 + [STOPPED], None, id="cancelled ones are no change"),
        pytest.param([BAD] * 4, None, id="too few"),
    ],
)
def test_failed_changes_are_a_share_of_what_ended(results: list[DeployResult], share: float | None) -> None:
    found = figures(*[ended(each, result) for each, result in enumerate(results)])

    assert found.failure_share == share


def test_a_failed_smoke_test_is_a_failed_change() -> None:
    records = [ended(each) for each in range(4)]

    found = figures(*records, ended(5, smoke_test=SmokeTest.FAILED), ended(6, smoke_test=SmokeTest.SKIPPED))

    assert (found.failure_count, found.success_count) == (1, 5)
    assert found.failure_share == pytest.approx(1 / 6)


def test_time_to_restore_is_from_the_first_failure_of_a_row_to_the_next_success_of_the_service() -> None:
    found = figures(
        ended(1, BAD),
        ended(2, BACK),
        ended(2.5, service="frontend"),
        ended(4, OK),
        ended(10, BAD, service="frontend"),
        ended(12, OK, service="frontend"),
        ended(20, BAD),
        ended(20.5, STOPPED),
        ended(21, OK),
        ended(30, BAD),
    )

    assert (found.restore_count, found.unrestored_count) == (3, 1)
    assert found.time_to_restore == timedelta(hours=2)


def test_two_restores_are_too_few_for_a_figure() -> None:
    found = figures(ended(1, BAD), ended(2), ended(3, BAD), ended(4))

    assert (found.restore_count, found.time_to_restore) == (2, None)


def test_only_what_ended_in_the_period_counts() -> None:
    running = record(result=DeployResult.RUNNING, finished_at=None)

    found = figures(ended(-1), ended(0), ended(30 * 24 - 1), ended(30 * 24), running)

    assert found.finished_count == 2
