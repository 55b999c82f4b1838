"""A new company is stored with tidy texts, or refused with the field that does not fit."""

from dataclasses import replace
from datetime import date

import pytest

from backend.errors import Invalid
from backend.tenants import rules
from backend.tenants.types import INTERNAL_LABEL, NewTenant

NEW = NewTenant(
    label="acme",
    name_fa=" شرکت آکمه ",
    name_en=" Acme ",
    billing_email=" Billing@Acme.example ",
    billed_from=date(2026, 1, 1),
    language="en",
    economic_code=" ۴۱۱۱ ",
    national_id="۱۰۱۰",
    postal_address=" Tehran, ۱ ",
    postal_code="۱۹۳",
)


def test_texts_are_tidy_and_codes_have_latin_digits() -> None:
    assert rules.checked(NEW) == NewTenant(
        label="acme",
        name_fa="شرکت آکمه",
        name_en="Acme",
        billing_email="billing@acme.example",
        billed_from=date(2026, 1, 1),
        language="en",
        economic_code="4111",
        national_id="1010",
        postal_address="Tehran, ۱",
        postal_code="193",
    )


@pytest.mark.parametrize("field", ["economic_code", "national_id", "postal_address", "postal_code"])
@pytest.mark.parametrize("nothing", ["", None])
def test_legal_fields_may_be_missing(field: str, nothing: str | None) -> None:
    assert getattr(rules.checked(replace(NEW, **{field: nothing})), field) is None


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("label", "", {"field": "label", "reason": "tenant_label"}),
        ("label", "x" * 201, {"field": "label", "reason": "tenant_label"}),
        ("label", INTERNAL_LABEL, {"field": "label", "reason": "tenant_label"}),
        ("language", "de", {"field": "language"}),
        ("name_fa", "\0", {"field": "name_fa", "reason": "name", "max_length": 120}),
        ("name_en", "\0", {"field": "name_en", "reason": "name", "max_length": 120}),
        ("billing_email", "nobody", {"field": "email", "reason": "email"}),
        ("economic_code", "x" * 501, {"field": "economic_code", "reason": "name", "max_length": 500}),
        ("national_id", "x" * 501, {"field": "national_id", "reason": "name", "max_length": 500}),
        ("postal_address", "x" * 501, {"field": "postal_address", "reason": "name", "max_length": 500}),
        ("postal_code", "x" * 501, {"field": "postal_code", "reason": "name", "max_length": 500}),
    ],
)
def test_what_does_not_fit_is_named(field: str, value: str, told: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked(replace(NEW, **{field: value}))

    assert refused.value.data == told


def test_the_longest_texts_fit() -> None:
    longest = replace(NEW, label="x" * 200, postal_address="x" * 500)

    assert rules.checked(longest).postal_address == "x" * 500


def test_a_day_that_no_calendar_of_ours_has_is_refused() -> None:
    with pytest.raises(Invalid):
        rules.checked(replace(NEW, billed_from=date(1, 1, 1)))
