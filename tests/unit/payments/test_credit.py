"""Which invoices lose credit that turned out to be none."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.invoices.types import InvoiceId
from backend.payments import credit_rules

A, B = InvoiceId(UUID(int=1)), InvoiceId(UUID(int=2))
USES = [(A, 30), (B, 20), (A, 50)]


@pytest.mark.parametrize(
    ("reopened", "debt", "expected"),
    [
        pytest.param({}, 0, {}, id="no debt"),
        pytest.param({}, -5, {}, id="credit is left"),
        pytest.param({}, 10, {A: 10}, id="the youngest in part"),
        pytest.param({}, 45, {A: 30, B: 15}, id="the youngest whole, the next in part"),
        pytest.param({}, 60, {A: 40, B: 20}, id="two uses of one invoice"),
        pytest.param({A: 30}, 10, {B: 10}, id="what was taken before is gone"),
        pytest.param({A: 35, B: 20}, 10, {A: 10}, id="also of an older use"),
        pytest.param({}, 500, {A: 80, B: 20}, id="a debt beyond all uses"),
    ],
)
def test_the_youngest_use_is_undone_first(
    reopened: dict[InvoiceId, int], debt: int, expected: dict[InvoiceId, int]
) -> None:
    assert credit_rules.to_reopen(USES, reopened, debt) == expected


@given(
    st.lists(st.tuples(st.sampled_from([A, B]), st.integers(1, 100))),
    st.lists(st.integers(0, 150), max_size=4),
)
def test_debts_one_after_the_other_take_no_more_than_was_used(
    uses: list[tuple[InvoiceId, int]], debts: list[int]
) -> None:
    gone = {A: 0, B: 0}
    for debt in debts:
        found = credit_rules.to_reopen(uses, gone, debt)
        left = sum(used for _, used in uses) - sum(gone.values())
        assert found.total() == min(debt, left)
        gone = {each: gone[each] + found[each] for each in gone}

    for invoice, taken in gone.items():
        assert taken <= sum(used for each, used in uses if each == invoice)
