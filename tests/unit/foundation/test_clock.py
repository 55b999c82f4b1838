import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tzdata

from backend import clock

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        pytest.param(date(2026, 11, 22), 24, id="an ordinary day"),
        pytest.param(date(2022, 3, 22), 23, id="summer time began"),
        pytest.param(date(2022, 9, 21), 25, id="summer time ended"),
        pytest.param(date(2021, 9, 21), 25, id="summer time ended a year before"),
    ],
)
def test_a_tehran_day_is_as_long_as_its_clock_says(day: date, hours: int) -> None:
    assert clock.day_window(day).seconds == hours * 3600


def test_days_follow_each_other_without_gap_or_overlap() -> None:
    first = date(2021, 1, 1)
    windows = [clock.day_window(first + timedelta(days=n)) for n in range(3 * 365)]

    assert all(a.end == b.start for a, b in pairwise(windows))


def test_the_day_changes_at_midnight_in_tehran() -> None:
    assert clock.billing_day(datetime(2026, 11, 22, 20, 29, 59, tzinfo=UTC)) == date(2026, 11, 22)
    assert clock.billing_day(datetime(2026, 11, 22, 20, 30, tzinfo=UTC)) == date(2026, 11, 23)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        clock.billing_day(datetime(2026, 11, 22))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("day", "year", "month_start"),
    [
        (date(2026, 11, 23), 1405, date(2026, 11, 22)),
        (date(2026, 3, 20), 1404, date(2026, 2, 20)),
        (date(2026, 3, 21), 1405, date(2026, 3, 21)),
        (date(2025, 3, 20), 1403, date(2025, 2, 19)),
    ],
)
def test_the_jalali_year_and_month_of_a_day(day: date, year: int, month_start: date) -> None:
    assert clock.jalali_year(day) == year
    assert clock.jalali_month_start(day) == month_start


def test_the_machine_cannot_move_the_midnight_of_tehran(tmp_path: Path) -> None:
    """A machine's own database is older or newer than the package whose version an invoice names."""
    (tmp_path / "Asia").mkdir()
    rules = (resources.files("tzdata.zoneinfo.Asia") / "Baku").read_bytes()
    (tmp_path / "Asia" / "Tehran").write_bytes(rules)

    asked = "from datetime import date; from backend.clock import day_window as w; print(w(date(2026, 7, 1)).start)"
    machine = os.environ | {"PYTHONTZPATH": str(tmp_path)}
    start = subprocess.check_output([sys.executable, "-c", asked], cwd=ROOT, env=machine, text=True)

    assert start.strip() == "2026-06-30 20:30:00+00:00"


def test_an_invoice_names_the_rules_that_were_used() -> None:
    assert clock.tzdata_version() == tzdata.__version__


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],  # noqa: S301 - our own bytes
    ids=["copy", "deepcopy", "pickle"],
)
def test_the_zone_and_its_instants_survive_a_copy(again: Callable[[Any], Any]) -> None:
    noon = datetime.combine(date(2022, 9, 21), time(12), tzinfo=clock.TEHRAN)

    assert again(clock.TEHRAN) is clock.TEHRAN
    assert again(noon) == noon
    assert again(noon).tzinfo is clock.TEHRAN


@pytest.mark.parametrize("fold", [0, 1])
def test_an_instant_of_tehran_compares_with_every_other_zone(fold: int) -> None:
    """At 23:30 of that evening the clocks showed the hour twice."""
    twice = datetime(2022, 9, 21, 23, 30, tzinfo=clock.TEHRAN, fold=fold)
    once = datetime(2022, 9, 21, 19 + fold, tzinfo=UTC)

    assert (twice.astimezone(UTC), once.astimezone(clock.TEHRAN)) == (once, twice.replace(fold=fold))
    assert once.astimezone(clock.TEHRAN).fold == fold
    assert twice - once == timedelta()
    assert once.astimezone(ZoneInfo("Asia/Baku")) - twice == timedelta()
