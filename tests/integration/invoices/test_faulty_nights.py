"""Nights on which something went wrong, from Prometheus through the database to invoices: no token is billed twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from backend import clock
from backend.audit import service as audit
from backend.clock import Window
from backend.db.engine import transaction
from backend.errors import Conflict
from backend.invoices import service as invoices
from backend.invoices.types import Invoice, InvoiceStatus
from backend.money import charge
from backend.tenants.types import Tenant
from backend.usage import service as usage
from backend.usage.types import OpeningSource, UsageFlag
from tests import factories
from tests.integration.invoices.bills import (
    BILLED_FROM,
    NIGHT,
    OPERATOR,
    LookAt,
    bill,
    invoices_of,
    proven,
    tokens_of,
    usage_on,
)
from tests.integration.invoices.rows import all_rows, counts
from tests.integration.usage import nights
from tests.integration.usage.nights import FIRST, SECOND, THIRD, A, B, midnight

DAY = timedelta(days=1)


@pytest.mark.parametrize("name", ["moved-on", "moved-back"])
def test_a_start_time_that_moves_bills_nothing_twice_and_is_held(
    name: str, look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at(name)

    bill(FIRST, SECOND, THIRD)

    found = invoices_of(tenant_a)
    true = proven(nights.moved(name, 0), A, SECOND, SECOND)
    # What it did between the last scrape before and the first one after is not proven.
    assert found[SECOND].tokens == true - 5 * nights.RATE[A]
    assert (found[SECOND].status, found[SECOND].held_reasons) == (InvoiceStatus.HELD, ("start_time_moved",))
    assert (found[THIRD].status, found[THIRD].tokens) == (
        InvoiceStatus.PENDING,
        proven(nights.moved(name, 0), A, THIRD, THIRD),
    )


def test_a_start_time_that_never_stands_still_counts_nothing_that_is_not_proven(
    look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at("wobbling")

    bill(FIRST, SECOND)

    for day in (FIRST, SECOND):
        assert invoices_of(tenant_a)[day].status == InvoiceStatus.HELD
        assert invoices_of(tenant_a)[day].tokens <= proven(nights.steady("wobbling"), A, day, day)
        assert UsageFlag.START_TIME_MOVED in usage_on(tenant_a, day).flags


def test_what_came_too_late_for_its_day_is_billed_on_the_next(
    look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant
) -> None:
    look_at("late-child-before")
    bill(FIRST)

    look_at("late-child-after")
    bill(SECOND, THIRD)

    whole = nights.late_child(has_come=True)
    # What was issued stands, though the closing that it was issued by is no longer the last one of its day.
    assert tokens_of(tenant_a)[FIRST] == proven(nights.late_child(has_come=False), A, FIRST, FIRST)
    assert tokens_of(tenant_a)[FIRST] < proven(whole, A, FIRST, FIRST)
    for tenant, key in ((tenant_a, A), (tenant_b, B)):
        assert sum(tokens_of(tenant).values()) == proven(whole, key, FIRST, THIRD)
        assert {
            each.day: each.held_reasons for each in invoices_of(tenant).values() if each.held_reasons
        } == {}
    assert tokens_of(tenant_b)[SECOND] > proven(whole, B, SECOND, SECOND)
    assert UsageFlag.GAP_ACROSS_BOUNDARY in usage_on(tenant_b, SECOND).flags
    assert usage_on(tenant_b, THIRD).flags == ()


def test_a_wider_selector_bills_no_history(look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant) -> None:
    look_at("widened", USAGE_SELECTOR='scenario="widened",job="docuchat"')
    bill(FIRST)

    look_at("widened")
    bill(SECOND)

    world = nights.widened()
    # The second job scrapes two hundred seconds after the first.
    assert tokens_of(tenant_a)[FIRST] == proven(world, A, FIRST, FIRST)
    assert tokens_of(tenant_a)[SECOND] <= proven(world, A, SECOND, SECOND) + 4 * nights.RATE[A]
    # Two pods serve this tenant; both were scraped, and seen by nobody, on the first day.
    assert tokens_of(tenant_b) == {SECOND: proven(world, B, SECOND, SECOND)}
    readings = usage.readings(NIGHT, tenant_b.id, SECOND)
    assert {reading.opening_source for reading in readings} == {OpeningSource.SCRAPED}
    # Data that came late would look the same, and yesterday's part of it would be lost.
    assert invoices_of(tenant_b)[SECOND].held_reasons == ("cold_start",)
    assert invoices_of(tenant_a)[SECOND].status == InvoiceStatus.PENDING


def test_a_day_without_start_times_is_not_billed_again(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("no_start_at_first")

    bill(FIRST, SECOND, THIRD)

    world = nights.no_start_at_first()
    assert UsageFlag.NO_START_TIME in usage_on(tenant_a, SECOND).flags
    assert sum(tokens_of(tenant_a).values()) <= proven(world, A, FIRST, THIRD)
    assert UsageFlag.COLD_START in usage_on(tenant_a, THIRD).flags
    assert invoices_of(tenant_a)[THIRD].status == InvoiceStatus.HELD


def test_hours_of_yesterday_on_todays_invoice_are_flagged(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("long-gap")

    bill(FIRST, SECOND)

    assert sum(tokens_of(tenant_a).values()) == proven(nights.long_gap(), A, FIRST, SECOND)
    assert tokens_of(tenant_a)[SECOND] > 28 * 60 * nights.RATE[A]
    for day in (FIRST, SECOND):
        assert UsageFlag.GAP_ACROSS_BOUNDARY in usage_on(tenant_a, day).flags


def test_a_tenants_page_tells_what_the_night_tells(look_at: LookAt, tenant_b: Tenant) -> None:
    """Only another tenant had used the process that nobody scraped around midnight."""
    look_at("first-used-after-gap")
    bill(FIRST)

    everybody = usage.measure_day(NIGHT, SECOND)
    alone = usage.measure_day(NIGHT, SECOND, tenant_label=tenant_b.label)

    assert alone.rows == [row for row in everybody.rows if row.tenant == tenant_b.label]
    assert alone.readings == [reading for reading in everybody.readings if reading.tenant == tenant_b.label]
    assert {reading.opening_source for reading in alone.readings} == {OpeningSource.FIRST_USED}


def release(tenant: Tenant, day: date) -> Invoice:
    return invoices.release(OPERATOR, invoices_of(tenant)[day].id, "looked at")


def test_a_meter_that_went_back_is_held_also_where_nothing_is_left(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("steady")
    bill(FIRST)
    with transaction() as connection:
        connection.execute(text("UPDATE meter_reading SET closing = closing + 1000000"))

    bill(SECOND)

    held = invoices_of(tenant_a)[SECOND]
    assert (held.tokens, held.status, held.held_reasons) == (0, InvoiceStatus.HELD, ("reading_went_back",))


def test_a_held_day_without_a_token_ends_without_number_and_mail(look_at: LookAt, tenant_b: Tenant) -> None:
    look_at("seen-once")
    bill(FIRST)
    [held] = invoices.held(OPERATOR)
    assert (held.invoice.tokens, held.invoice.held_reasons[0]) == (0, "cold_start")

    closed = release(tenant_b, FIRST)

    assert (closed.status, closed.number, closed.issued_at, closed.amount_rial) == (
        InvoiceStatus.VOID,
        None,
        None,
        0,
    )
    assert invoices.held(OPERATOR) == []
    assert counts()["outbox_mail"] == counts()["invoice_number"] == 0
    [entry] = audit.entries(OPERATOR, f"invoice:{closed.id}")
    assert entry.event.action == "invoice.released"
    before = all_rows()
    assert invoices.bill_day(OPERATOR, FIRST) is None
    assert all_rows() == before


def test_a_day_on_which_nobody_looked_waits_for_an_operator(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("blackout")

    bill(FIRST, SECOND, THIRD)

    found = invoices_of(tenant_a)
    assert (found[SECOND].tokens, found[SECOND].held_reasons) == (0, ("low_coverage",))
    assert sum(tokens_of(tenant_a).values()) == proven(nights.blackout(), A, FIRST, THIRD)
    assert release(tenant_a, SECOND).status == InvoiceStatus.VOID


def test_a_label_that_is_mapped_later_is_held_where_it_is_uncertain(look_at: LookAt) -> None:
    look_at("blackout")
    bill(FIRST, SECOND)

    late = factories.tenant(A[0], billed_from=BILLED_FROM)
    bill(SECOND)

    assert invoices_of(late)[SECOND].status == InvoiceStatus.HELD


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        pytest.param("reused", (), id="gone at once"),
        pytest.param("reused-late", (), id="tried a little longer"),
        pytest.param("never-free", ("low_coverage",), id="did not answer for ten hours"),
        pytest.param("reused-unseen", ("low_coverage",), id="nobody looked"),
    ],
)
def test_a_pod_that_ended_is_not_missing_until_its_address_is_used_again(
    name: str, reasons: tuple[str, ...], look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at(name)
    day = SECOND + timedelta(days=nights.REUSED[name])

    bill(day)

    world = next(each for each in nights.reused_worlds() if each.name == name)
    assert invoices_of(tenant_a)[day].held_reasons == reasons
    assert tokens_of(tenant_a) == {day: proven(world, A, day, day)}


def test_days_add_up_when_the_law_of_clocks_changes_after_a_day_was_billed(
    look_at: LookAt, tenant_a: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at("steady")
    whole = clock.day_window(FIRST)

    with monkeypatch.context() as old_law:
        longer = Window(start=whole.start, end=whole.end + timedelta(hours=1))
        old_law.setattr(clock, "day_window", lambda _day: longer)
        bill(FIRST)
    bill(SECOND)

    found = invoices_of(tenant_a)
    assert found[FIRST].window_end - found[FIRST].window_start == timedelta(hours=25)
    assert found[SECOND].window_start == found[FIRST].window_end
    assert sum(tokens_of(tenant_a).values()) == proven(nights.steady("steady"), A, FIRST, SECOND)
    assert {reading.opening_source for reading in usage.readings(NIGHT, tenant_a.id, SECOND)} == {
        OpeningSource.STORED
    }


def test_a_day_that_is_billed_late_ends_where_the_next_began(
    look_at: LookAt, tenant_a: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at("steady")
    whole = clock.day_window(SECOND)

    with monkeypatch.context() as old_law:
        shorter = Window(start=whole.start + timedelta(hours=1), end=whole.end)
        old_law.setattr(clock, "day_window", lambda _day: shorter)
        bill(SECOND)
    bill(FIRST)

    assert invoices_of(tenant_a)[FIRST].window_end == invoices_of(tenant_a)[SECOND].window_start
    assert sum(tokens_of(tenant_a).values()) == proven(nights.steady("steady"), A, FIRST, SECOND)


def test_labels_that_cannot_be_stored_keep_nobody_from_being_billed(
    look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at("odd-labels")

    bill(FIRST, SECOND)

    world = nights.odd_labels()
    for day in (FIRST, SECOND):
        start = midnight(day)
        true = world.proven(start, start + 24 * 3600, history_from=start - 4 * 3600)
        rows = usage.rows_of_day(OPERATOR, day)
        assert sorted(row.tokens for row in rows) == sorted(true.values())
        assert len({row[:3] for row in rows}) == len(true)
        mine = sum(tokens for key, tokens in true.items() if key[0] == A[0])
        assert (invoices_of(tenant_a)[day].tokens, invoices_of(tenant_a)[day].status) == (
            mine,
            InvoiceStatus.PENDING,
        )
    assert {reading.opening_source for reading in usage.readings(NIGHT, tenant_a.id, SECOND)} == {
        OpeningSource.STORED
    }
    alone = usage.measure_day(NIGHT, SECOND, tenant_label=tenant_a.label)
    assert [row for row in usage.rows_of_day(OPERATOR, SECOND) if row.tenant == tenant_a.label] == alone.rows


def test_a_counter_beyond_what_can_be_stored_holds_its_company_and_nobody_else(
    look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant
) -> None:
    look_at("huge")

    bill(FIRST, SECOND)

    for day in (FIRST, SECOND):
        held = invoices_of(tenant_a)[day]
        assert (held.status, held.tokens, held.held_reasons[0]) == (InvoiceStatus.HELD, 0, "beyond_storage")
        assert invoices_of(tenant_b)[day].tokens == proven(nights.huge(), B, day, day)
        assert release(tenant_a, day).status == InvoiceStatus.VOID


def test_a_counter_of_a_broken_size_is_held_and_released_at_its_price(
    look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant
) -> None:
    look_at("broken-counter")
    bill(FIRST)
    planned = invoices.plan(OPERATOR, SECOND)

    bill(SECOND)

    held = invoices_of(tenant_a)[SECOND]
    assert (held.status, held.amount_rial, planned.days[0].held) == (InvoiceStatus.HELD, 0, 1)
    assert held.held_reasons == ("amount_too_large", "unusual_day")
    assert invoices_of(tenant_b)[SECOND].status == InvoiceStatus.PENDING
    released = release(tenant_a, SECOND)
    assert (released.status, released.tokens) == (InvoiceStatus.PENDING, held.tokens)
    assert released.amount_rial == pytest.approx(2 * 10**17)


def test_what_a_release_would_make_too_large_to_store_stays_held(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("broken-counter")
    bill(FIRST, SECOND)
    with transaction() as connection:
        connection.execute(text("UPDATE billing_meter SET tokens = 9223372036854775807"))

    with pytest.raises(Conflict, match="total_too_large"):
        release(tenant_a, SECOND)

    assert invoices_of(tenant_a)[SECOND].status == InvoiceStatus.HELD


def test_another_replica_label_is_honoured(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("replicas", USAGE_REPLICA_LABEL="site")

    bill(FIRST, SECOND)

    assert tokens_of(tenant_a) == {day: proven(nights.replicas(), A, day, day) for day in (FIRST, SECOND)}


def test_low_coverage_is_held_and_released_at_what_was_observed(look_at: LookAt, tenant_a: Tenant) -> None:
    look_at("low-coverage")
    bill(FIRST, SECOND, THIRD)
    held = invoices_of(tenant_a)[SECOND]
    assert (held.status, held.number, held.held_reasons) == (InvoiceStatus.HELD, None, ("low_coverage",))
    assert held.coverage < Decimal("0.95")

    released = release(tenant_a, SECOND)

    assert (released.status, released.tokens) == (InvoiceStatus.PENDING, 24 * 60 * nights.RATE[A])
    year = clock.jalali_year(clock.billing_day(clock.utc_now()))
    assert released.number == f"{year}-000003"
    assert counts()["outbox_mail"] == 3
    every = invoices_of(tenant_a).values()
    assert sum(each.amount_rial for each in every) == charge(sum(each.tokens for each in every), Decimal(200))


def test_numbers_are_of_the_year_of_issue_and_without_a_gap_in_each(
    look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at("nowruz")
    last_of_year, first_of_year = nights.NOWRUZ - DAY, nights.NOWRUZ

    numbers = []
    for day in (last_of_year - DAY, last_of_year, first_of_year):
        # In the night after it, at three o'clock: the last day of 1401 is issued in 1402.
        issued_at = clock.day_window(day).end + timedelta(hours=3)
        monkeypatch.setattr(clock, "utc_now", lambda at=issued_at: at)
        bill(day)
        numbers.append({str(invoices_of(tenant)[day].number) for tenant in (tenant_a, tenant_b)})

    assert numbers == [
        {"1401-000001", "1401-000002"},
        {"1402-000001", "1402-000002"},
        {"1402-000003", "1402-000004"},
    ]
