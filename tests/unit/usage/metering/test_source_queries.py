"""The queries that a source sends, and how it reads their answers, by a Prometheus that remembers what it is asked."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from backend.clients.prometheus import Prometheus
from backend.config import usage_settings
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Point, Run, ScrapeHistory, Target
from backend.usage.metering.source import (
    LARGEST_BATCH,
    NAMED_INSTANCES,
    Boundary,
    Shards,
    SharedReadings,
    Source,
)
from backend.usage.metering.vectors import TargetReadings, TargetTable
from backend.usage.types import Key

WINDOW = Span(100_000_000, 186_400_000)
LOOKBACK_MS = 14_400_000
A: Key = ("acme", "gpt-4o", "prompt")
COUNTER = 'openai_tokens_total{job="docuchat"}'


class Server:
    """A Prometheus with scripted answers."""

    def __init__(
        self,
        *,
        vectors: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        matrix: Sequence[Mapping[str, Any]] = (),
        labels: Mapping[str, list[str]] | None = None,
    ) -> None:
        """``vectors`` are the answers to queries that hold a text."""
        self._vectors, self._matrix, self._labels = vectors or {}, matrix, labels or {}
        self.asked: list[tuple[Any, ...]] = []

    def instant(self, query: str, at_ms: int) -> Sequence[Mapping[str, Any]]:
        self.asked.append((query, at_ms))
        return next((rows for text, rows in self._vectors.items() if text in query), [])

    def ranges(self, query: str, at_ms: int) -> Sequence[Mapping[str, Any]]:
        self.asked.append((query, at_ms))
        return self._matrix

    def label_values(self, label: str, selector: str, from_ms: int, until_ms: int) -> list[str]:
        self.asked.append((label, selector, from_ms, until_ms))
        return self._labels.get(label, [])


def source_of(server: Server, *, tenant: str | None = None, **settings: str) -> Source:
    given = {"prometheus_url": "http://p.test", "usage_selector": '{job="docuchat"}', **settings}
    return Source(client=cast("Prometheus", server), settings=usage_settings(**given), tenant=tenant)


def row(value: str, **labels: str) -> dict[str, Any]:
    return {
        "metric": {"tenant": "acme", "model": "gpt-4o", "type": "prompt", **labels},
        "value": [1.0, value],
    }


def shared_of(*targets: Mapping[str, str], parts: Sequence[str] = ("",)) -> SharedReadings:
    history = ScrapeHistory([Target(labels, [Run(0, [10])]) for labels in targets], [])
    nothing = Boundary({}, set())
    shards = Shards(list(parts), has_odd_labels=False)
    return SharedReadings(history, TargetTable(history.targets), shards, nothing, nothing)


def test_instances_are_those_of_every_tenant_from_the_lookback_on() -> None:
    server = Server(labels={"instance": ["a", "b"]})

    assert source_of(server, tenant="acme").instances(WINDOW) == {"a", "b"}
    assert server.asked == [("instance", COUNTER, WINDOW.start_ms - LOOKBACK_MS, WINDOW.end_ms)]


def test_where_no_instance_is_nothing_is_asked() -> None:
    server = Server()

    shared = source_of(server).shared_readings(set(), WINDOW, WINDOW)

    assert (shared.history, shared.shards) == (ScrapeHistory([], []), Shards([""], has_odd_labels=False))
    assert shared.opening == shared.closing == Boundary({}, set())
    assert server.asked == []


def test_readings_of_everybody_are_those_of_ten_minutes_before_each_end_of_the_window() -> None:
    starts = [{"metric": {"instance": "a"}, "values": [[100_000.0, "5"], [186_400.0, "5"]]}]
    server = Server(
        matrix=starts,
        vectors={"last_over_time": [row("7", instance="a"), row("9", instance="b")]},
        labels={"tenant": ["acme"], "model": ["gpt-4o"], "type": ["prompt"]},
    )
    wider = Span(WINDOW.start_ms - 1000, WINDOW.end_ms + 2000)

    shared = source_of(server).shared_readings({"a", "b"}, wider, WINDOW)

    assert shared.opening == shared.closing == Boundary({0: TargetReadings({A: 7}, set())}, {"b"}, 2)
    assert [one.times for one in shared.history.incarnations] == [[100_000_000, 186_400_000]]
    near = f"last_over_time({COUNTER}[600000ms])"
    start_time = 'process_start_time_seconds{job="docuchat",instance=~"a|b"}[86403001ms]'
    between = ('openai_tokens_total{job="docuchat"}', WINDOW.start_ms, WINDOW.end_ms)
    assert sorted(server.asked, key=str) == sorted(
        [
            (near, WINDOW.start_ms),
            (near, WINDOW.end_ms),
            (start_time, wider.end_ms),
            *((label, *between) for label in ("tenant", "model", "type", "prometheus_replica")),
        ],
        key=str,
    )


def test_parts_of_the_series_add_up_to_everybody() -> None:
    vectors = {
        "t=1": [row("7", instance="a"), row("1", instance="b")],
        "t=2": [row("9", instance="a", tenant="globex", job="other"), row("1", instance="c")],
    }
    table = TargetTable([Target({"instance": "a", "job": "x"}, [])])

    opening, closing = source_of(Server(vectors=vectors)).boundaries(lambda: table, ["t=1", "t=2"], (10, 20))

    globex = ("globex", "gpt-4o", "prompt")
    told = TargetReadings({A: 7, globex: 9}, {A, globex})
    assert opening == closing == Boundary({0: told}, {"b", "c"}, 4)


@pytest.mark.parametrize(
    ("labels", "instances", "parts"),
    [
        pytest.param({"tenant": ["ax", "by"]}, 3, 1, id="two tenants of three instances"),
        pytest.param({"tenant": ["ax", "by"]}, 4, 2, id="of four"),
        pytest.param({"tenant": ["ax", "by"], "model": ["m", "n"]}, 1, 1, id="and two models"),
        pytest.param(
            {"tenant": ["ax", "by"], "model": ["m", "n"], "type": ["p", "q"]}, 1, 2, id="and two types"
        ),
        pytest.param(
            {"tenant": ["ax", "by"], "prometheus_replica": ["0", "1"]}, 2, 2, id="two tenants of two replicas"
        ),
    ],
)
def test_the_series_are_asked_in_parts_of_at_most_so_many(
    labels: dict[str, list[str]], instances: int, parts: int
) -> None:
    shards = source_of(Server(labels=labels), usage_shard_series="7").shards(WINDOW, instances)

    # The complement takes whoever appears meanwhile.
    assert len(shards.matchers) == (1 if parts == 1 else parts + 1)
    assert (shards.matchers == [""]) is (parts == 1)
    assert all("tenant" in matcher for matcher in shards.matchers if parts > 1)


def test_series_that_just_fit_are_asked_in_one_part() -> None:
    server = Server(labels={"tenant": ["ax", "by"]})

    assert source_of(server, usage_shard_series="8").shards(WINDOW, 4).matchers == [""]
    assert len(source_of(server, usage_shard_series="1").shards(WINDOW, 1).matchers) == 3


@pytest.mark.parametrize(
    ("labels", "is_odd"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"tenant": ["x" * 800], "model": ["m" * 600], "type": ["t" * 600]}, False, id="longest"),
        pytest.param({"tenant": ["acme", "x" * 801]}, True, id="a tenant too long"),
        pytest.param({"model": ["gpt-4o", "m" * 601]}, True, id="a model too long"),
        pytest.param({"type": ["prompt", "t\0"]}, True, id="a type with a zero byte"),
        pytest.param({"prometheus_replica": ["r" * 900]}, False, id="a replica, which is not stored"),
    ],
)
def test_labels_that_cannot_be_stored_are_noticed(labels: dict[str, list[str]], *, is_odd: bool) -> None:
    assert source_of(Server(labels=labels)).shards(WINDOW, 1).has_odd_labels is is_odd


def test_a_single_tenant_is_asked_in_one_part_and_named_in_every_query() -> None:
    server = Server()
    source = source_of(server, tenant='a"b')

    shards = source.shards(WINDOW, 10**6)
    source.at_points(shared_of({"instance": "x"}), [Point(0, 50, 40)])

    assert shards == Shards([""], has_odd_labels=True)
    [(query, at_ms)] = server.asked
    assert 'openai_tokens_total{job="docuchat",instance="x",tenant="a\\"b"}' in query
    assert at_ms == 50


@pytest.mark.parametrize(("instances", "are_named"), [(NAMED_INSTANCES, True), (NAMED_INSTANCES + 1, False)])
def test_instances_are_named_where_they_are_few(instances: int, *, are_named: bool) -> None:
    server = Server(matrix=[{"metric": {"instance": name}, "values": [[1.0, "1"]]} for name in ("1", "node")])

    history = source_of(server).history({str(number) for number in range(instances)}, WINDOW)

    [(query, at_ms)] = server.asked
    assert query.startswith('process_start_time_seconds{job="docuchat"')
    assert query.endswith("[86400001ms]")
    assert ("instance=~" in query, at_ms) == (are_named, WINDOW.end_ms)
    # Where they are not named, other programs answer, too.
    assert [one.instance for one in history.incarnations] == ["1"]


def marked(question: str, mark: int) -> str:
    return f'label_replace({question}, "__incarnation", "{mark}", "", "")'


def of(instance: str, *more: str) -> str:
    matchers = ",".join(['job="docuchat"', *more, f'instance="{instance}"'])
    return f"openai_tokens_total{{{matchers}}}"


def test_single_incarnations_are_asked_at_their_scrapes_no_further_back_than_ten_minutes() -> None:
    server = Server(
        vectors={"": [row("7", instance="a", __incarnation="0"), row("8", instance="b", __incarnation="1")]}
    )
    points = [Point(0, 5_000_000, 4_000_000), Point(1, 6_000_000, 5_999_000)]

    told = source_of(server).at_points(shared_of({"instance": "a"}, {"instance": "b"}), points)

    first = marked(f"last_over_time({of('a')}[600000ms] @ 5000.000)", 0)
    second = marked(f"last_over_time({of('b')}[1001ms] @ 6000.000)", 1)
    assert server.asked == [(f"({first} or {second})", 6_000_000)]
    assert told == [TargetReadings({A: 7}, set()), TargetReadings({A: 8}, set())]


def test_single_incarnations_of_some_tenants_are_asked_as_far_back_as_they_reach() -> None:
    shared, point = shared_of({"instance": "a"}), Point(0, 5_000_000, 4_000_000)
    last, lowest = Server(), Server()

    source_of(last).last_within(shared, [point], ["acme", "a.b"])
    source_of(lowest).lowest_of_others(shared, [point], ["acme", "a.b"])

    counter = of("a", 'tenant=~"acme|a\\\\x{2e}b"')
    assert last.asked == [(marked(f"last_over_time({counter}[1000001ms] @ 5000.000)", 0), 5_000_000)]
    assert lowest.asked == [(marked(f"min_over_time({counter}[1000001ms] @ 5000.000)", 0), 5_000_000)]


def test_parts_of_one_answer_come_together() -> None:
    globex = ("globex", "gpt-4o", "prompt")
    vectors = {
        't="1"': [row("7", instance="a", job="x", __incarnation="0")],
        't="2"': [row("8", instance="a", job="y", tenant="globex", __incarnation="0")],
    }
    shared = shared_of({"instance": "a", "job": "x"}, parts=['t="1"', 't="2"'])

    told = source_of(Server(vectors=vectors)).at_points(shared, [Point(0, 10, 10)])

    assert told == [TargetReadings({A: 7, globex: 8}, {globex})]


def test_batches_keep_the_marks_of_their_questions() -> None:
    count = LARGEST_BATCH + 1
    shared = shared_of(*({"instance": str(number)} for number in range(count)))
    last = [row("7", instance=str(LARGEST_BATCH), __incarnation=str(LARGEST_BATCH))]
    server = Server(vectors={f'"{LARGEST_BATCH}"': last})

    told = source_of(server).at_points(shared, [Point(number, number, 0) for number in range(count)])

    assert told == [*[TargetReadings({}, set())] * LARGEST_BATCH, TargetReadings({A: 7}, set())]
    assert sorted(at_ms for _, at_ms in server.asked) == [LARGEST_BATCH - 1, LARGEST_BATCH]


def test_of_a_crowded_address_only_rows_of_the_questions_target_count() -> None:
    shared = shared_of(
        {"instance": "a", "pod": "p"}, {"instance": "a", "pod": "q"}, {"instance": "b", "pod": "r"}
    )
    rows = [
        row("7", instance="a", pod="p", __incarnation="0"),
        row("100", instance="a", pod="q", __incarnation="0"),
        row("9", instance="b", __incarnation="1"),
    ]

    told = source_of(Server(vectors={"": rows})).at_points(shared, [Point(0, 10, 5), Point(2, 10, 5)])

    assert told == [TargetReadings({A: 7}, set()), TargetReadings({A: 9}, {A})]


def test_the_lowest_readings_are_those_of_counters_without_a_target_that_speak_of_this_one() -> None:
    shared = shared_of({"instance": "a", "job": "x", "pod": "p"}, {"instance": "a", "job": "x", "pod": "q"})
    rows = [
        row("1", instance="a", job="x", pod="p", __incarnation="0"),
        row("5", instance="a", job="counters", pod="p", __incarnation="0"),
        row("2", instance="a", job="counters", pod="q", __incarnation="0"),
    ]

    told = source_of(Server(vectors={"": rows})).lowest_of_others(shared, [Point(0, 10, 5)], ["acme"])

    assert told == [TargetReadings({A: 5}, {A})]


def test_instances_with_counters_are_those_that_answer() -> None:
    server = Server(vectors={"": [{"metric": {"instance": "b"}, "value": [1.0, "1"]}, {"metric": {}}]})

    found = source_of(server).with_counters(["", "a", "b"], WINDOW)

    assert found == ["", "b"]
    counter = 'openai_tokens_total{job="docuchat",instance=~"|a|b"}'
    assert server.asked == [(f"count by (instance) (last_over_time({counter}[86400000ms]))", WINDOW.end_ms)]


def test_what_tells_no_start_time_opens_with_its_lowest_reading_and_no_higher_than_the_one_before() -> None:
    globex, new = ("globex", "gpt-4o", "prompt"), ("new", "gpt-4o", "prompt")
    server = Server(
        vectors={
            "min_over_time": [
                row("50", instance="a", __incarnation="0"),
                row("3", instance="a", __incarnation="0", tenant="globex"),
                row("2", instance="a", __incarnation="0", tenant="new"),
            ],
            " @ ": [
                row("40", instance="a", __incarnation="0"),
                row("90", instance="a", __incarnation="0", tenant="globex"),
            ],
            "last_over_time": [row("60", instance="a", __incarnation="0")],
        }
    )

    lowest, last = source_of(server).without_start_time("a", WINDOW)

    assert (lowest, last) == ({A: 40, globex: 3, new: 2}, {A: 60})
    assert server.asked == [
        (marked(f"{function}_over_time({of('a')}{window})", 0), WINDOW.end_ms)
        for function, window in (
            ("min", "[86400000ms]"),
            ("last", "[86400000ms]"),
            ("last", "[14400s] @ 100000.000"),
        )
    ]


def up(*at_s: float, **labels: str) -> dict[str, Any]:
    return {"metric": {"__name__": "up", **labels}, "values": [[at, "1"] for at in at_s]}


def test_attempts_to_scrape_are_those_of_targets_that_the_labels_do_not_contradict() -> None:
    history = shared_of({"instance": "a", "job": "x", "pod": "p"}, {"instance": "a", "pod": "q"}).history
    matrix = [
        up(30.0, 10.0004, instance="a", job="x", pod="p", zone="1"),
        up(20.0006, instance="a", job="other", pod="q"),
        up(40.0, instance="a", job="other", pod="p"),
        up(50.0, instance="b", job="anything"),
        up(60.0),
    ]

    ups = source_of(Server(matrix=matrix)).ups(history, ["a", "b"], WINDOW)

    assert ups == {"a": [10_000, 20_001, 30_000], "b": [50_000], "": [60_000]}


@pytest.mark.parametrize(
    ("is_selected", "selected"),
    [pytest.param(False, "", id="all"), pytest.param(True, 'job="docuchat",', id="ours")],
)
def test_attempts_are_asked_for_in_batches(selected: str, *, is_selected: bool) -> None:
    server, names = Server(), [f"pod{number}" for number in range(LARGEST_BATCH + 1)]

    source_of(server).ups(ScrapeHistory([], []), names, WINDOW, is_selected=is_selected)

    groups = ["|".join(names[:LARGEST_BATCH]), names[LARGEST_BATCH]]
    assert server.asked == [
        (f'up{{{selected}instance=~"{group}"}}[86400001ms]', WINDOW.end_ms) for group in groups
    ]


@pytest.mark.parametrize(("rows", "is_alive"), [([{"metric": {}}], True), ([], False)])
def test_prometheus_lived_where_it_scraped_anything(rows: list[dict[str, Any]], *, is_alive: bool) -> None:
    server = Server(vectors={"": rows})

    assert source_of(server).is_alive_at(77) is is_alive
    assert server.asked == [("count(up)", 77)]
