"""The night looks inside a day before it bills it: what fell is held, and issued with the figure that was chosen."""

import pytest

from backend.errors import Conflict
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceStatus
from backend.tenants.types import Tenant
from backend.usage import service as usage
from backend.usage.types import FallFigure
from tests.integration.invoices.bills import (
    NIGHT,
    OPERATOR,
    LookAt,
    bill,
    evident_tokens,
    invoices_of,
    lines_of,
)
from tests.integration.usage import inside_days
from tests.integration.usage.nights import SECOND, A


def test_a_night_holds_what_fell_and_its_second_measurement_agrees_with_what_was_issued(
    look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at("falling-1")
    true = inside_days.truth("falling", 1)[A]

    bill(SECOND)

    held = invoices_of(tenant_a)[SECOND]
    assert (held.status, "counter_fell" in held.held_reasons) == (InvoiceStatus.HELD, True)
    least, most = (each.tokens for each in invoices.invoice(OPERATOR, held.id).figures)
    assert least <= true <= most
    released = invoices.release(OPERATOR, held.id, "looked at", FallFigure.MOST)
    detail = invoices.invoice(OPERATOR, held.id)
    assert released.tokens == most
    assert evident_tokens(detail, FallFigure.MOST) == lines_of(detail)
    assert invoices.compare_day(NIGHT, SECOND).differences == []


def test_a_plan_that_knew_of_no_fall_is_not_carried_out(look_at: LookAt, tenant_a: Tenant) -> None:
    """Nobody had looked inside the day when the person confirmed it."""
    look_at("falls-once")
    before = invoices.plan(OPERATOR, SECOND)
    assert (before.days[0].held, before.days[0].is_scanned) == (0, False)

    with pytest.raises(Conflict):
        invoices.bill_open_days(OPERATOR, day=SECOND, plan_hash=before.plan_hash)

    after = invoices.plan(OPERATOR, SECOND).days[0]
    assert (after.held, after.is_scanned) == (1, True)
    assert invoices_of(tenant_a) == {}


@pytest.mark.parametrize("world", ["late-fall", "late-series"])
def test_a_day_whose_samples_came_after_its_scan_is_looked_at_again(
    world: str, look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at(f"{world}-before")
    assert usage.scan_day(NIGHT, SECOND).is_whole
    look_at(f"{world}-after")

    bill(SECOND)

    held = invoices_of(tenant_a)[SECOND]
    assert (held.status, held.held_reasons) == (InvoiceStatus.HELD, ("counter_fell",))


def test_what_a_scan_has_seen_stands_when_samples_go(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("late-fall-after")
    assert usage.scan_day(NIGHT, SECOND).is_whole
    look_at("late-fall-before")

    bill(SECOND)

    held = invoices_of(tenant_a)[SECOND]
    assert (held.status, held.held_reasons) == (InvoiceStatus.HELD, ("counter_fell", "low_coverage"))
