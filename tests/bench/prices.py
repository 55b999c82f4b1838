"""The preview of a change of prices beside its floor: 30 days of every tenant, at the old prices and at the new ones.

The rows are made up in a PostgreSQL of the tests: two types of tokens a day for each tenant. The floor is what no
preview does without, one sum of these rows for each tenant, model and type. Both in the same rounds, so that they see
the same moments of the machine.
"""

import argparse
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter

from sqlalchemy import text

from backend import clock
from backend.actor import Actor
from backend.db.engine import dispose, engine, transaction
from backend.db.migrate import upgrade
from backend.pricing import service as pricing
from backend.pricing.change_rules import PREVIEW_DAYS, preview_days
from backend.pricing.types import ChangeKind, PriceChange
from backend.sandbox.postgres import PostgresServer, data_home
from backend.sandbox.processes import delete_at_end
from tests.bench.figures import Figures, say, say_table
from tests.conftest import forget_caches

SCALE = 100_000
ACTOR = Actor.process_named("bench")
_TENANTS = """
INSERT INTO tenant (id, label, name_fa, name_en, language, billing_email, billed_from, economic_code, national_id,
  postal_address, postal_code, created_at)
SELECT gen_random_uuid(), 'tenant-' || lpad(n::text, 6, '0'), 'شرکت ' || n, 'Company ' || n, 'fa', 'a@example.com',
  DATE '2022-01-01', '', '', '', '', now()
FROM generate_series(1, :scale) n
"""
_USAGE = """
INSERT INTO daily_usage (day, tenant, model, type, tokens, coverage, unseen_estimate, held, flags)
SELECT d::date, 'tenant-' || lpad(n::text, 6, '0'), CASE WHEN n % 3 = 0 THEN 'gpt-small' ELSE 'gpt-big-2026-03-17' END,
  kind, 1 + (n * 7919 + extract(day FROM d)::int * 31) % 99991, 1, 0, false, '{}'
FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') d, generate_series(1, :scale) n,
  unnest(ARRAY['completion', 'prompt']) kind
"""
_FLOOR = """
SELECT count(*) FROM (
  SELECT sum(tokens) FROM daily_usage WHERE day BETWEEN :first AND :last GROUP BY tenant, model, type
) s
"""


def measure(asked: argparse.Namespace) -> Figures:
    """Measure the scale that was asked for, 100,000 tenants by default; prints as it goes."""
    say(f"\nPreview of a price: {PREVIEW_DAYS} days of each tenant, {asked.rounds} rounds, the median counts")
    rows = []
    for scale in asked.scale or [SCALE]:
        with _ground(scale):
            rounds = [{"seconds": _timed(_preview), "floor": _timed(_sum)} for _ in range(asked.rounds)]
        rows.append(
            {
                "tenants": scale,
                "rows": scale * 2 * PREVIEW_DAYS,
                "seconds": round(median(each["seconds"] for each in rounds), 3),
                "floor": round(median(each["floor"] for each in rounds), 3),
                "ratio_floor": round(median(each["seconds"] / each["floor"] for each in rounds), 3),
            }
        )
    say_table(rows)
    return {f"price_preview_{row['tenants']}": row for row in rows}


def _timed(work: Callable[[], None]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _preview() -> None:
    tomorrow = clock.billing_day(clock.utc_now()) + timedelta(days=1)
    change = PriceChange(
        valid_from=tomorrow,
        kind=ChangeKind.PRICE,
        model="gpt-big",
        type="",
        rial_per_1000_tokens=Decimal(900),
    )
    assert pricing.preview_change(ACTOR, change).usage.changed_tenants


def _sum() -> None:
    with transaction() as connection:
        connection.execute(text("SELECT set_config('work_mem', '64MB', true)"))
        connection.execute(text(_FLOOR), _days())


def _days() -> dict[str, object]:
    first, last = preview_days(clock.billing_day(clock.utc_now()))
    return {"first": first, "last": last}


@contextmanager
def _ground(scale: int) -> Iterator[None]:
    folder = data_home() / f"bench-prices-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    delete_at_end(folder)
    postgres = PostgresServer(folder / "data", durable=False)
    postgres.start()
    before = os.environ.get("DATABASE_URL")
    os.environ["DATABASE_URL"] = postgres.url()
    forget_caches()
    try:
        upgrade(postgres.url())
        with transaction() as connection:
            connection.execute(text(_TENANTS), {"scale": scale})
            connection.execute(text(_USAGE), {"scale": scale, **_days()})
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        yield
    finally:
        dispose()
        if before is None:
            del os.environ["DATABASE_URL"]
        else:
            os.environ["DATABASE_URL"] = before
        forget_caches()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
