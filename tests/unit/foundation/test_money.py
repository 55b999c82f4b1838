from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import money
from backend.money import Rial

rates = st.decimals(min_value=0, max_value=100_000, places=6)


@given(days=st.lists(st.integers(0, 10**12), max_size=60), rate=rates)
def test_daily_differences_add_up_to_the_charge_of_the_sum(days: list[int], rate: Decimal) -> None:
    cumulative, billed = 0, 0
    for tokens in days:
        cumulative += tokens
        due = money.charge(cumulative, rate) - billed
        assert due >= 0
        billed += due

    assert billed == money.charge(sum(days), rate)
    assert billed <= sum(days) * rate / 1000 < billed + 1


@pytest.mark.parametrize(
    ("tokens", "rial"), [(0, 0), (4, 0), (5, 1), (999, 199), (1000, 200), (27_974_132_898, 5_594_826_579)]
)
def test_twenty_toman_for_a_thousand_tokens(tokens: int, rial: int) -> None:
    assert money.charge(tokens, Decimal(200)) == rial


def test_negative_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        money.charge(-1, Decimal(200))


@pytest.mark.parametrize(
    ("net", "percent", "expected"), [(1000, "10", 100), (5, "10", 1), (4, "10", 0), (7, "0", 0)]
)
def test_tax_is_rounded_half_up(net: int, percent: str, expected: int) -> None:
    assert money.tax(Rial(net), Decimal(percent)) == expected


def test_ten_rial_are_one_toman() -> None:
    assert money.toman(12_345) == Decimal("1234.5")


def test_a_charge_is_exact_beyond_the_digits_of_a_decimal() -> None:
    tokens, rate = 9_007_199_253_934_545, Decimal("477255585602.919016")

    exact = Fraction(rate) * tokens / 1000

    assert money.charge(tokens, rate) == exact.numerator // exact.denominator
