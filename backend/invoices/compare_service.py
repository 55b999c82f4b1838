"""Measures a finished day again and compares it with the stored figures; writes nothing."""

from datetime import date

from backend.actor import STAFF_ROLES, Actor, require_role_or_process
from backend.collector import collector_paused
from backend.errors import NotFound
from backend.invoices import fall_rules, report_repository, rules
from backend.invoices.types import DayComparison
from backend.pricing import service as pricing
from backend.usage import service as usage
from backend.usage.types import FallFigure


def compare_day(actor: Actor, day: date) -> DayComparison:
    """Compare a stored day with Prometheus as it answers now. Writes nothing.

    A stored day is never billed again: a difference is something to look at, not something that this corrects. The
    day is measured between its stored neighbours, as it was when it was billed. For staff and processes.

    Raises:
        NotFound: the day is not stored.
        Unavailable: Prometheus or the database did not answer.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    if usage.window_of(actor, day) is None:
        raise NotFound(reason="compared_day")
    with collector_paused():
        measurement = usage.measure_day(actor, day)
    most = report_repository.labels_released_with(day, FallFigure.MOST)
    measured = fall_rules.as_released(measurement.rows, measurement.falls, most)
    stored = usage.rows_of_day(actor, day)
    return DayComparison(
        day=day,
        stored_tokens=sum(row.tokens for row in stored),
        measured_tokens=sum(row.tokens for row in measured),
        differences=rules.differences(stored, measured, pricing.price_list_on(actor, day)),
    )
