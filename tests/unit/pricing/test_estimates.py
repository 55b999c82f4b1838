"""What used tokens are expected to cost."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import NotFound
from backend.money import Rial
from backend.pricing import estimate_rules as estimates
from backend.pricing.types import Amount, PriceList

DAY, BEFORE = date(2026, 11, 22), date(2026, 10, 1)
PRICES = [
    PriceList(version=1, valid_from=date(2026, 1, 1), rial_per_1000_tokens=Decimal(200)),
    PriceList(
        version=2,
        valid_from=DAY,
        rial_per_1000_tokens=Decimal(300),
        overrides={("big", "completion"): Decimal(900)},
    ),
]
AMOUNTS = st.builds(Amount, tokens=st.integers(0, 10**12), rial=st.integers(0, 10**12))


@dataclass(frozen=True, slots=True)
class Line:
    model: str
    type: str
    tokens: int


def test_each_line_is_rounded_down_to_a_whole_rial() -> None:
    used = [Line("a", "prompt", 1004), Line("a", "prompt", 1004), Line("big", "completion", 9)]

    assert estimates.amount_of(used, PRICES[0]) == Amount(tokens=2017, rial=200 + 200 + 1)
    assert estimates.amount_of(used, PRICES[1]) == Amount(tokens=2017, rial=301 + 301 + 8)
    assert estimates.amount_of([], PRICES[0]) == Amount()


def test_a_day_is_priced_by_the_list_that_was_valid_then() -> None:
    days = {BEFORE: [Line("a", "prompt", 1000)], DAY: [Line("a", "prompt", 1000)]}

    found = estimates.amounts_of_days(days, {}, PRICES, BEFORE)

    assert found == {BEFORE: Amount(tokens=1000, rial=200), DAY: Amount(tokens=1000, rial=300)}


@pytest.mark.parametrize(("invoiced", "rial"), [({}, 301), ({DAY: Rial(302)}, 302), ({DAY: Rial(0)}, 0)])
def test_a_day_with_an_invoice_costs_what_the_invoice_says_to_the_rial(
    invoiced: dict[date, Rial], rial: int
) -> None:
    found = estimates.amounts_of_days({DAY: [Line("a", "prompt", 1004)]}, invoiced, PRICES, DAY)

    assert found[DAY] == Amount(tokens=1004, rial=rial)


def test_a_day_before_billing_began_costs_nothing_unless_it_has_an_invoice() -> None:
    days = {BEFORE: [Line("a", "prompt", 1000)], DAY: [Line("a", "prompt", 1000)]}

    found = estimates.amounts_of_days(days, {}, PRICES, DAY)
    invoiced = estimates.amounts_of_days(days, {BEFORE: Rial(200)}, PRICES, DAY)

    assert found == {BEFORE: Amount(tokens=1000), DAY: Amount(tokens=1000, rial=300)}
    assert invoiced[BEFORE] == Amount(tokens=1000, rial=200)


def test_a_day_before_the_first_price_has_no_cost() -> None:
    with pytest.raises(NotFound):
        estimates.amounts_of_days({date(2025, 12, 31): [Line("a", "prompt", 1)]}, {}, PRICES, DAY)


def test_a_month_begins_with_its_first_day() -> None:
    amounts = {BEFORE: Amount(tokens=7, rial=1), DAY: Amount(tokens=1000, rial=200)}

    assert estimates.amount_since(amounts, DAY) == Amount(tokens=1000, rial=200)
    assert estimates.amount_since(amounts, BEFORE) == Amount(tokens=1007, rial=201)
    assert estimates.amount_since(amounts, date(2026, 11, 23)) == Amount()


@given(st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 12, 31)), AMOUNTS, max_size=20))
def test_groups_of_days_add_up_to_all_of_them(amounts: dict[date, Amount]) -> None:
    groups = estimates.amounts_by(amounts, lambda day: f"{day:%Y-%m}")

    assert groups.keys() == {f"{day:%Y-%m}" for day in amounts}
    assert estimates.total(groups.values()) == estimates.total(amounts.values())


def test_tokens_that_wait_for_a_price_cost_nothing_until_an_invoice_says_so() -> None:
    strict = replace(PRICES[1], overrides={("big", ""): Decimal(900)}, requires_own_price=True)
    days = {DAY: [Line("a", "prompt", 1000), Line("big", "prompt", 1000)]}

    assert estimates.amounts_of_days(days, {}, [strict], BEFORE) == {
        DAY: Amount(tokens=2000, rial=900, waiting_tokens=1000)
    }
    assert estimates.amounts_of_days(days, {DAY: Rial(1200)}, [strict], BEFORE) == {
        DAY: Amount(tokens=2000, rial=1200)
    }
