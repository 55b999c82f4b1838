"""Types of prices: rial for 1000 tokens, the first day of validity, and the tax."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from backend.actor import TenantId
from backend.money import Rial

NOTHING = Rial(0)
ANY = ""
# Providers answer under such a name when they are asked for the model: gpt-5.2-2026-03-17 for gpt-5.2.
_SNAPSHOT = re.compile(r"(.+)-[0-9]{4}-[0-9]{2}-[0-9]{2}")


@lru_cache(maxsize=1_000)
def names_with_price(model: str) -> tuple[str, ...]:
    """The names whose price may hold for a model, the most exact first: its own, then its model's if it is dated."""
    found = _SNAPSHOT.fullmatch(model)
    return (model, found[1]) if found else (model,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPriceList:
    """The prices of a list that is to be stored.

    ``overrides`` maps (model, type) to a price; an empty string stands for any model or any type. ``aliases`` maps a
    name of a model to the model whose prices it has. With ``requires_own_price`` tokens of a model without a price of
    its own are held, and never billed at the general price.
    """

    valid_from: date
    rial_per_1000_tokens: Decimal
    overrides: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    requires_own_price: bool = False
    _own_rates: dict[tuple[str, str], Decimal | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def own_rate(self, model: str, type: str) -> Decimal | None:  # noqa: A002 - the counter's label is called so
        """Rial per 1000 tokens by a price that names the model, or None.

        First the price of the exact name, then of the model that the name is an alias of, then of the model that it
        is a dated snapshot of. Each of these may have a price for the type and one for any type.
        """
        pair = (model, type)
        if pair not in self._own_rates:
            # A night asks for each row of each company, and these differ in few models.
            self._own_rates[pair] = self._find(model, type)
        return self._own_rates[pair]

    def billed_rate(self, model: str, type: str) -> Decimal | None:  # noqa: A002 - as above
        """Rial per 1000 tokens, or None while they wait for a price that names the model."""
        return self.own_rate(model, type) if self.requires_own_price else self.rate(model, type)

    def own_rate_or_nothing(self, model: str, type: str) -> Decimal:  # noqa: A002 - as above
        """The model's own price; 0 where it has none, until it is given one."""
        return self.own_rate(model, type) or Decimal(0)

    def _find(self, model: str, kind: str) -> Decimal | None:
        # Here an empty name is a counter without a model; in the prices it stands for any, which names none.
        if model == ANY:
            return None
        for name in self._names(model):
            for key in ((name, kind), (name, ANY)):
                if (price := self.overrides.get(key)) is not None:
                    return price
        return None

    def _names(self, model: str) -> Iterator[str]:
        for name in names_with_price(model):
            yield name
            if (priced_as := self.aliases.get(name)) is not None:
                yield from names_with_price(priced_as)

    def rate(self, model: str, type: str) -> Decimal:  # noqa: A002 - as above
        """Rial per 1000 tokens: the model's own price, else the price of the type, else the general one."""
        if not self.overrides:
            return self.rial_per_1000_tokens
        own = self.own_rate(model, type)
        return self.overrides.get((ANY, type), self.rial_per_1000_tokens) if own is None else own


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList(NewPriceList):
    """A version of the prices, valid from a Tehran midnight until the next version's; it never changes."""

    version: int
    created_at: datetime | None = None
    created_by: str = ""


class ChangeKind(StrEnum):
    """Kind of a change of prices."""

    PRICE = "price"
    """Set the price of a model, a type, both, or the general one."""
    ALIAS = "alias"
    """Price a name as another model."""
    REMOVE = "remove"
    """Take away a price or an alias, so that the next price in order holds."""
    REQUIRE = "require"
    """Hold the usage of models without a price of their own from now on."""
    ALLOW = "allow"
    """Bill the usage of models without a price of their own at the general price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A change of the prices from a day on. An empty model or type stands for any."""

    valid_from: date
    kind: ChangeKind
    model: str = ANY
    type: str = ANY
    rial_per_1000_tokens: Decimal | None = None
    priced_as: str = ""


class ModelRates(NamedTuple):
    """Tokens of a model and type, and rial per 1000 of them before and after a change.

    Without a rate they wait for one: the list requires a price of the model.
    """

    model: str
    type: str
    old: Decimal | None
    new: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChange:
    """The cost of a tenant's usage before and after a change of prices, in rial before tax."""

    tenant_id: TenantId
    name_fa: str
    name_en: str
    old_rial: Rial
    new_rial: Rial

    def name(self, lang: str) -> str:
        """The tenant's name in a language."""
        return self.name_en if lang == "en" else self.name_fa


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedUsage:
    """The usage of some days at the prices before and after a change, in rial before tax, rounded down.

    ``most_changed`` are the ten tenants for which it changes most. Waiting tokens have no price and cost nothing yet.
    """

    old_rial: Rial = NOTHING
    new_rial: Rial = NOTHING
    tokens: int = 0
    old_waiting_tokens: int = 0
    new_waiting_tokens: int = 0
    changed_tenants: int = 0
    most_changed: tuple[TenantChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePreview:
    """Effect of a change: the list that it makes, and the last days' usage at the prices before and after it.

    ``base`` is the list that it changes; one that begins on the same day is replaced. ``preview_hash`` covers all of
    it: two previews with the same one show and store the same.
    """

    change: PriceChange
    base: PriceList
    new: NewPriceList
    first_day: date
    last_day: date
    usage: PricedUsage
    preview_hash: str

    @property
    def is_replacing(self) -> bool:
        """Whether the list that it changes has not begun, and is replaced."""
        return self.base.valid_from == self.new.valid_from


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """Value added tax in percent, valid from a Tehran midnight until the next rate's."""

    valid_from: date
    percent: Decimal
    created_at: datetime | None = None
    created_by: str = ""


class ModelAndType(Protocol):
    """A model, and a type of its tokens."""

    @property
    def model(self) -> str:
        """The model that used them."""

    @property
    def type(self) -> str:
        """The type of tokens, by the counter's label."""


class Used(ModelAndType, Protocol):
    """Used tokens of a model and type, measured or stored."""

    @property
    def tokens(self) -> int:
        """Number of tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Tokens and their price in rial. Those that wait for a price cost nothing yet."""

    tokens: int = 0
    rial: int = 0
    waiting_tokens: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Both together."""
        return Amount(
            tokens=self.tokens + other.tokens,
            rial=self.rial + other.rial,
            waiting_tokens=self.waiting_tokens + other.waiting_tokens,
        )
