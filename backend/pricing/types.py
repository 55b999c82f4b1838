"""Types of prices: rial for 1000 tokens, the first day of validity, and the tax."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

ANY = ""
# Providers answer under such a name when they are asked for the model: gpt-5.2-2026-03-17 for gpt-5.2.
_SNAPSHOT = re.compile(r"(.+)-[0-9]{4}-[0-9]{2}-[0-9]{2}")


@lru_cache(maxsize=1_000)
def names_with_price(model: str) -> tuple[str, ...]:
    """The names whose price may hold for a model, the most exact first: its own, then its model's if it is dated."""
    found = _SNAPSHOT.fullmatch(model)
    return (model, found[1]) if found else (model,)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """A version of the prices, valid from a Tehran midnight until the next version's; it never changes.

    ``overrides`` maps (model, type) to a price; an empty string stands for any model or any type.
    """

    version: int
    valid_from: date
    rial_per_1000_tokens: Decimal
    overrides: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    created_at: datetime | None = None
    created_by: str = ""

    def rate(self, model: str, type: str) -> Decimal:  # noqa: A002 - the counter's label is called so
        """Rial per 1000 tokens: the price of model and type, else of the model, of the type, or the general one.

        A dated snapshot that has no price of its own has those of its model.
        """
        if not self.overrides:
            return self.rial_per_1000_tokens
        for name in names_with_price(model):
            for key in ((name, type), (name, ANY)):
                if (price := self.overrides.get(key)) is not None:
                    return price
        return self.overrides.get((ANY, type), self.rial_per_1000_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPriceList:
    """New prices as an operator enters them."""

    valid_from: date
    rial_per_1000_tokens: Decimal
    overrides: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """Value added tax in percent, valid from a Tehran midnight until the next rate's."""

    valid_from: date
    percent: Decimal
    created_at: datetime | None = None
    created_by: str = ""


class Used(Protocol):
    """Used tokens of a model and type, measured or stored."""

    @property
    def model(self) -> str:
        """The model that used them."""

    @property
    def type(self) -> str:
        """The type of tokens, by the counter's label."""

    @property
    def tokens(self) -> int:
        """Number of tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Tokens and their price in rial."""

    tokens: int = 0
    rial: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Both together."""
        return Amount(tokens=self.tokens + other.tokens, rial=self.rial + other.rial)
