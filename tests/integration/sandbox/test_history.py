"""The demo's past: what it says, that it can be continued, and that a real Prometheus reads it."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.clock import billing_day, day_window
from backend.sandbox import history, tools
from backend.sandbox.prometheus import PrometheusServer

NOW = datetime.now(UTC)
SINCE = billing_day(NOW) - timedelta(days=2)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    server = PrometheusServer(tools.monitoring().prometheus, tmp_path_factory.mktemp("past"))
    _fill(server, NOW - timedelta(hours=5))
    server.start()
    server.stop()
    server.fold_log_into_blocks()
    _fill(server, NOW)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _fill(server: PrometheusServer, now: datetime) -> None:
    history.backfill(promtool=tools.monitoring().promtool, data_dir=server.data_dir, since=SINCE, now=now)


def _value(server: PrometheusServer, expression: str) -> float:
    (result,) = server.query(expression)
    return float(result["value"][1])


def test_every_company_has_used_tokens_in_whole_numbers(past: PrometheusServer) -> None:
    labels = {
        row["metric"]["tenant"]
        for row in past.query("sum by (tenant) (last_over_time(openai_tokens_total[3d]))")
    }
    values = [row["value"][1] for row in past.query("last_over_time(openai_tokens_total[3d])")]

    assert len(labels) == len(history.COMPANIES)
    assert all(value.isdecimal() for value in values)


def test_the_first_day_begins_with_processes_born_in_sight(past: PrometheusServer) -> None:
    midnight = day_window(SINCE).start.timestamp()
    first = f"min_over_time(process_start_time_seconds[1d] @ {midnight + 86400})"

    births = [float(row["value"][1]) for row in past.query(first)]

    assert len(births) == len(history.INSTANCES)
    assert all(midnight <= birth < midnight + 60 for birth in births)


def test_there_is_a_sample_in_every_minute_also_across_the_seam(past: PrometheusServer) -> None:
    minutes = math.ceil((NOW - day_window(SINCE).start).total_seconds() / 60)

    counts = [float(row["value"][1]) for row in past.query("count_over_time(process_start_time_seconds[3d])")]

    assert [count for count in counts if not minutes - 8 <= count <= minutes] == [], minutes


def test_a_later_start_continues_with_new_incarnations(past: PrometheusServer) -> None:
    restarts = _value(past, 'max(changes(process_start_time_seconds{instance="docuchat-1"}[6h]))')

    assert restarts >= 1


def test_within_an_incarnation_no_counter_falls(past: PrometheusServer) -> None:
    fallen = past.query(
        "resets(openai_tokens_total[3d]) > on (instance) group_left changes(process_start_time_seconds[3d])"
    )

    assert fallen == []


def test_filling_again_at_once_writes_nothing(past: PrometheusServer) -> None:
    blocks = sorted(path.parent.name for path in past.data_dir.glob("*/meta.json"))

    _fill(past, NOW + timedelta(seconds=90))

    assert sorted(path.parent.name for path in past.data_dir.glob("*/meta.json")) == blocks


def test_the_same_days_are_told_the_same_way_twice(tmp_path: Path) -> None:
    start, end = (int(moment.timestamp()) for moment in (NOW - timedelta(hours=3), NOW))

    told = [
        [path.read_text() for path, _ in history._files(folder, (start, end), SINCE)]
        for folder in (tmp_path / "a", tmp_path / "b")
        if not folder.mkdir()
    ]

    assert told[0] == told[1]
