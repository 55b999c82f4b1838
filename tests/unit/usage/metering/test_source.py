"""What Prometheus is asked for single incarnations: many of them in one question."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from backend.clients.prometheus import Prometheus
from backend.config import usage_settings
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Point, Run, ScrapeHistory, Target
from backend.usage.metering.promql import one_of
from backend.usage.metering.source import LARGEST_BATCH, Boundary, Shards, SharedReadings, Source
from backend.usage.metering.vectors import TargetTable


class Listening:
    """A Prometheus without a sample, which remembers what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def instant(self, query: str, _at_ms: int) -> Sequence[Mapping[str, Any]]:
        self.asked.append(query)
        return []


@pytest.mark.parametrize(
    ("shards", "points", "questions"),
    [
        pytest.param(1, LARGEST_BATCH, 1, id="all in one"),
        pytest.param(1, LARGEST_BATCH + 1, 2, id="one too many"),
        pytest.param(2, LARGEST_BATCH, 4, id="two parts of the series, each in half of it"),
        pytest.param(LARGEST_BATCH * 2, 1, LARGEST_BATCH * 2, id="more parts than fit"),
    ],
)
def test_as_many_incarnations_as_fit_are_asked_about_at_once(
    shards: int, points: int, questions: int
) -> None:
    prometheus = Listening()
    source = Source(
        client=cast("Prometheus", prometheus), settings=usage_settings(prometheus_url="http://p.test")
    )
    history, nothing = ScrapeHistory([Target({"instance": "a"}, [Run(0, [10])])], []), Boundary({}, set())
    parts = Shards([f'tenant="{number}"' for number in range(shards)], has_odd_labels=False)

    told = source.at_points(
        SharedReadings(history, TargetTable(history.targets), parts, nothing, nothing),
        [Point(0, 10, 10)] * points,
    )

    assert (len(prometheus.asked), len(told)) == (questions, points)


LONGEST_THAT_VICTORIA_METRICS_TAKES = 16_384


def test_no_question_is_longer_than_every_server_takes() -> None:
    prometheus = Listening()
    source = Source(
        client=cast("Prometheus", prometheus), settings=usage_settings(prometheus_url="http://p.test")
    )
    instances = [
        f"docuchat-api-{number}.docuchat-api.docuchat-prod.svc.cluster.local:8000" for number in range(150)
    ]
    tenants = [f"{number:08}-0000-4000-8000-00000000000{number % 10}" for number in range(300)]
    history = ScrapeHistory([Target({"instance": each}, [Run(0, [10])]) for each in instances], [])
    nothing = Boundary({}, set())
    parts = Shards(['tenant=~"' + "x" * 500 + '"'], has_odd_labels=False)
    shared = SharedReadings(history, TargetTable(history.targets), parts, nothing, nothing)
    points = [Point(number, 10, 10) for number in range(len(instances))]

    source.at_points(shared, points)
    source.last_within(shared, points[:60], tenants)
    source.with_counters(instances, Span(0, 86_400_000))

    assert max(map(len, prometheus.asked)) <= LONGEST_THAT_VICTORIA_METRICS_TAKES
    named = "".join(prometheus.asked)
    assert all(one_of("instance", [each])[12:-1] in named for each in instances)
