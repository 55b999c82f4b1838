"""Types of prices: rial for 1000 tokens, the first day of validity, and the tax."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

ANY = ""


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
        """Rial per 1000 tokens: the price of model and type, else of the model, of the type, or the general one."""
        if not self.overrides:
            return self.rial_per_1000_tokens
        for key in ((model, type), (model, ANY), (ANY, type)):
            if (price := self.overrides.get(key)) is not None:
                return price
        return self.rial_per_1000_tokens


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
