"""Money is a whole number of rial; one toman is ten rial. The only place that rounds."""

from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Rial = NewType("Rial", int)

RIAL_PER_TOMAN = 10
TOKENS_PER_PRICE_UNIT = 1000


def charge(cumulative_tokens: int, rial_per_1000_tokens: Decimal) -> Rial:
    """What a meter has cost in all, rounded down to a whole rial.

    An invoice takes the difference of two of these (telescoping), so the sum of all invoices is the charge of
    the sum of all tokens, for ever, and the error never passes one rial in total.
    """
    if cumulative_tokens < 0:
        raise ValueError("tokens cannot be negative")
    return Rial(int(cumulative_tokens * rial_per_1000_tokens // TOKENS_PER_PRICE_UNIT))


def tax(net_rial: Rial, percent: Decimal) -> Rial:
    """Value added tax on a net amount, rounded half up to a whole rial, once per invoice."""
    return Rial(int((net_rial * percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)))


def toman(amount_rial: int) -> Decimal:
    """The same money in toman, exact, for example 12345 rial is 1234.5 toman."""
    return Decimal(amount_rial) / RIAL_PER_TOMAN
