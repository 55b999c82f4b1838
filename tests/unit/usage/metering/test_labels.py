"""Labels that the database cannot keep get others in their place, never the same for two."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.usage.metering.labels import LONGEST_BYTES, is_storable, storable, with_storable_labels

LONG = "ش" * (LONGEST_BYTES // 2)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        pytest.param("", True, id="none"),
        pytest.param("a" * LONGEST_BYTES, True, id="as long as may be"),
        pytest.param("a" * (LONGEST_BYTES + 1), False, id="one too long"),
        pytest.param(LONG, True, id="letters of two bytes"),
        pytest.param(LONG + "ش", False, id="one of them too many"),
        pytest.param("a\0b", False, id="a zero byte"),
    ],
)
def test_what_postgresql_keeps_is_known(label: str, expected: bool) -> None:
    assert is_storable(label) == expected
    assert (storable(label) == label) == expected
    assert is_storable(storable(label))


@given(st.lists(st.text(st.sampled_from("a\0\ufffd…"), max_size=8), unique=True))
def test_no_two_labels_become_one(labels: list[str]) -> None:
    assert len({storable(label) for label in labels}) == len(labels)


def test_readings_keep_their_values_under_other_labels() -> None:
    plain, odd = ("acme", "gpt-4o", "prompt"), ("a\0", "m" * 5000, "prompt")

    found = with_storable_labels({plain: 1, odd: 2})

    assert found[plain] == 1
    assert sorted(found.values()) == [1, 2]


def test_a_label_in_the_place_of_another_begins_like_it_and_ends_with_its_digest() -> None:
    label = "a\0" + "b" * LONGEST_BYTES

    assert storable(label) == f"a\ufffd{'b' * 98}…{sha256(label.encode()).hexdigest()[:16]}"


def test_a_company_may_have_a_longer_label_than_a_model() -> None:
    label = "a" * (LONGEST_BYTES + 1)

    [(tenant, model, kind)] = with_storable_labels({(label, label, label): 1})

    assert tenant == label
    assert model == kind == storable(label) != label
