"""From usage to invoices: who gets one, what it says, and that no rial is ever lost or made."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.actor import TenantId
from backend.invoices import rules
from backend.invoices.types import BilledTotal, BilledTotalKey, DayBill, Limits
from backend.money import Rial, charge
from backend.pricing.types import PriceList
from backend.tenants.types import INTERNAL_LABEL, Tenant
from backend.usage.types import UsageRow

DAY = date(2026, 11, 22)
PRICES = PriceList(version=1, valid_from=date(2020, 1, 1), rial_per_1000_tokens=Decimal(200))


def tenant(number: int, *, billed_from: date = date(2026, 1, 1)) -> Tenant:
    return Tenant(
        id=TenantId(UUID(int=number)),
        label=f"t{number}",
        name_fa=f"شرکت {number}",
        name_en=f"Company {number}",
        language="fa",
        billing_email=f"billing@t{number}.example",
        billed_from=billed_from,
        economic_code=None,
        national_id=None,
        postal_address=None,
        postal_code=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def row(
    label: str, tokens: int, *, kind: str = "prompt", held: bool = False, flags: tuple[str, ...] = ()
) -> UsageRow:
    return UsageRow(label, "gpt-small", kind, tokens, Decimal(1), 0, held, flags)


def bill(
    rows: Sequence[UsageRow],
    *tenants: Tenant,
    billed: frozenset[TenantId] = frozenset(),
    prices: PriceList = PRICES,
    tax_percent: Decimal = Decimal(0),
    billed_totals: dict[BilledTotalKey, BilledTotal] | None = None,
    usual: dict[TenantId, int] | None = None,
    most_rial: int = 10**30,
) -> DayBill:
    return rules.bill(
        DAY,
        rows,
        {each.label: each for each in tenants},
        billed=billed,
        price_list=prices,
        tax_percent=tax_percent,
        billed_totals=billed_totals or {},
        limits=Limits(amount_rial=Rial(most_rial), usual_rial=Rial(10_000), usual_tokens=usual or {}),
    )


STRICT = replace(PRICES, overrides={("gpt-small", "prompt"): Decimal(100)}, requires_own_price=True)


@pytest.mark.parametrize(
    ("used", "holds"),
    [
        pytest.param([row("t1", 1000)], None, id="a model with a price is billed at it"),
        pytest.param(
            [row("t1", 1000), row("t1", 5, kind="completion")],
            ("model_without_price",),
            id="one without waits",
        ),
        pytest.param([row("t1", 1000), row("t1", 0, kind="completion")], None, id="unless it used nothing"),
        pytest.param(
            [row("t1", 5, kind="completion", held=True, flags=("cold_start",))],
            ("cold_start", "model_without_price"),
            id="with every other reason",
        ),
    ],
)
def test_a_model_without_a_price_is_never_billed_at_the_general_one(
    used: list[UsageRow], holds: tuple[str, ...] | None
) -> None:
    made = bill([*used, row("t2", 1000)], tenant(1), tenant(2), prices=STRICT)

    assert [each.held_reasons for each in made.held] == ([] if holds is None else [holds])
    assert [each.amount_rial for each in made.issued] == [100] * (2 if holds is None else 1)
    assert sum(each.tokens for each in (*made.issued, *made.held)) == 1000 + sum(each.tokens for each in used)


@pytest.mark.parametrize(
    ("tokens", "usual", "holds"),
    [
        pytest.param(5_000_000, None, (), id="the largest amount, and no day before"),
        pytest.param(5_000_005, None, ("amount_too_large",), id="a rial more"),
        pytest.param(60_000, 3_000, (), id="twenty times the usual"),
        pytest.param(60_005, 3_000, ("unusual_day",), id="more than that"),
        pytest.param(50_000, 1, (), id="no more than the smallest payment"),
        pytest.param(10**18, 1, ("amount_too_large", "unusual_day"), id="a broken counter"),
        pytest.param(2**63 - 1, 2**62, ("amount_too_large",), id="the largest number"),
    ],
)
def test_an_amount_or_a_day_beyond_the_limits_is_held_with_its_tokens(
    tokens: int, usual: int | None, holds: tuple[str, ...]
) -> None:
    known = {} if usual is None else {tenant(1).id: usual}

    made = bill([row("t1", tokens)], tenant(1), usual=known, most_rial=1_000_000)

    [draft] = [*made.issued, *made.held]
    assert (draft.tokens, draft.is_held, draft.held_reasons) == (tokens, bool(holds), holds)
    assert bool(made.billed_totals) is not bool(holds)


@pytest.mark.parametrize("held", [False, True])
def test_a_sum_that_cannot_be_stored_is_held_without_a_token(held: bool) -> None:
    rows = [row("t1", 2**62, held=held), row("t1", 2**62, kind="completion"), row("t2", 5000)]

    made = bill(rows, tenant(1), tenant(2))

    assert [draft.tenant.label for draft in made.issued] == ["t2"]
    [draft] = made.held
    assert (draft.tokens, draft.lines, "total_too_large" in draft.held_reasons) == (0, [], True)


def test_a_meter_that_would_pass_what_can_be_stored_is_held() -> None:
    known = {(tenant(1).id, "gpt-small", "prompt"): BilledTotal(2**63 - 2, 0)}

    made = bill(
        [row("t1", 5)],
        tenant(1),
        billed_totals=known,
        prices=replace(PRICES, rial_per_1000_tokens=Decimal(0)),
    )

    [draft] = made.held
    assert (draft.tokens, draft.held_reasons) == (5, ("total_too_large",))


def test_a_tenant_gets_one_invoice_with_a_line_for_each_model_and_type() -> None:
    made = bill([row("t1", 5000), row("t1", 1000, kind="completion")], tenant(1))

    [invoice] = made.issued
    assert [(line.type, line.tokens, line.amount_rial) for line in invoice.lines] == [
        ("completion", 1000, 200),
        ("prompt", 5000, 1000),
    ]
    assert (invoice.tokens, invoice.net_rial, invoice.tax_rial, invoice.amount_rial) == (6000, 1200, 0, 1200)


@pytest.mark.parametrize(
    ("rows", "tenants", "billed"),
    [
        pytest.param([row("t1", 0)], [tenant(1)], frozenset(), id="no tokens used"),
        pytest.param([], [tenant(1)], frozenset(), id="not seen at all"),
        pytest.param([row("t1", 9)], [tenant(1, billed_from=date(2026, 11, 23))], frozenset(), id="not yet"),
        pytest.param([row("t1", 9)], [tenant(1)], frozenset({tenant(1).id}), id="billed already"),
        pytest.param([row("t9", 9)], [tenant(1)], frozenset(), id="somebody else's label"),
    ],
)
def test_no_invoice_is_made(rows: list[UsageRow], tenants: list[Tenant], billed: frozenset[TenantId]) -> None:
    made = bill(rows, *tenants, billed=billed)

    assert (made.issued, made.held, made.billed_totals) == ([], [], {})


def test_the_first_billed_day_is_billed() -> None:
    assert len(bill([row("t1", 9)], tenant(1, billed_from=DAY)).issued) == 1


def test_unknown_labels_are_counted_and_kept_out() -> None:
    made = bill([row("ghost", 7), row("ghost", 3, kind="completion"), row("t1", 5000)], tenant(1))

    assert made.unknown_labels == {"ghost": 10}
    assert made.tokens == 5000


def test_what_the_portal_itself_asked_a_model_is_billed_to_nobody_and_not_unknown() -> None:
    made = bill([row(INTERNAL_LABEL, 10)], tenant(1))

    assert (made.issued, made.held, made.unknown_labels) == ([], [], {})


def test_one_uncertain_row_holds_the_whole_invoice_and_moves_no_meter() -> None:
    made = bill(
        [
            row("t1", 5000, flags=("duplicate_scrape",)),
            row("t1", 1000, kind="completion", held=True, flags=("cold_start", "duplicate_scrape")),
        ],
        tenant(1),
    )

    [invoice] = made.held
    assert (made.issued, made.billed_totals) == ([], {})
    assert (invoice.tokens, invoice.amount_rial, invoice.held_reasons) == (6000, 0, ("cold_start",))
    assert all(line.amount_rial == 0 for line in invoice.lines)


def test_what_is_uncertain_is_held_also_at_no_token() -> None:
    made = bill([row("t1", 0, held=True, flags=("reading_went_back",)), row("t9", 0, held=True)], tenant(1))

    [invoice] = made.held
    assert (invoice.tokens, invoice.lines, invoice.held_reasons) == (0, [], ("reading_went_back",))
    assert (made.issued, made.billed_totals, made.unknown_labels) == ([], {}, {})


def test_invoices_come_in_the_order_of_labels_whatever_the_order_of_rows() -> None:
    tenants = [tenant(number) for number in (1, 2, 3)]
    rows = [row("t3", 9), row("t1", 9), row("t2", 9)]

    assert bill(rows, *tenants) == bill(rows[::-1], *tenants)
    assert [draft.tenant.label for draft in bill(rows, *tenants).issued] == ["t1", "t2", "t3"]


def test_a_line_costs_what_the_meter_has_cost_less_what_was_billed() -> None:
    key = (tenant(1).id, "gpt-small", "prompt")

    made = bill([row("t1", 3)], tenant(1), billed_totals={key: BilledTotal(4, 0)})

    # 4 tokens cost 0.8 rial, of which none could be billed; 7 cost 1.4.
    assert made.issued[0].amount_rial == 1
    assert made.billed_totals == {key: BilledTotal(7, 1)}


def test_tax_is_taken_once_from_the_net_sum() -> None:
    [invoice] = bill(
        [row("t1", 5000), row("t1", 5025, kind="completion")], tenant(1), tax_percent=Decimal(10)
    ).issued

    assert (invoice.net_rial, invoice.tax_rial, invoice.amount_rial) == (2005, 201, 2206)


def test_a_held_invoice_is_priced_at_release_by_the_meter_of_that_moment() -> None:
    key = (tenant(1).id, "gpt-small", "prompt")
    [held] = bill([row("t1", 3, held=True)], tenant(1)).held

    moved: dict[BilledTotalKey, BilledTotal] = {}
    [line] = rules.price_lines(tenant(1).id, held.lines, {key: BilledTotal(7, 1)}, moved)

    assert line.amount_rial == 1
    assert moved == {key: BilledTotal(10, 2)}


def test_the_plan_hash_changes_with_one_token_and_with_nothing_else() -> None:
    first, same, other = (bill([row("t1", tokens)], tenant(1)) for tokens in (5000, 5000, 5001))

    assert rules.plan_hash([first]) == rules.plan_hash([same]) != rules.plan_hash([other])
    assert rules.plan_hash([]) != rules.plan_hash([first])


def test_the_plan_hash_changes_with_a_held_token_and_with_who_is_held() -> None:
    hashes = [
        rules.plan_hash([bill(rows, tenant(1), tenant(2))])
        for rows in (
            [row("t1", 5000)],
            [row("t1", 5000), row("t2", 7, held=True)],
            [row("t1", 5000), row("t2", 8, held=True)],
            [row("t1", 5000, held=True)],
        )
    ]

    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize(
    ("year", "sequence", "expected"), [(1405, 123, "1405-000123"), (1406, 1_000_000, "1406-1000000")]
)
def test_numbers_name_the_year_and_grow_past_six_digits(year: int, sequence: int, expected: str) -> None:
    assert rules.number(year, sequence) == expected


def test_the_window_ends_yesterday_and_begins_no_earlier_than_the_first_billed_day() -> None:
    today = date(2026, 11, 23)

    assert rules.window_days(today, 3, date(2020, 1, 1)) == [date(2026, 11, day) for day in (20, 21, 22)]
    assert rules.window_days(today, 3, date(2026, 11, 22)) == [date(2026, 11, 22)]
    assert rules.window_days(today, 3, None) == []


RATES = st.decimals(min_value=0, max_value=10_000, places=6)


@given(days=st.lists(st.integers(0, 10**12), max_size=40), price=RATES)
def test_the_sum_of_all_invoices_is_the_price_of_the_sum_of_all_tokens(
    days: list[int], price: Decimal
) -> None:
    prices = PriceList(version=1, valid_from=date(2020, 1, 1), rial_per_1000_tokens=price)
    billed_totals: dict[BilledTotalKey, BilledTotal] = {}
    total = 0
    for tokens in days:
        made = bill([row("t1", tokens)], tenant(1), prices=prices, billed_totals=billed_totals)
        billed_totals.update(made.billed_totals)
        total += made.amount_rial

    assert total == charge(sum(days), price)


@given(
    days=st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=20),
    order=st.randoms(use_true_random=False),
)
def test_held_days_released_in_any_order_leave_the_same_sum(
    days: list[tuple[int, bool]], order: object
) -> None:
    billed_totals: dict[BilledTotalKey, BilledTotal] = {}
    total, waiting = 0, []
    for tokens, is_held in days:
        made = bill([row("t1", tokens, held=is_held)], tenant(1), billed_totals=billed_totals)
        billed_totals.update(made.billed_totals)
        total += made.amount_rial
        waiting += made.held
    order.shuffle(waiting)  # type: ignore[attr-defined]
    for draft in waiting:
        moved: dict[BilledTotalKey, BilledTotal] = {}
        total += sum(
            line.amount_rial for line in rules.price_lines(tenant(1).id, draft.lines, billed_totals, moved)
        )
        billed_totals.update(moved)

    assert total == charge(sum(tokens for tokens, _ in days), Decimal(200))


def test_a_single_token_is_billed_and_a_tenant_without_any_ends_nobodys_billing() -> None:
    day = bill([row("t1", 0), row("t2", 1), row("t3", 1, held=True)], tenant(1), tenant(2), tenant(3))

    assert [each.tenant.label for each in day.issued] == ["t2"]
    [held] = day.held
    assert [(line.tokens, line.amount_rial) for line in held.lines] == [(1, 0)]
