"""Money is a whole number of rial; one toman is ten rial. The only place that rounds."""

from decimal import Decimal
from functools import lru_cache
from typing import NewType

Rial = NewType("Rial", int)

RIAL_PER_TOMAN = 10
LARGEST_STORED = 2**63 - 1
"""The largest number that a column of tokens or of rial holds."""
TOKENS_PER_PRICE_UNIT = 1000


def charge(cumulative_tokens: int, rial_per_1000_tokens: Decimal) -> Rial:
    """Price of a cumulative count of tokens, rounded down to a whole rial.

    An invoice takes the difference of two of these (telescoping), so the sum of all invoices is the charge of
    the sum of all tokens, for ever, and the error never passes one rial in total.
    """
    if cumulative_tokens < 0:
        raise ValueError("tokens cannot be negative")
    numerator, denominator = token_price(rial_per_1000_tokens)
    return Rial(cumulative_tokens * numerator // denominator)


def charge_in_sql(tokens: str, numerator: str, denominator: str) -> str:
    """The same price as SQL, of numeric expressions; numerator and denominator are those of ``token_price``."""
    return f"div({tokens} * {numerator}, {denominator})"


@lru_cache(maxsize=1024)
def token_price(rial_per_1000_tokens: Decimal) -> tuple[int, int]:
    """The price of one token as a fraction: whole numbers are exact where decimals would round at 28 digits."""
    numerator, denominator = rial_per_1000_tokens.as_integer_ratio()
    return numerator, denominator * TOKENS_PER_PRICE_UNIT


def tax(net_rial: Rial, percent: Decimal) -> Rial:
    """Value added tax on a net amount, rounded half up to a whole rial, once per invoice."""
    numerator, denominator = percent.as_integer_ratio()
    return Rial((2 * net_rial * numerator + 100 * denominator) // (200 * denominator))


def toman(amount_rial: int) -> Decimal:
    """The same money in toman, exact, for example 12345 rial is 1234.5 toman."""
    return Decimal(amount_rial) / RIAL_PER_TOMAN
