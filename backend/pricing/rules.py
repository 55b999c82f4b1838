"""Rules of prices: the price and tax of a day, and the checks of new ones."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter

from backend.days import checked_day
from backend.errors import Invalid, NotFound
from backend.free_text import is_exact
from backend.pricing.types import ANY, ModelAndType, NewPriceList, PriceList, TaxRate, names_with_price

MAX_RIAL_PER_1000_TOKENS = Decimal(10**9)
NAME_MAX_LENGTH = 200  # of a model or a type of tokens
SMALLEST_STEP = Decimal("0.000001")
MAX_TAX_PERCENT = Decimal(100)
TAX_STEP = Decimal("0.01")


def price_list_on(lists: Sequence[PriceList], day: date) -> PriceList:
    """The version that is valid on a day. Raises NotFound when the first one begins later, or there is none."""
    known = [each for each in lists if each.valid_from <= day]
    if not known:
        raise NotFound(reason="prices_of_day")
    return max(known, key=attrgetter("valid_from"))


def held_rate(lists: Sequence[PriceList], version: int, used: ModelAndType, today: date) -> Decimal | None:
    """Rial per 1000 tokens of a held line, or None while its model has no price and its list requires one.

    The price is that of the line's own list, else of the first later list with a price for the model that has begun.
    It never changes once it is there: lists that have begun stay, and new ones begin after them.
    """
    [own] = [each for each in lists if each.version == version]
    if not own.requires_own_price:
        return own.rate(used.model, used.type)
    begun = sorted(
        (each for each in lists if own.valid_from <= each.valid_from <= today), key=attrgetter("valid_from")
    )
    rates = (each.own_rate(used.model, used.type) for each in begun)
    return next((rate for rate in rates if rate is not None), None)


def released_rate(
    lists: Sequence[PriceList], version: int, used: ModelAndType, today: date
) -> Decimal | None:
    """Rial per 1000 tokens of a held line that an operator issues: as ``held_rate``, or None.

    A name that no list can give a price has the price that its own list has for all others, or it would wait for ever.
    """
    rate = held_rate(lists, version, used, today)
    if rate is not None or may_have_price(used.model):
        return rate
    [own] = [each for each in lists if each.version == version]
    return own.rate(used.model, used.type)


def may_have_price(model: str) -> bool:
    """Whether a list can give this name of a model a price: it is not empty or too long, and can be seen."""
    return model != ANY and is_exact(model, NAME_MAX_LENGTH)


def tax_percent_on(rates: Sequence[TaxRate], day: date) -> Decimal:
    """The tax that is valid on a day; none before the first rate."""
    known = [each for each in rates if each.valid_from <= day]
    return max(known, key=attrgetter("valid_from")).percent if known else Decimal(0)


def check_new_list(new: NewPriceList, today: date) -> None:
    """Refuse a list that begins before the next Tehran midnight, or a price that is negative or finer than stored.

    A list from today on would change the price of tokens that were already used. The general price is above 0: 0 would
    give away every model that nobody has named. One model or type may cost nothing.

    Raises:
        Invalid: ``field`` names what does not fit.
    """
    check_first_day(new.valid_from, today)
    _check_price(new.rial_per_1000_tokens, "rial_per_1000_tokens")
    if new.rial_per_1000_tokens == 0:
        raise Invalid(field="rial_per_1000_tokens", reason="price_general_zero")
    for key, price in new.overrides.items():
        if key == (ANY, ANY):
            raise Invalid(field="overrides", reason="price_of_nothing")
        if not all(name == ANY or is_exact(name, NAME_MAX_LENGTH) for name in key):
            raise Invalid(field="overrides", reason="price_name")
        _check_price(price, "overrides")
    for model, priced_as in new.aliases.items():
        _check_alias(new, model, priced_as)


def _check_alias(new: NewPriceList, model: str, priced_as: str) -> None:
    if not all(is_exact(name, NAME_MAX_LENGTH) for name in (model, priced_as)):
        raise Invalid(field="aliases", reason="price_name")
    if (model, ANY) in new.overrides:
        raise Invalid(field="aliases", reason="alias_has_price", model=model)
    named = {name for name, _ in new.overrides}
    if model == priced_as or not named.intersection(names_with_price(priced_as)):
        raise Invalid(field="aliases", reason="alias_without_price", model=priced_as)


def audit_detail(new: NewPriceList) -> dict[str, object]:
    """The content of a list as the audit trail keeps it."""
    return {
        "valid_from": new.valid_from.isoformat(),
        "rial_per_1000_tokens": str(new.rial_per_1000_tokens),
        "overrides": {f"{model}/{kind}": str(price) for (model, kind), price in new.overrides.items()},
        "aliases": dict(new.aliases),
        "requires_own_price": new.requires_own_price,
    }


def check_new_tax(valid_from: date, percent: Decimal, today: date) -> None:
    """Refuse a tax that begins before the next Tehran midnight or is no percentage with two decimals."""
    check_first_day(valid_from, today)
    if not _fits(percent, MAX_TAX_PERCENT, TAX_STEP):
        raise Invalid(field="percent", reason="tax_percent")


def check_first_day(valid_from: date, today: date) -> None:
    """Refuse a day that has begun: what was used keeps its price."""
    if valid_from <= today:
        raise Invalid(field="valid_from", reason="not_future")
    checked_day(valid_from)


def _check_price(rial_per_1000_tokens: Decimal, field: str) -> None:
    if not _fits(rial_per_1000_tokens, MAX_RIAL_PER_1000_TOKENS, SMALLEST_STEP):
        raise Invalid(field=field, reason="price")


def _fits(value: Decimal, highest: Decimal, step: Decimal) -> bool:
    return value.is_finite() and 0 <= value <= highest and not value % step
