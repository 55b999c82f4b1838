"""Every SQL statement that prices stored usage anew."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text

from backend.actor import TenantId
from backend.db.engine import read
from backend.money import Rial
from backend.pricing.types import ModelRates, PricedUsage, TenantChange

# Rows of the stored days that somebody is billed for. The days are the beginning of the primary key.
_BILLED = """
FROM daily_usage u JOIN tenant t ON t.label = u.tenant AND t.billed_from <= u.day
"""
_USED = f"SELECT DISTINCT u.model, u.type {_BILLED} WHERE u.day BETWEEN :first AND :last AND u.tokens > 0"
_PRICED = f"""
WITH rate AS (
  SELECT * FROM unnest(CAST(:models AS text[]), CAST(:types AS text[]), CAST(:old AS numeric[]),
    CAST(:new AS numeric[])) AS r (model, type, old, new)
), priced AS (
  SELECT t.id, t.label, t.name_fa, t.name_en, sum(u.tokens) AS tokens,
    coalesce(sum(u.tokens) FILTER (WHERE r.old IS NULL), 0) AS old_waiting,
    coalesce(sum(u.tokens) FILTER (WHERE r.new IS NULL), 0) AS new_waiting,
    floor(coalesce(sum(u.tokens * r.old), 0) / 1000) AS old_rial,
    floor(coalesce(sum(u.tokens * r.new), 0) / 1000) AS new_rial
  {_BILLED} JOIN rate r ON r.model = u.model AND r.type = u.type
  WHERE u.day BETWEEN :first AND :last AND u.tokens > 0
  GROUP BY t.id
)
SELECT id, name_fa, name_en, old_rial, new_rial,
  sum(tokens) OVER () AS tokens, sum(old_rial) OVER () AS old_sum, sum(new_rial) OVER () AS new_sum,
  sum(old_waiting) OVER () AS old_waiting, sum(new_waiting) OVER () AS new_waiting,
  count(*) FILTER (WHERE old_rial <> new_rial OR old_waiting <> new_waiting) OVER () AS changed
FROM priced ORDER BY abs(new_rial - old_rial) DESC, label LIMIT :most
"""  # noqa: S608 - our own words


def used_models(first: date, last: date) -> list[tuple[str, str]]:
    """Models and types that tenants used on some stored days, both ends included."""
    with read() as connection:
        rows = connection.execute(text(_USED), {"first": first, "last": last})
        return sorted((row.model, row.type) for row in rows)


def priced_usage(first: date, last: date, rates: Sequence[ModelRates], most: int) -> PricedUsage:
    """The usage of all tenants on some stored days, both ends included, at two prices of each model and type."""
    values = {
        "models": [each.model for each in rates],
        "types": [each.type for each in rates],
        "old": [each.old for each in rates],
        "new": [each.new for each in rates],
    }
    with read() as connection:
        rows = connection.execute(text(_PRICED), {**values, "first": first, "last": last, "most": most}).all()
    if not rows:
        return PricedUsage()
    return PricedUsage(
        old_rial=Rial(int(rows[0].old_sum)),
        new_rial=Rial(int(rows[0].new_sum)),
        tokens=int(rows[0].tokens),
        old_waiting_tokens=int(rows[0].old_waiting),
        new_waiting_tokens=int(rows[0].new_waiting),
        changed_tenants=rows[0].changed,
        most_changed=tuple(
            TenantChange(
                tenant_id=TenantId(row.id),
                name_fa=row.name_fa,
                name_en=row.name_en,
                old_rial=Rial(int(row.old_rial)),
                new_rial=Rial(int(row.new_rial)),
            )
            for row in rows
            if row.old_rial != row.new_rial
        ),
    )
