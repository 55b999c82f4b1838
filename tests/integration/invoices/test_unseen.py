"""What a scraper did not see, or not by the same job, is billed once, and what cannot be proven is held."""

from datetime import date, timedelta

import pytest

from backend.invoices.types import InvoiceStatus
from backend.tenants.types import Tenant
from backend.usage import service as usage
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.types import OpeningSource, UsageFlag
from tests.integration.invoices.bills import NIGHT, LookAt, bill, invoices_of, proven, tokens_of, usage_on
from tests.integration.usage import nights, unseen
from tests.integration.usage.nights import FIRST, RATE, SECOND, THIRD, A, B
from tests.integration.usage.world import Key, World

DAY = timedelta(days=1)


@pytest.fixture
def both(tenant_a: Tenant, tenant_b: Tenant) -> dict[Key, Tenant]:
    return {A: tenant_a, B: tenant_b}


def named(worlds: list[World], name: str) -> World:
    return next(world for world in worlds if world.name == name)


@pytest.mark.parametrize("name", ["apart", "apart-gap"])
def test_counters_and_start_times_of_different_jobs_meet(
    name: str, look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at(name)

    bill(FIRST, SECOND, THIRD)

    true = proven(named(unseen.apart_worlds(), name), A, FIRST, THIRD)
    # The jobs scrape some seconds apart, so the end of an incarnation may be seen by the counters' job alone.
    assert sum(tokens_of(tenant_a).values()) == pytest.approx(true, abs=2 * RATE[A])


@pytest.mark.parametrize("name", ["cold-two-jobs", "late-job", "cold-apart", "late-apart"])
def test_a_job_without_the_counters_hides_no_cold_start(name: str, look_at: LookAt, tenant_a: Tenant) -> None:
    look_at(name)

    bill(SECOND)

    held = invoices_of(tenant_a)[SECOND]
    assert (held.status, held.held_reasons[0]) == (InvoiceStatus.HELD, "cold_start")
    expected = proven(named(unseen.cold_worlds(), name), A, SECOND, SECOND)
    # A job without start times may have scraped a little before or after those that tell them.
    assert held.tokens == pytest.approx(expected, abs=RATE[A] if "apart" in name else 0)
    readings = usage.readings(NIGHT, tenant_a.id, SECOND)
    assert {reading.opening_source for reading in readings} == {OpeningSource.FIRST_SEEN}


@pytest.mark.parametrize("name", ["cold-two-jobs", "late-job"])
def test_what_is_first_used_after_the_counters_were_found_counts_from_zero(
    name: str, look_at: LookAt, tenant_b: Tenant
) -> None:
    look_at(name)

    bill(SECOND)

    issued = invoices_of(tenant_b)[SECOND]
    assert issued.tokens == proven(named(unseen.cold_worlds(), name), B, SECOND, SECOND) > 10 * 60 * RATE[B]
    assert "cold_start" not in usage_on(tenant_b, SECOND).flags


def test_a_first_use_that_only_a_job_without_start_times_shows_is_held(
    look_at: LookAt, both: dict[Key, Tenant]
) -> None:
    look_at("first-used-apart")
    alone = usage.measure_day(NIGHT, SECOND, tenant_label=both[B].label)

    bill(SECOND)

    # That job's own first scrape of the process is not known: the counter may be older than it.
    held = invoices_of(both[B])[SECOND]
    assert held.held_reasons == ("cold_start",)
    true = proven(named(unseen.cold_worlds(), "first-used-apart"), B, SECOND, SECOND)
    assert true - 2 * RATE[B] <= held.tokens == alone.rows[0].tokens <= true
    assert invoices_of(both[A])[SECOND].status == InvoiceStatus.PENDING


def test_a_job_that_gets_another_name_makes_nothing_unknown(
    look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant
) -> None:
    look_at("renamed")

    bill(FIRST, SECOND)

    for tenant, key in ((tenant_a, A), (tenant_b, B)):
        assert sum(tokens_of(tenant).values()) == proven(unseen.renamed(), key, FIRST, SECOND)
        assert invoices_of(tenant)[SECOND].status == InvoiceStatus.PENDING
        assert usage_on(tenant, SECOND).flags == ()


@pytest.mark.parametrize("name", ["gone-a-day", "gone-over-midnight", "gone-at-noon"])
def test_a_series_that_vanishes_from_a_living_process_is_billed_once(
    name: str, look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant
) -> None:
    look_at(name)

    bill(FIRST, SECOND, THIRD)

    world = named(unseen.gone_worlds(), name)
    for tenant, key in ((tenant_a, A), (tenant_b, B)):
        assert sum(tokens_of(tenant).values()) == proven(world, key, FIRST, THIRD)
    assert tokens_of(tenant_a)[THIRD] == proven(world, A, THIRD, THIRD)
    flagged = THIRD if name == "gone-a-day" else SECOND
    assert usage_on(tenant_b, flagged).flags == (UsageFlag.GAP_ACROSS_BOUNDARY,)


@pytest.mark.parametrize("name", ["gone-a-day", "gone-over-midnight"])
def test_a_plan_knows_what_vanished_on_the_days_before(
    name: str, look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant
) -> None:
    look_at(name)
    after = PlannedDays()

    for day in (FIRST, SECOND, THIRD):
        planned = usage.measure_day(NIGHT, day, after=after)
        after.add(planned)
        bill(day)

        assert planned.rows == usage.rows_of_day(NIGHT, day)


@pytest.mark.parametrize("name", ["gone-a-day", "gone-over-midnight", "gone-at-noon"])
def test_a_tenants_page_tells_what_vanished_as_the_night_does(
    name: str, look_at: LookAt, tenant_b: Tenant
) -> None:
    look_at(name)

    for day in (FIRST, SECOND, THIRD):
        alone = usage.measure_day(NIGHT, day, tenant_label=tenant_b.label)
        bill(day)

        assert alone.rows == [row for row in usage.rows_of_day(NIGHT, day) if row.tenant == tenant_b.label]


@pytest.mark.parametrize(("name", "days"), [("silent-day", 1), ("silent-long", 1), ("silent-two-days", 2)])
def test_a_pod_that_nobody_saw_for_a_day_is_held(
    name: str, days: int, look_at: LookAt, tenant_a: Tenant, tenant_b: Tenant
) -> None:
    look_at(name)
    before, silent, after = (day + unseen.SILENT_DAYS_LATER * DAY for day in (FIRST, SECOND, THIRD))

    bill(before, silent, after)

    found = invoices_of(tenant_b)
    for day in (silent, after)[:days]:
        assert (found[day].status, found[day].tokens, found[day].coverage) == (InvoiceStatus.HELD, 0, 0)
    # What it did meanwhile is on the invoice of the day on which it answers again.
    expected = proven(named(unseen.silent_worlds(), name), B, before, after)
    assert sum(tokens_of(tenant_b).values()) == expected
    assert {each.status for each in invoices_of(tenant_a).values()} == {InvoiceStatus.PENDING}
    alone = usage.measure_day(NIGHT, after + DAY, tenant_label=tenant_b.label)
    everybody = usage.measure_day(NIGHT, after + DAY)
    assert alone.rows == [row for row in everybody.rows if row.tenant == tenant_b.label]


def test_a_pod_that_ended_at_midnight_is_not_missing(look_at: LookAt, tenant_b: Tenant) -> None:
    look_at("ended-at-midnight")
    before = FIRST + unseen.SILENT_DAYS_LATER * DAY

    bill(before, before + DAY)

    assert list(tokens_of(tenant_b)) == [before]


@pytest.mark.parametrize(
    ("name", "key", "billed_before"),
    [
        pytest.param("late-day", B, [FIRST, SECOND], id="the whole day of a pod"),
        pytest.param("late-end-same", A, [FIRST], id="the end of processes that were replaced in place"),
        pytest.param("late-end-new", A, [FIRST], id="the end of pods that others followed"),
        pytest.param("late-minutes", B, [FIRST], id="the last minutes with a first use"),
    ],
)
def test_what_comes_after_its_day_was_billed_is_on_the_next_invoice(
    name: str, key: Key, billed_before: list[date], look_at: LookAt, both: dict[Key, Tenant]
) -> None:
    look_at(f"{name}-before")
    bill(*billed_before)
    following = billed_before[-1] + DAY

    look_at(f"{name}-after")
    mine = both[key]
    alone = usage.measure_day(NIGHT, following, tenant_label=mine.label)
    bill(following)

    world = named(unseen.late_worlds(has_come=True), f"{name}-after")
    assert sum(tokens_of(mine).values()) == proven(world, key, FIRST, following)
    assert UsageFlag.GAP_ACROSS_BOUNDARY in usage_on(mine, following).flags
    assert invoices_of(mine)[following].status == InvoiceStatus.PENDING
    assert alone.rows == [row for row in usage.rows_of_day(NIGHT, following) if row.tenant == mine.label]


def test_a_late_process_that_no_stored_day_knows_is_held(look_at: LookAt, tenant_b: Tenant) -> None:
    look_at("late-birth-before")
    bill(FIRST, SECOND)

    look_at("late-birth-after")
    bill(THIRD)

    # A selector that was too narrow would look the same, and would have left its past out on purpose.
    world = named(unseen.late_worlds(has_come=True), "late-birth-after")
    assert tokens_of(tenant_b) == {THIRD: proven(world, B, THIRD, THIRD)}
    assert invoices_of(tenant_b)[THIRD].held_reasons == ("cold_start",)


@pytest.mark.parametrize("name", ["late-hour", "late-child"])
def test_a_day_that_is_billed_after_the_next_one_ends_where_that_began(
    name: str, look_at: LookAt, both: dict[Key, Tenant]
) -> None:
    look_at(f"{name}-before")
    bill(SECOND)

    look_at(f"{name}-after")
    bill(FIRST)

    after = [*unseen.late_worlds(has_come=True), nights.late_child(has_come=True)]
    world = named(after, f"{name}-after")
    for key, tenant in both.items():
        assert sum(tokens_of(tenant).values()) == proven(world, key, FIRST, SECOND)
        assert not any(each.held_reasons for each in invoices_of(tenant).values())
    assert UsageFlag.GAP_ACROSS_BOUNDARY in usage_on(both[A], FIRST).flags


def test_a_day_between_two_stored_ones_needs_no_scrape_to_be_exact(
    look_at: LookAt, both: dict[Key, Tenant]
) -> None:
    look_at("late-day-after")
    bill(FIRST, THIRD)

    look_at("late-day-before")
    bill(SECOND)

    world = named(unseen.late_worlds(has_come=True), "late-day-after")
    for key, tenant in both.items():
        assert tokens_of(tenant)[SECOND] == proven(world, key, SECOND, SECOND)
    assert invoices_of(both[B])[SECOND].held_reasons == ("low_coverage",)
