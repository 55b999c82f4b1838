"""Every SQL statement on price lists and tax rates."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.pricing.models import PriceAliasRow, PriceListRow, PriceOverrideRow, TaxRateRow
from backend.pricing.types import NewPriceList, PriceList, TaxRate

_LIST_COLUMNS = (
    PriceListRow.version,
    PriceListRow.valid_from,
    PriceListRow.rial_per_1000_tokens,
    PriceListRow.requires_own_price,
    PriceListRow.created_at,
    PriceListRow.created_by,
)


def lock_prices() -> None:
    """Wait for other transactions that change prices, and keep others out until this transaction ends."""
    with transaction() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LockNumber.PRICES})


def version_confirmed_by(confirmed_hash: str) -> int | None:
    """The version that was made from a preview with this hash, if there is one."""
    with read() as connection:
        return connection.scalar(
            select(PriceListRow.version).where(PriceListRow.confirmed_hash == confirmed_hash)
        )


def price_lists() -> list[PriceList]:
    """Every version, the newest first."""
    overrides: dict[int, dict[tuple[str, str], Decimal]] = defaultdict(dict)
    aliases: dict[int, dict[str, str]] = defaultdict(dict)
    with read() as connection:
        for version, model, kind, price in connection.execute(select(PriceOverrideRow.__table__)):
            overrides[version][model, kind] = price
        for version, model, priced_as in connection.execute(select(PriceAliasRow.__table__)):
            aliases[version][model] = priced_as
        rows = connection.execute(select(*_LIST_COLUMNS).order_by(PriceListRow.valid_from.desc()))
        return [
            PriceList(**row, overrides=overrides[row["version"]], aliases=aliases[row["version"]])
            for row in rows.mappings()
        ]


def tax_rates() -> list[TaxRate]:
    """Every rate, the newest first."""
    with read() as connection:
        rows = connection.execute(select(TaxRateRow.__table__).order_by(TaxRateRow.valid_from.desc()))
        return [TaxRate(**row) for row in rows.mappings()]


def insert_price_list(
    new: NewPriceList, created_by: str, now: datetime, *, confirmed_hash: str | None = None
) -> int | None:
    """Store a version and return its number; None when another one begins on the same day."""
    with transaction() as connection:
        version = connection.scalar(
            insert_or_skip(PriceListRow)
            .values(
                valid_from=new.valid_from,
                rial_per_1000_tokens=new.rial_per_1000_tokens,
                created_at=now,
                created_by=created_by,
                requires_own_price=new.requires_own_price,
                confirmed_hash=confirmed_hash,
            )
            .on_conflict_do_nothing()
            .returning(PriceListRow.version)
        )
        rows = [
            {"version": version, "model": model, "type": kind, "rial_per_1000_tokens": price}
            for (model, kind), price in new.overrides.items()
        ]
        if version is not None and rows:
            connection.execute(insert(PriceOverrideRow), rows)
        aliases = [
            {"version": version, "model": model, "priced_as": priced_as}
            for model, priced_as in new.aliases.items()
        ]
        if version is not None and aliases:
            connection.execute(insert(PriceAliasRow), aliases)
        return version


def delete_price_list(version: int, today: date) -> bool:
    """Remove a version that has not begun; whether there was one."""
    future = select(PriceListRow.version).where(
        PriceListRow.version == version, PriceListRow.valid_from > today
    )
    with transaction() as connection:
        if connection.scalar(future.with_for_update()) is None:
            return False
        connection.execute(delete(PriceAliasRow).where(PriceAliasRow.version == version))
        connection.execute(delete(PriceOverrideRow).where(PriceOverrideRow.version == version))
        connection.execute(delete(PriceListRow).where(PriceListRow.version == version))
        return True


def insert_tax_rate(rate: TaxRate, now: datetime) -> bool:
    """Store a rate; False when another one begins on the same day."""
    statement = (
        insert_or_skip(TaxRateRow)
        .values(valid_from=rate.valid_from, percent=rate.percent, created_at=now, created_by=rate.created_by)
        .on_conflict_do_nothing()
        .returning(TaxRateRow.valid_from)
    )
    with transaction() as connection:
        return connection.scalar(statement) is not None
