"""Tables of pricing."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, ForeignKey, Identity, Numeric, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class PriceListRow(Base):
    """A version of the price list, valid from a Tehran midnight until the next version's. It never changes.

    ``confirmed_hash`` is the hash of the preview that an operator confirmed, so that a second click finds it.
    """

    __tablename__ = "price_list"

    version: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    valid_from: Mapped[date] = mapped_column(Date, unique=True)
    rial_per_1000_tokens: Mapped[Decimal] = mapped_column(Numeric(18, 6))
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(Text)
    requires_own_price: Mapped[bool] = mapped_column(server_default=false())
    confirmed_hash: Mapped[str | None] = mapped_column(Text, unique=True)


class PriceOverrideRow(Base):
    """A different price for a model, a type, or both; an empty string stands for any."""

    __tablename__ = "price_override"

    version: Mapped[int] = mapped_column(ForeignKey("price_list.version"), primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    rial_per_1000_tokens: Mapped[Decimal] = mapped_column(Numeric(18, 6))


class PriceAliasRow(Base):
    """A name of a model that has the prices of another model in this version."""

    __tablename__ = "price_alias"

    version: Mapped[int] = mapped_column(ForeignKey("price_list.version"), primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    priced_as: Mapped[str] = mapped_column(Text)


class TaxRateRow(Base):
    """Value added tax in percent, valid from a Tehran midnight until the next row's."""

    __tablename__ = "tax_rate"

    valid_from: Mapped[date] = mapped_column(Date, primary_key=True)
    percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(Text)
