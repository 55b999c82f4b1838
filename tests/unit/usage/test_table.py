"""The answer to people at a terminal."""

from datetime import date
from decimal import Decimal

from backend.clock import day_window
from backend.usage import __main__ as command
from backend.usage.types import DayMeasurement, UsageFlag, UsageRow

DAY = date(2026, 11, 22)


def measured(*rows: UsageRow) -> DayMeasurement:
    window = day_window(DAY)
    return DayMeasurement(
        day=DAY,
        window=window,
        measured_at=window.end,
        rows=list(rows),
        readings=[],
        series=len(rows),
        incarnations=[],
    )


def test_a_day_is_a_table_with_what_is_held_and_why() -> None:
    flags = (UsageFlag.COLD_START, UsageFlag.LOW_COVERAGE)

    told = command._table(
        measured(
            UsageRow("acme", "gpt-4o", "prompt", 1_234_567, Decimal(1), 0, False, ()),
            UsageRow("ac\x1bme", "gpt\n", "completion", 8, Decimal("0.5"), 1_200, True, flags),
        )
    )

    assert told.splitlines() == [
        "2026-11-22 (1405-09-01), from 2026-11-21 20:30 to 2026-11-22 20:30 UTC",
        "tenant  model   type        tokens     coverage  unseen ~  held  flags",
        "acme    gpt-4o  prompt      1,234,567  100.000%  0",
        "ac?me   gpt?    completion  8          50.000%   1,200     held  cold_start low_coverage",
        "1,234,575 tokens, 2 meters",
    ]


def test_a_day_without_usage_says_so() -> None:
    assert command._table(measured()).splitlines()[1:] == ["No usage."]
