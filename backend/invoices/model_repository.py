"""Every SQL statement that asks which models were billed, and which wait for a price."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from backend.db.engine import read
from backend.invoices.types import ModelTotal


class ModelKey(NamedTuple):
    """A model and type under a version of the price list."""

    price_version: int
    model: str
    type: str


_KEYS = """
WITH wanted AS (
  SELECT * FROM unnest(CAST(:versions AS int[]), CAST(:models AS text[]), CAST(:types AS text[]))
    AS k (price_version, model, type)
)
"""
_BILLED = f"""{_KEYS}
SELECT m.model, min(f.first_day) AS since, sum(m.tokens) AS tokens, sum(m.billed_rial) AS rial,
  count(DISTINCT m.tenant_id) AS tenants
FROM wanted JOIN billing_meter m USING (price_version, model, type)
  JOIN billed_model f USING (price_version, model, type)
GROUP BY m.model
"""  # noqa: S608 - our own words
# Held invoices are few; their index by status finds them.
_HELD = """
FROM tenant_invoice i JOIN invoice_line l ON l.invoice_id = i.id
WHERE i.status = 'held' AND i.held_reasons @> ARRAY['model_without_price']
"""
_HELD_KEYS = f"SELECT DISTINCT i.price_version, l.model, l.type {_HELD}"
_WAITING = f"""{_KEYS}
SELECT l.model, min(i.day) AS since, sum(l.tokens) AS tokens, 0 AS rial, count(DISTINCT i.tenant_id) AS tenants
{_HELD} AND EXISTS (
  SELECT FROM wanted w WHERE (w.price_version, w.model, w.type) = (i.price_version, l.model, l.type)
)
GROUP BY l.model
"""  # noqa: S608 - as above


def billed_models() -> list[ModelKey]:
    """Each model and type that was billed under each version of the price list."""
    with read() as connection:
        rows = connection.execute(text("SELECT price_version, model, type FROM billed_model"))
        return [ModelKey(*row) for row in rows]


def waiting_models() -> list[ModelKey]:
    """Each model and type on the invoices that wait for the price of a model."""
    with read() as connection:
        return [ModelKey(*row) for row in connection.execute(text(_HELD_KEYS))]


def billed_totals_of(keys: Sequence[ModelKey]) -> list[ModelTotal]:
    """Billed tokens and rial of some models, of all tenants together, by model."""
    return _totals(_BILLED, keys)


def waiting_totals_of(keys: Sequence[ModelKey]) -> list[ModelTotal]:
    """Tokens of some models that wait for a price, of all tenants together, by model."""
    return _totals(_WAITING, keys)


def arrays_of(keys: Sequence[ModelKey]) -> dict[str, list[int] | list[str]]:
    """Keys as the arrays ``versions``, ``models`` and ``types`` of a statement."""
    return {
        "versions": [key.price_version for key in keys],
        "models": [key.model for key in keys],
        "types": [key.type for key in keys],
    }


def _totals(statement: str, keys: Sequence[ModelKey]) -> list[ModelTotal]:
    if not keys:
        return []
    with read() as connection:
        return [
            ModelTotal(
                model=row.model,
                since=row.since,
                tokens=int(row.tokens),
                rial=int(row.rial),
                tenants=row.tenants,
            )
            for row in connection.execute(text(statement), arrays_of(keys))
        ]
