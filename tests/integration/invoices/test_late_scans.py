"""What the night had no time to scan is held, and billed as soon as it is scanned."""

from collections.abc import Callable

import pytest

from backend.invoices import service as invoices
from backend.invoices.types import InvoiceStatus
from backend.tenants.types import Tenant
from backend.usage import service as usage
from tests.integration.invoices.bills import NIGHT, OPERATOR, LookAt, bill, invoices_of
from tests.integration.usage.nights import SECOND, THIRD

AfterAll = Callable[[], None]


@pytest.fixture
def billed_unscanned(look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant) -> Callable[[str], None]:
    """Bill the second day of a world in a night that has no time to scan it."""

    def billed(world: str) -> None:
        look_at(world, USAGE_SCAN_DEADLINE_S="0", USAGE_SCAN_SHARE="1")
        bill(SECOND)

    return billed


def test_a_night_without_time_holds_and_the_next_run_bills_what_was_scanned(
    billed_unscanned: Callable[[str], None], tenant_a: Tenant, tenant_b: Tenant
) -> None:
    billed_unscanned("falls-once")
    held = [invoices_of(each)[SECOND] for each in (tenant_a, tenant_b)]
    assert {(each.status, each.held_reasons) for each in held} == {(InvoiceStatus.HELD, ("not_scanned",))}

    assert invoices.bill_open_days(NIGHT, day=SECOND) == []
    assert usage.scan_day(NIGHT, SECOND).is_whole
    [run] = invoices.bill_open_days(NIGHT, day=SECOND)

    fallen, steady = (invoices_of(each)[SECOND] for each in (tenant_a, tenant_b))
    assert (run.day, run.issued, run.held, run.tokens) == (SECOND, 1, 1, 2400)
    assert (steady.status, steady.tokens, steady.id) == (InvoiceStatus.PENDING, 2400, held[1].id)
    assert (fallen.held_reasons, fallen.id) == (("counter_fell",), held[0].id)
    least, most = (each.tokens for each in invoices.invoice(OPERATOR, fallen.id).figures)
    assert least < 1_200_000 < most
    assert invoices.compare_day(NIGHT, SECOND).differences == []
    assert invoices.bill_open_days(NIGHT, day=SECOND) == []


def test_a_series_that_no_boundary_showed_is_billed_once_it_is_scanned(
    billed_unscanned: Callable[[str], None], tenant_a: Tenant
) -> None:
    billed_unscanned("came-and-went")
    assert invoices_of(tenant_a) == {}
    usage.scan_day(NIGHT, SECOND)

    invoices.bill_open_days(NIGHT, day=SECOND)
    bill(THIRD)

    found = invoices_of(tenant_a)
    assert [(day, each.status) for day, each in found.items()] == [(SECOND, InvoiceStatus.PENDING)]
    assert 480 <= found[SECOND].tokens <= 500


def test_what_an_operator_released_meanwhile_stays_as_it_is(
    billed_unscanned: Callable[[str], None], tenant_a: Tenant, tenant_b: Tenant
) -> None:
    billed_unscanned("falls-once")
    released = invoices.release(OPERATOR, invoices_of(tenant_a)[SECOND].id, "looked at")
    usage.scan_day(NIGHT, SECOND)

    invoices.bill_open_days(NIGHT, day=SECOND)

    assert invoices_of(tenant_a)[SECOND] == released
    assert invoices_of(tenant_b)[SECOND].status is InvoiceStatus.PENDING


def test_samples_that_went_before_the_scan_leave_the_invoice_held(
    billed_unscanned: Callable[[str], None], look_at: LookAt, tenant_a: Tenant
) -> None:
    billed_unscanned("late-fall-after")
    look_at("late-fall-before")
    usage.scan_day(NIGHT, SECOND)

    assert invoices.bill_open_days(NIGHT, day=SECOND) == []

    assert invoices_of(tenant_a)[SECOND].held_reasons == ("not_scanned",)


@pytest.mark.parametrize(
    "worlds",
    [
        pytest.param(("falls-once", "seen-once"), id="all of the day"),
        pytest.param(("late-fall-after", "late-fall-before"), id="some of the day"),
    ],
)
def test_samples_that_went_after_the_scan_leave_the_invoice_and_its_proof_until_they_are_back(
    billed_unscanned: Callable[[str], None],
    look_at: LookAt,
    tenant_a: Tenant,
    caplog: pytest.LogCaptureFixture,
    worlds: tuple[str, str],
) -> None:
    billed, left = worlds
    billed_unscanned(billed)
    held, proof = invoices_of(tenant_a)[SECOND], usage.readings(NIGHT, tenant_a.id, SECOND)
    assert usage.scan_day(NIGHT, SECOND).is_whole
    look_at(left)

    assert invoices.bill_open_days(NIGHT, day=SECOND) == []
    assert invoices.bill_open_days(NIGHT, day=SECOND) == []

    assert invoices_of(tenant_a)[SECOND] == held
    assert (held.held_reasons, held.tokens > 0) == (("not_scanned",), True)
    assert (usage.readings(NIGHT, tenant_a.id, SECOND), proof == []) == (proof, False)
    assert caplog.text.count("billing.scanned_day_waits") == 1
    assert "usage.samples_went_after_scan" in caplog.text
    assert usage.scan_day(NIGHT, SECOND, is_hurried=True).failed == 1
    assert (invoices_of(tenant_a)[SECOND], invoices.bill_open_days(NIGHT, day=SECOND)) == (held, [])

    look_at(billed)
    assert usage.scan_day(NIGHT, SECOND, is_hurried=True).is_whole
    [run] = invoices.bill_open_days(NIGHT, day=SECOND)
    assert run.day == SECOND
    assert invoices_of(tenant_a)[SECOND].held_reasons != ("not_scanned",)
