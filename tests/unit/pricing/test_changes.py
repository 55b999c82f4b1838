"""One change makes the next list, and leaves everything else as it was."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from backend.pricing import change_rules
from backend.pricing.types import ChangeKind, PriceChange, PricedUsage, PriceList

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)
NOW = PriceList(
    version=1,
    valid_from=date(2026, 1, 1),
    rial_per_1000_tokens=Decimal(200),
    overrides={("gpt-big", ""): Decimal(600), ("", "cached_prompt"): Decimal(100)},
    aliases={"ours": "gpt-big"},
)


def change(kind: ChangeKind, model: str = "", type: str = "", **more: str) -> PriceChange:  # noqa: A002
    rial = more.get("rial")
    return PriceChange(
        valid_from=TOMORROW,
        kind=kind,
        model=model,
        type=type,
        rial_per_1000_tokens=None if rial is None else Decimal(rial),
        priced_as=more.get("priced_as", ""),
    )


@pytest.mark.parametrize(
    ("wish", "changed"),
    [
        pytest.param(
            change(ChangeKind.PRICE, rial="250"),
            {"rial_per_1000_tokens": Decimal(250)},
            id="the general price",
        ),
        pytest.param(
            change(ChangeKind.PRICE, "gpt-big", rial="0"),
            {"overrides": {**NOW.overrides, ("gpt-big", ""): Decimal(0)}},
            id="a model may be free",
        ),
        pytest.param(
            change(ChangeKind.PRICE, "ours", rial="700"),
            {"overrides": {**NOW.overrides, ("ours", ""): Decimal(700)}, "aliases": {}},
            id="a price of its own ends an alias",
        ),
        pytest.param(
            change(ChangeKind.PRICE, "ours", "prompt", rial="700"),
            {"overrides": {**NOW.overrides, ("ours", "prompt"): Decimal(700)}},
            id="that of a type leaves it for the other types",
        ),
        pytest.param(
            change(ChangeKind.ALIAS, "theirs", priced_as="gpt-big"),
            {"aliases": {"ours": "gpt-big", "theirs": "gpt-big"}},
            id="an alias",
        ),
        pytest.param(change(ChangeKind.REMOVE, "ours"), {"aliases": {}}, id="no alias any more"),
        pytest.param(
            change(ChangeKind.REMOVE, type="cached_prompt"),
            {"overrides": {("gpt-big", ""): Decimal(600)}},
            id="no price of a type any more",
        ),
        pytest.param(change(ChangeKind.REQUIRE), {"requires_own_price": True}, id="the duty of a price"),
    ],
)
def test_a_change_changes_this_and_nothing_else(wish: PriceChange, changed: dict[str, object]) -> None:
    base, new = change_rules.changed_list([NOW], wish, TODAY)

    names = ("rial_per_1000_tokens", "overrides", "aliases", "requires_own_price")
    expected = {name: getattr(NOW, name) for name in names} | changed
    assert base is NOW
    assert new.valid_from == TOMORROW
    assert {name: getattr(new, name) for name in names} == expected


def test_a_hash_differs_with_everything_that_was_seen() -> None:
    wish = change(ChangeKind.PRICE, "gpt-big", rial="700")
    base, new = change_rules.changed_list([NOW], wish, TODAY)
    days, usage = change_rules.preview_days(TODAY), PricedUsage(tokens=1)

    hashes = {
        change_rules.preview_hash(wish, base, new, days, usage),
        change_rules.preview_hash(
            replace(wish, model="gpt-big", kind=ChangeKind.REMOVE), base, new, days, usage
        ),
        change_rules.preview_hash(wish, replace(base, version=2), new, days, usage),
        change_rules.preview_hash(wish, base, replace(new, requires_own_price=True), days, usage),
        change_rules.preview_hash(wish, base, new, change_rules.preview_days(TOMORROW), usage),
        change_rules.preview_hash(wish, base, new, days, replace(usage, new_rial=1)),
    }

    assert len(hashes) == 6
    assert change_rules.preview_hash(replace(wish), base, replace(new), days, replace(usage)) in hashes
