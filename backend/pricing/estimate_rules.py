"""Estimated prices of used tokens: only an invoice carries its rounding from day to day."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from backend.money import Rial, charge
from backend.pricing.rules import price_list_on
from backend.pricing.types import Amount, PriceList, Used


def amount_of(used: Iterable[Used], prices: PriceList) -> Amount:
    """Tokens of one day and their price, each line rounded down to a whole rial."""
    tokens = rial = waiting = 0
    for each in used:
        tokens += each.tokens
        rate = prices.billed_rate(each.model, each.type)
        if rate is None:
            waiting += each.tokens
        else:
            rial += charge(each.tokens, rate)
    return Amount(tokens=tokens, rial=rial, waiting_tokens=waiting)


def amounts_of_days(
    days: Mapping[date, Sequence[Used]],
    invoiced: Mapping[date, Rial],
    lists: Sequence[PriceList],
    billed_from: date,
) -> dict[date, Amount]:
    """Tokens and cost of each closed day, in rial: the net amount of its invoice, else an estimate.

    A day before ``billed_from`` costs nothing: no invoice will ever have it.

    Raises:
        NotFound: a day lies before the first price list.
    """
    amounts = {}
    for day, used in days.items():
        estimate = amount_of(used, price_list_on(lists, day))
        is_settled = day in invoiced or day < billed_from
        amounts[day] = (
            Amount(tokens=estimate.tokens, rial=invoiced.get(day, Rial(0))) if is_settled else estimate
        )
    return amounts


def amount_since(amounts: Mapping[date, Amount], since: date) -> Amount:
    """Sum of the days from ``since`` on."""
    return total(amount for day, amount in amounts.items() if day >= since)


def amounts_by(amounts: Mapping[date, Amount], group: Callable[[date], str]) -> dict[str, Amount]:
    """Sums of the days by group, for example by month."""
    sums: dict[str, Amount] = {}
    for day, amount in amounts.items():
        name = group(day)
        sums[name] = sums.get(name, Amount()).plus(amount)
    return sums


def total(amounts: Iterable[Amount]) -> Amount:
    """Several amounts together."""
    found = Amount()
    for each in amounts:
        found = found.plus(each)
    return found
