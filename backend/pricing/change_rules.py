"""Rules of a change of the prices: the list that it makes, and what is refused."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from backend.errors import Conflict, Invalid
from backend.pricing import rules
from backend.pricing.types import (
    ANY,
    ChangeKind,
    ModelRates,
    NewPriceList,
    PriceChange,
    PricedUsage,
    PriceList,
)

PREVIEW_DAYS = 30


def changed_list(
    lists: Sequence[PriceList], change: PriceChange, today: date
) -> tuple[PriceList, NewPriceList]:
    """The list that a change begins from, and the one that it makes.

    Raises:
        Invalid: the day has begun, a price or a name does not fit, or nothing would change.
        Conflict: a list that begins later would take the change back.
    """
    rules.check_first_day(change.valid_from, today)
    if any(each.valid_from > change.valid_from for each in lists):
        raise Conflict(reason="prices_planned_later")
    base = rules.price_list_on(lists, change.valid_from)
    same = NewPriceList(
        valid_from=change.valid_from,
        rial_per_1000_tokens=base.rial_per_1000_tokens,
        overrides=base.overrides,
        aliases=base.aliases,
        requires_own_price=base.requires_own_price,
    )
    new = _applied(same, change)
    rules.check_new_list(new, today)
    if new == same:
        raise Invalid(field="change", reason="price_same")
    return base, new


def _applied(same: NewPriceList, change: PriceChange) -> NewPriceList:
    match change.kind:
        case ChangeKind.PRICE:
            return _with_price(same, change)
        case ChangeKind.ALIAS:
            return replace(same, aliases={**same.aliases, change.model: change.priced_as})
        case ChangeKind.REMOVE:
            return _without(same, change)
        case ChangeKind.REQUIRE | ChangeKind.ALLOW:
            return replace(same, requires_own_price=change.kind is ChangeKind.REQUIRE)


def _with_price(same: NewPriceList, change: PriceChange) -> NewPriceList:
    price = change.rial_per_1000_tokens
    if price is None:
        raise Invalid(field="rial_per_1000_tokens", reason="price")
    if (change.model, change.type) != (ANY, ANY):
        # A name has a price of its own or that of another model, not both.
        aliases = {
            name: model for name, model in same.aliases.items() if (name, ANY) != (change.model, change.type)
        }
        return replace(
            same, overrides={**same.overrides, (change.model, change.type): price}, aliases=aliases
        )
    return replace(same, rial_per_1000_tokens=price)


def _without(same: NewPriceList, change: PriceChange) -> NewPriceList:
    pair = (change.model, change.type)
    if pair not in same.overrides and (change.type != ANY or change.model not in same.aliases):
        raise Invalid(field="model", reason="no_price_to_remove")
    return replace(
        same,
        overrides={key: price for key, price in same.overrides.items() if key != pair},
        aliases={name: model for name, model in same.aliases.items() if (name, ANY) != pair},
    )


def preview_days(today: date) -> tuple[date, date]:
    """The first and the last of the closed days whose usage a preview prices."""
    return today - timedelta(days=PREVIEW_DAYS), today - timedelta(days=1)


def rates_of(pairs: Iterable[tuple[str, str]], old: NewPriceList, new: NewPriceList) -> list[ModelRates]:
    """The rates of some models and types before and after a change."""
    return [
        ModelRates(model, kind, old.billed_rate(model, kind), new.billed_rate(model, kind))
        for model, kind in pairs
    ]


def preview_hash(
    change: PriceChange, base: PriceList, new: NewPriceList, days: tuple[date, date], usage: PricedUsage
) -> str:
    """A digest of everything that a preview shows and stores."""
    content = (
        str(change.kind),
        change.model,
        change.type,
        change.priced_as,
        new.valid_from.isoformat(),
        sorted(new.overrides.items()),
        sorted(new.aliases.items()),
        new.requires_own_price,
        new.rial_per_1000_tokens,
    )
    return hashlib.sha256(repr((base.version, content, days, usage)).encode()).hexdigest()
