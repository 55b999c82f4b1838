"""What a scan asks Prometheus: parts of bearable size, raw samples of suspects only, and never too fast."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from backend.clients.prometheus import Prometheus
from backend.config import UsageSettings, usage_settings
from backend.errors import Unavailable
from backend.usage.metering.source import LARGEST_BATCH, START_TIME, Source
from backend.usage.scanning.asking import LONGEST_PAUSE_S, RAW_TENANTS, Scan, ScanPace, plan, scrapes_of
from backend.usage.scanning.types import FindingKind
from tests.unit.usage.test_scan_findings import END, POD, SPAN, counter, starts

Row = Mapping[str, Any]
COUNTER = 'openai_tokens_total{scenario="x"}'
LOOKBACK_S = 600
LONGEST_THAT_VICTORIA_METRICS_TAKES = 16_384


def given(**more: str) -> UsageSettings:
    return usage_settings(
        prometheus_url="http://p.test",
        usage_selector='scenario="x"',
        usage_lookback_s=str(LOOKBACK_S),
        **more,
    )


class Told:
    """A Prometheus with some start times and raw samples, which is told what its functions find in them."""

    def __init__(self, history: Sequence[Row] = (), raw: Sequence[Row] = (), **labels: int) -> None:
        self.history, self.raw, self.labels = history, raw, labels
        self.fell: Sequence[Row] = ()
        self.gone: Sequence[Row] = ()
        self.of_stretches: Sequence[Row] = ()
        self.asked: list[str] = []
        self.asked_raw: list[str] = []
        self.asked_history: list[str] = []
        self.asked_of_stretches: list[str] = []

    def label_names(self, _selector: str, _from_ms: int, _until_ms: int) -> list[str]:
        return []

    def label_values(self, label: str, selector: str, from_ms: int, until_ms: int) -> list[str]:
        assert (selector, until_ms) == (COUNTER, SPAN.end_ms)
        if self.labels:
            assert from_ms == SPAN.start_ms
            return [f"{label}-{number:03}" for number in range(self.labels.get(label, 0))]
        return sorted({row["metric"]["instance"] for row in (*self.history, *self.raw)})

    def instant(self, query: str, at_ms: int) -> Sequence[Row]:
        assert at_ms == SPAN.end_ms
        self.asked.append(query)
        if query.startswith("resets"):
            return self.fell
        if query.startswith(("count", "sum")) or " and on (instance) " in query:
            return self.gone
        self.asked_of_stretches.append(query)
        return self.of_stretches

    def ranges(self, query: str, _at_ms: int) -> Sequence[Row]:
        if query.startswith(START_TIME):
            self.asked_history.append(query)
            return self.history
        self.asked_raw.append(query)
        tenants = query.partition('tenant=~"')[2].partition('"')[0].split("|")
        return [
            row
            for row in self.raw
            if f'"{row["metric"]["instance"]}"' in query and row["metric"].get("tenant", "") in tenants
        ]


def source(prometheus: Told, **more: str) -> Source:
    return Source(client=cast("Prometheus", prometheus), settings=given(**more))


def scan(prometheus: Told, pace: ScanPace | None = None) -> Scan:
    return Scan.of_window(source(prometheus), SPAN, pace or ScanPace(1))


def falling(instance: str = "pod", tenant: str = "t") -> dict[str, Any]:
    told = counter({"instance": instance, "job": "app"}, {0: 100, 50: 20, 100: 80})
    return {**told, "metric": {**told["metric"], "tenant": tenant}}


def alive(instance: str = "pod") -> dict[str, Any]:
    return starts({"instance": instance, "job": "app"}, (-50, range(-10, 101)))


@pytest.mark.parametrize(
    ("series", "parts"),
    [
        pytest.param(12_000, 1, id="all in one"),
        pytest.param(11_999, 2, id="one too many"),
        pytest.param(4_000, 3, id="exactly three"),
        pytest.param(1, 100, id="never more than a hundred"),
    ],
)
def test_parts_have_as_many_series_as_can_be_looked_at_at_once(series: int, parts: int) -> None:
    pace = ScanPace(0.5, lambda _: None)
    prometheus = Told(tenant=1_000, model=2, type=2, instance=3)

    told = plan(source(prometheus, usage_scan_series=str(series)), SPAN, pace)

    assert len(told) == (1 if parts == 1 else parts + 1)
    assert parts == 1 or all(matcher.startswith("tenant") for matcher in told)
    assert pace.asked_s > 0


def test_each_replica_has_series_of_its_own() -> None:
    prometheus = Told(tenant=20, model=1, type=1, instance=1, prometheus_replica=2)

    assert len(plan(source(prometheus, usage_scan_series="10"), SPAN, ScanPace(1))) == 5


def test_a_day_without_a_counter_is_one_part() -> None:
    assert plan(source(Told(model=1)), SPAN, ScanPace(1)) == [""]


def test_the_raw_samples_of_suspects_are_looked_at_and_no_others() -> None:
    """One meter fell, another one of the same tenant and address did not."""
    steady = falling()
    steady["metric"] = {**steady["metric"], "type": "completion"}
    prometheus = Told([alive(), alive("calm")], [falling(), steady, falling("calm")])
    prometheus.fell = [falling()]

    [found] = scan(prometheus).findings("")

    assert (found.kind, found.instance, found.key) == (FindingKind.FELL, "pod", ("t", "m", "prompt"))


def test_a_quiet_part_is_asked_for_no_raw_samples() -> None:
    prometheus = Told([alive()], [falling()])

    assert scan(prometheus).findings("") == []
    assert prometheus.asked_raw == []


@pytest.mark.parametrize("where", ["fell", "gone", "of_stretches"])
def test_each_kind_of_suspect_is_looked_at(where: str) -> None:
    # A second process on the address: its stretches are asked for one by one.
    gone = starts(POD, (-50, range(-10, 60)))
    prometheus = Told([gone], [falling()])
    setattr(prometheus, where, [falling()])

    assert len(scan(prometheus).findings("")) >= 1


def test_a_fall_at_a_restart_is_asked_for_process_by_process() -> None:
    several = starts(POD, (-50, range(-10, 40)), (41, range(42, 101)))
    prometheus = Told([several], [falling()])
    prometheus.fell = [falling()]

    assert scan(prometheus).findings("") == []
    assert prometheus.asked_raw == []
    [stretches] = prometheus.asked_of_stretches
    assert stretches.count("resets") == 2


def test_falls_of_a_process_alone_at_its_address_are_not_asked_for_again() -> None:
    prometheus = Told([starts(POD, (-50, range(-10, 60)))])
    prometheus.fell = [falling()]

    scan(prometheus).findings("")

    [stretches] = prometheus.asked_of_stretches
    assert "resets" not in stretches


@pytest.mark.parametrize("where", ["fell", "gone"])
def test_a_suspect_without_an_address_is_looked_at(where: str) -> None:
    nameless = falling("")
    labels = {name: value for name, value in nameless["metric"].items() if name != "instance"}
    prometheus = Told([], [nameless])
    setattr(prometheus, where, [{**nameless, "metric": labels}])

    [found] = scan(prometheus).findings("")

    assert found.instance == ""


def test_a_suspect_without_a_company_is_looked_at() -> None:
    told = falling()
    nobodys = {**told, "metric": {name: value for name, value in told["metric"].items() if name != "tenant"}}
    prometheus = Told([alive()], [nobodys])
    prometheus.fell = [nobodys]

    [found] = scan(prometheus).findings("")

    assert found.key == ("", "m", "prompt")


def test_a_day_without_a_counter_has_no_process_to_ask_for() -> None:
    prometheus = Told()

    assert scan(prometheus).findings("") == []
    assert (prometheus.asked_history, prometheus.asked_raw) == ([], [])


def test_the_sample_that_opens_the_day_is_looked_for_as_long_before_it_as_settings_say() -> None:
    prometheus = Told([alive()], [falling()])
    prometheus.fell = [falling()]

    scan(prometheus).findings("")

    fell = [query for query in prometheus.asked if query.startswith("resets")]
    reach_ms = SPAN.end_ms - SPAN.start_ms + LOOKBACK_S * 1000 + 1
    asked = [*prometheus.asked_history, *prometheus.asked_raw, *fell]
    assert [f"[{reach_ms}ms]" in query for query in asked] == [True] * 3


def test_raw_samples_come_for_some_tenants_at_once_and_for_each_of_them_once() -> None:
    rows = [falling("pod", f"tenant{number:03}") for number in range(2 * RAW_TENANTS + 1)]
    prometheus = Told([alive()], rows)
    prometheus.fell = rows[::-1]

    found = scan(prometheus).findings("")

    assert [one.key[0] for one in found] == [row["metric"]["tenant"] for row in rows]
    assert [query.count("tenant") - 1 for query in prometheus.asked_raw] == [RAW_TENANTS, RAW_TENANTS, 1]


def test_findings_come_in_order_of_kind_and_address() -> None:
    rows = [falling(instance) for instance in ("b", "c", "a")]
    prometheus = Told([alive(instance) for instance in "abc"], rows)
    prometheus.fell = rows

    assert [one.instance for one in scan(prometheus).findings("")] == ["a", "b", "c"]


def test_as_many_processes_as_fit_are_asked_about_at_once_and_each_of_them_once() -> None:
    pods = [f"10.0.{number // 250}.{number % 250}:8000" for number in range(4 * LARGEST_BATCH + 1)]
    gone = [starts({"instance": pod, "job": "app"}, (-50, range(-10, 60))) for pod in pods]
    prometheus = Told(gone)

    scan(prometheus).findings("")

    told = prometheus.asked_of_stretches
    *full, rest = [query.count(" unless ") for query in told]
    assert len(set(full)) == 1
    assert rest <= full[0] <= 2 * LARGEST_BATCH
    assert all(sum(query.count(f'"{pod}"') for query in told) == 2 for pod in pods)


def test_no_question_of_a_scan_is_longer_than_every_server_takes() -> None:
    pods = [
        f"docuchat-api-{number}.docuchat-api.docuchat-prod.svc.cluster.local:8000" for number in range(99)
    ]
    prometheus = Told([starts({"instance": pod, "job": "app"}, (-50, range(-10, 60))) for pod in pods])

    scan(prometheus).findings('tenant=~"' + "x" * 500 + '"')

    assert max(map(len, prometheus.asked)) <= LONGEST_THAT_VICTORIA_METRICS_TAKES
    assert all("x" * 500 in query for query in prometheus.asked)
    assert all(any(pod in query for query in prometheus.asked) for pod in pods)


@pytest.mark.parametrize(
    ("minutes", "questions"),
    [
        pytest.param((-10, 5), 0, id="its last ten minutes begin before the day"),
        pytest.param((-10, 10), 0, id="with the day"),
        pytest.param((-10, 11), 1, id="within the day"),
        pytest.param((20, 29), 0, id="it lived for less"),
        pytest.param((20, 30), 1, id="it lived for ten minutes"),
    ],
)
def test_what_went_before_the_end_of_a_process_is_asked_for_where_its_last_minutes_do_not_show_all(
    minutes: tuple[int, int], questions: int
) -> None:
    prometheus = Told([starts(POD, (-50, range(minutes[0], minutes[1] + 1)))])

    scan(prometheus).findings("")

    assert len(prometheus.asked_of_stretches) == questions


def test_series_are_counted_at_the_end_of_the_day() -> None:
    prometheus = Told([alive()])
    empty = scan(prometheus).series_at_end("")
    prometheus.gone = [{"metric": {}, "value": [END, "40"]}, {"metric": {}, "value": [END, "2"]}]

    assert (empty, scan(prometheus).series_at_end("")) == (0, 42)


def test_scrapes_that_several_servers_hold_are_added_up_at_the_pace() -> None:
    waits: list[float] = []
    prometheus = Told()
    nothing = scrapes_of(source(prometheus), SPAN, ScanPace(0.5, waits.append))
    prometheus.gone = [{"metric": {}, "value": [END, "40"]}, {"metric": {}, "value": [END, "2"]}]

    told = scrapes_of(source(prometheus), SPAN, ScanPace(0.5, waits.append))

    assert (nothing, told, len(waits)) == (0, 42, 2)
    assert all(f'{START_TIME}{{scenario="x"}}' in query for query in prometheus.asked)


def test_every_question_of_a_scan_keeps_the_pace() -> None:
    waits: list[float] = []
    gone = starts(POD, (-50, range(-10, 60)))
    prometheus = Told([gone], [falling()])
    prometheus.fell = [falling()]
    pace = ScanPace(0.5, waits.append)
    looking = scan(prometheus, pace)
    before = len(waits)

    looking.findings("")
    looking.series_at_end("")

    assert before == 3
    assert len(waits) - before == len(prometheus.asked) + len(prometheus.asked_raw) == 5


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], str]:
    """A clock that goes on by what a question takes."""
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def take(seconds: float) -> str:
        now[0] += seconds
        return "told"

    return take


@pytest.mark.parametrize(
    ("share", "took_s", "pause_s"),
    [
        pytest.param(0.25, 2, 6, id="a quarter of the time"),
        pytest.param(0.8, 2, 0.5, id="most of the time"),
        pytest.param(0.25, 20, LONGEST_PAUSE_S, id="never too long"),
    ],
)
def test_prometheus_is_asked_for_its_share_of_the_time(
    share: float, took_s: float, pause_s: float, clock: Callable[[float], str]
) -> None:
    waits: list[float] = []
    pace = ScanPace(share, waits.append)

    assert [pace.keep(lambda: clock(took_s)) for _ in range(2)] == ["told"] * 2

    assert waits == pytest.approx([pause_s] * 2)
    assert pace.asked_s == 2 * took_s


def test_the_pace_is_kept_after_a_failure_too(clock: Callable[[float], str]) -> None:
    waits: list[float] = []
    pace = ScanPace(0.5, waits.append)

    def fail() -> None:
        clock(3)
        raise Unavailable(service="prometheus")

    with pytest.raises(Unavailable):
        pace.keep(fail)

    assert (waits, pace.asked_s) == ([3], 3)
