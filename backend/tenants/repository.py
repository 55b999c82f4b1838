"""SQL of tenants."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert

from backend.actor import TenantId
from backend.db.engine import read, transaction
from backend.db.search import Searched, matching, words_of
from backend.i18n.catalog import as_language
from backend.tenants.models import TenantRow
from backend.tenants.types import Tenant

_TENANT = (
    TenantRow.id,
    TenantRow.label,
    TenantRow.name_fa,
    TenantRow.name_en,
    TenantRow.language,
    TenantRow.billing_email,
    TenantRow.billed_from,
    TenantRow.economic_code,
    TenantRow.national_id,
    TenantRow.postal_address,
    TenantRow.postal_code,
    TenantRow.created_at,
)
_SEARCHED = Searched(
    names=("label", "name_fa", "name_en", "billing_email"),
    codes=("economic_code", "national_id", "postal_code"),
)
_NAMES = tuple(column.key for column in _TENANT)
_ALL = f"SELECT {', '.join(_NAMES)} FROM tenant ORDER BY label"  # noqa: S608 - names of our own columns


def insert_all(tenants: Sequence[Tenant]) -> set[str]:
    """Store tenants; the labels that were free, and so are now theirs."""
    statement = insert(TenantRow).on_conflict_do_nothing(index_elements=["label"]).returning(TenantRow.label)
    with transaction() as connection:
        return set(connection.scalars(statement, [asdict(tenant) for tenant in tenants]))


def tenant(tenant_id: TenantId) -> Tenant | None:
    """The tenant with this id; None when there is none."""
    with read() as connection:
        found = connection.execute(select(*_TENANT).where(TenantRow.id == tenant_id)).one_or_none()
    return to_tenant(found) if found else None


def with_labels(labels: Sequence[str]) -> list[Tenant]:
    """The tenants with these labels."""
    with read() as connection:
        found = connection.execute(select(*_TENANT).where(TenantRow.label.in_(list(labels))))
        return [to_tenant(row) for row in found]


def all_tenants() -> list[Tenant]:
    """Every tenant, by label."""
    # By the driver itself: SQLAlchemy's rows would cost a night with 10,000 tenants three times as much.
    with read() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor(binary=True, row_factory=_tenant_of) as cursor:
            found: list[Tenant] = cursor.execute(_ALL).fetchall()
    return found


def search(wanted: str, limit: int, offset: int) -> tuple[list[Tenant], int]:
    """A page of the tenants that match, by label, and how many match in all."""
    condition, parameters = matching(words_of(wanted), _SEARCHED)
    page = (
        f"SELECT {', '.join(_NAMES)} FROM tenant WHERE {condition} ORDER BY label LIMIT :limit OFFSET :offset"  # noqa: S608 - our own columns
    )
    with read() as connection:
        total = connection.scalar(text(f"SELECT count(*) FROM tenant WHERE {condition}"), parameters)  # noqa: S608 - as above
        rows = connection.execute(text(page), {**parameters, "limit": limit, "offset": offset}).all()
    return [to_tenant(row) for row in rows], int(total or 0)


def _tenant_of(_cursor: object) -> Callable[[Sequence[Any]], Tenant]:
    def made(row: Sequence[Any]) -> Tenant:
        return Tenant(**dict(zip(_NAMES, row, strict=True)))

    return made


def first_billed() -> date | None:
    """The first day on which any tenant is billed."""
    with read() as connection:
        return connection.scalar(select(func.min(TenantRow.billed_from)))


def to_tenant(row: Row[*tuple[Any, ...]]) -> Tenant:
    """A tenant from the columns of ``_TENANT``."""
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a row's names
    return Tenant(**{**fields, "language": as_language(fields["language"])})
