"""All SQL that prices stored usage by other price lists."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from backend.actor import TenantId
from backend.db.engine import transaction
from backend.money import Rial, charge_in_sql, token_price
from backend.pricing.types import ModelRates, PricedUsage, TenantChange

# One pass reads the rows of 30 days, of which there are millions; all later steps read one row for each tenant, model
# and type. With less memory PostgreSQL writes the sums of 100,000 tenants to files. Tenants are joined after the sums,
# because a join before them would keep the pass on one processor. Only tenants that are billed from a day within the 30
# are added up day by day.
_MEMORY = "SELECT set_config('work_mem', '64MB', true)"
_ADD_UP = """
CREATE TEMP TABLE previewed_usage ON COMMIT DROP AS
SELECT t.id, u.model, u.type, u.tokens
FROM (
  SELECT tenant, model, type, sum(tokens) AS tokens FROM daily_usage
  WHERE day BETWEEN :first AND :last AND tokens > 0
  GROUP BY tenant, model, type
) u JOIN tenant t ON t.label = u.tenant AND t.billed_from <= :first
UNION ALL
SELECT t.id, u.model, u.type, sum(u.tokens)
FROM daily_usage u JOIN tenant t ON t.label = u.tenant AND t.billed_from > :first AND t.billed_from <= u.day
WHERE u.day BETWEEN :first AND :last AND u.tokens > 0
GROUP BY t.id, u.model, u.type
"""
_PRICED = f"""
WITH rate AS (
  SELECT * FROM unnest(CAST(:models AS text[]), CAST(:types AS text[]), CAST(:old_numerators AS numeric[]),
    CAST(:old_denominators AS numeric[]), CAST(:new_numerators AS numeric[]), CAST(:new_denominators AS numeric[]))
    AS r (model, type, old_numerator, old_denominator, new_numerator, new_denominator)
), priced AS (
  SELECT u.id, sum(u.tokens) AS tokens,
    coalesce(sum(u.tokens) FILTER (WHERE r.old_numerator IS NULL), 0) AS old_waiting,
    coalesce(sum(u.tokens) FILTER (WHERE r.new_numerator IS NULL), 0) AS new_waiting,
    coalesce(sum({charge_in_sql("u.tokens", "r.old_numerator", "r.old_denominator")}), 0) AS old_rial,
    coalesce(sum({charge_in_sql("u.tokens", "r.new_numerator", "r.new_denominator")}), 0) AS new_rial
  FROM previewed_usage u JOIN rate r USING (model, type)
  GROUP BY u.id
)
SELECT id, name_fa, name_en, old_rial, new_rial,
  sum(tokens) OVER () AS tokens, sum(old_rial) OVER () AS old_sum, sum(new_rial) OVER () AS new_sum,
  sum(old_waiting) OVER () AS old_waiting, sum(new_waiting) OVER () AS new_waiting,
  count(*) FILTER (WHERE old_rial <> new_rial OR old_waiting <> new_waiting) OVER () AS changed
FROM priced JOIN tenant USING (id) ORDER BY abs(new_rial - old_rial) DESC, label LIMIT :most
"""  # noqa: S608 - our own words


def add_up_usage(first: date, last: date) -> list[tuple[str, str]]:
    """Add up the usage of some stored days, both ends included, for as long as the transaction lasts.

    Of each tenant only the days that it is billed for. Returns the models and types of it.
    """
    with transaction() as connection:
        connection.execute(text(_MEMORY))
        connection.execute(text(_ADD_UP), {"first": first, "last": last})
        rows = connection.execute(text("SELECT DISTINCT model, type FROM previewed_usage"))
        return sorted((row.model, row.type) for row in rows)


def priced_usage(rates: Sequence[ModelRates], most: int) -> PricedUsage:
    """The usage that was added up, of all tenants, at two prices of each model and type.

    Each model and type of a tenant is rounded by itself, as the invoices of these days would add up under one list.
    """
    values = {
        "models": [each.model for each in rates],
        "types": [each.type for each in rates],
        **_fractions("old", [each.old for each in rates]),
        **_fractions("new", [each.new for each in rates]),
    }
    with transaction() as connection:
        rows = connection.execute(text(_PRICED), {**values, "most": most}).all()
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


def _fractions(name: str, rates: Sequence[Decimal | None]) -> dict[str, list[int | None]]:
    prices = [(None, None) if rate is None else token_price(rate) for rate in rates]
    return {
        f"{name}_numerators": [numerator for numerator, _ in prices],
        f"{name}_denominators": [denominator for _, denominator in prices],
    }
