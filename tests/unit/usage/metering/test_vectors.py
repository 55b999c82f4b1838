"""Rows of Prometheus find the process they came from, and copies never count twice."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from backend.clients.prometheus import instant_text, quoted, whole
from backend.errors import Unavailable
from backend.usage.metering.incarnations import Run, Target
from backend.usage.metering.vectors import LabelNames, TargetTable, values_by_mark

NAMES = LabelNames(tenant="tenant", replica="replica")
KEY = ("acme", "gpt-4o", "prompt")


def row(value: str, **labels: str) -> dict[str, Any]:
    named = {"__name__": "openai_tokens_total", "tenant": "acme", "model": "gpt-4o", "type": "prompt"}
    return {"metric": {**named, **labels}, "value": [1.0, value]}


def nameless(one: dict[str, Any]) -> dict[str, Any]:
    """The row of a server that drops the name of what a function was taken of."""
    return {**one, "metric": {name: value for name, value in one["metric"].items() if name != "__name__"}}


def target(**labels: str) -> Target:
    return Target(labels, [Run(0, [0])])


def read(
    targets: list[Target], rows: Sequence[Mapping[str, Any]]
) -> tuple[dict[int, dict[Any, int]], set[str]]:
    told, unmatched = TargetTable(targets).values_by_target(rows, NAMES)
    return {target: one.values for target, one in told.items()}, unmatched


def test_a_row_belongs_to_the_target_whose_labels_it_carries() -> None:
    targets = [target(instance="a", job="x"), target(instance="a", job="y"), target(instance="b", job="x")]

    values, unmatched = read(
        targets,
        [
            row("1", instance="a", job="x"),
            row("2", instance="a", job="y"),
            row("3", instance="b", job="x"),
        ],
    )

    assert values == {0: {KEY: 1}, 1: {KEY: 2}, 2: {KEY: 3}}
    assert unmatched == set()


def test_counters_without_an_address_belong_to_the_start_times_without_one() -> None:
    values, unmatched = read([target(job="x"), target(job="x", instance="a")], [row("4", job="y")])

    assert (values, unmatched) == ({0: {KEY: 4}, 1: {}}, set())


def test_labels_of_one_target_may_be_a_part_of_another() -> None:
    targets = [target(instance="a", job="x"), target(instance="a", job="x", pod="p")]

    values, _ = read(targets, [row("5", instance="a", job="x", pod="p"), row("4", instance="a", job="x")])

    assert values == {0: {KEY: 4}, 1: {KEY: 5}}


def test_a_row_with_labels_of_its_own_belongs_to_the_target_that_has_most_of_the_others() -> None:
    targets = [target(instance="a", job="x"), target(instance="a", job="x", pod="p")]

    values, _ = read(targets, [row("5", instance="a", job="x", pod="p", region="eu")])

    assert values == {0: {}, 1: {KEY: 5}}


def test_copies_that_only_job_or_replica_tell_apart_count_once() -> None:
    values, _ = read(
        [target(instance="a", job="x")],
        [
            row("7", instance="a", job="x"),
            row("9", instance="a", job="x", replica="1"),
            row("8", instance="a", job="y"),
        ],
    )

    assert values == {0: {KEY: 9}}


def test_series_that_another_label_tells_apart_are_summed() -> None:
    values, _ = read(
        [target(instance="a", job="x")],
        [row("7", instance="a", job="x", region="eu"), row("9", instance="a", job="x", region="us")],
    )

    assert values == {0: {KEY: 16}}


@pytest.mark.parametrize("of_server", [pytest.param(dict, id="names"), pytest.param(nameless, id="no names")])
@pytest.mark.parametrize("order", [1, -1])
def test_a_series_with_a_label_of_its_own_is_no_copy_whatever_comes_first(
    of_server: Callable[[dict[str, Any]], dict[str, Any]], order: int
) -> None:
    plain, odd = row("9", instance="a"), row("7", instance="a", region="eu")
    rows = [of_server(plain), of_server(odd)][::order]
    marked = [{**one, "metric": {**one["metric"], "__incarnation": "0"}} for one in rows]

    values, _ = read([target(instance="a")], rows)
    told = values_by_mark(marked, {0: {"instance": "a"}}, NAMES)

    assert values == {0: {KEY: 16}}
    assert told[0] == ({KEY: 16}, set())


def test_series_that_stand_at_zero_add_nothing() -> None:
    unused = [row("0", instance="a"), row("0", instance="a", region="eu")]

    assert read([target(instance="a")], unused)[0] == {0: {KEY: 0}}
    assert read([target(instance="a")], [row("0", instance="a"), row("5", instance="a", region="eu")])[0] == {
        0: {KEY: 5}
    }


def test_what_is_written_with_an_exponent_is_read_beside_the_rest() -> None:
    rows = [row("1e+06", instance="a"), row("7", instance="a", tenant="globex")]

    values, _ = read([target(instance="a")], rows)

    assert values == {0: {KEY: 10**6, ("globex", "gpt-4o", "prompt"): 7}}


def test_counters_that_agree_with_no_target_of_their_address_are_of_all_of_it() -> None:
    targets = [target(instance="a", cluster="1"), target(instance="a", cluster="2"), target(instance="b")]

    values, unmatched = read(
        targets, [row("7", instance="a", cluster="3"), row("9", instance="a", cluster="4")]
    )

    assert (values, unmatched) == ({0: {KEY: 9}, 1: {KEY: 9}, 2: {}}, set())


def test_a_label_that_counters_lack_contradicts_no_target() -> None:
    targets = [target(instance="a", job="x", cluster="1"), target(instance="a", job="x", zone="1")]

    values, _ = read(targets, [row("7", instance="a", job="counters", cluster="2")])

    assert values == {0: {}, 1: {KEY: 7}}


def test_a_counter_with_only_the_labels_of_its_target_is_its_own() -> None:
    bare = {"metric": {"instance": "a"}, "value": [1.0, "3"]}

    told, _ = TargetTable([target(instance="a")]).values_by_target([bare], NAMES)

    assert told == {0: ({("", "", ""): 3}, set())}


def test_counters_without_any_label_are_told_as_those_of_no_address() -> None:
    bare = {"metric": {}, "value": [1.0, "3"]}

    assert read([target(instance="a")], [bare]) == ({0: {}}, {""})
    assert read([target(job="x")], [bare]) == ({0: {("", "", ""): 3}}, set())


def test_a_target_is_alone_where_no_other_has_its_address() -> None:
    table = TargetTable([target(instance="a", job="x"), target(instance="a", job="y"), target(instance="b")])

    assert [table.is_alone(index) for index in range(3)] == [False, False, True]


def test_counters_of_a_job_without_start_times_are_of_all_that_tell_them() -> None:
    targets = [
        target(instance="a", job="start", cluster="1", replica="x"),
        target(instance="a", job="start", cluster="1", replica="y"),
        target(instance="a", job="start", cluster="2", replica="x"),
    ]

    values, _ = read(targets, [row("7", instance="a", job="counters", cluster="1", pod="p")])

    assert values == {0: {KEY: 7}, 1: {KEY: 7}, 2: {}}


def test_an_instance_without_a_start_time_is_told() -> None:
    values, unmatched = read([target(instance="a")], [row("7", instance="b"), row("7", instance="a")])

    assert values == {0: {KEY: 7}}
    assert unmatched == {"b"}


def test_a_label_that_is_missing_is_an_empty_one() -> None:
    lacking = {"metric": {"instance": "a", "tenant": "acme"}, "value": [1.0, "3"]}

    values, _ = read([target(instance="a")], [lacking])

    assert values == {0: {("acme", "", ""): 3}}


def test_answers_to_a_batch_go_to_their_questions() -> None:
    rows = [
        row("7", instance="a", __incarnation="3"),
        row("8", instance="a", __incarnation="5"),
        row("6", instance="a", __incarnation="3", replica="1"),
    ]

    told = values_by_mark(rows, {3: {"instance": "a"}, 4: {"instance": "b"}, 5: {"instance": "a"}}, NAMES)

    assert {mark: one.values for mark, one in told.items()} == {3: {KEY: 7}, 4: {}, 5: {KEY: 8}}


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_targets_and_rows_decides_nothing(order: int) -> None:
    targets = {"pod": target(instance="a", pod="p"), "service": target(instance="a", service="s")}
    names = list(targets)[::order]
    both = row("5", instance="a", pod="p", service="s")
    own, other = (
        row("7", instance="a", pod="p", __incarnation="0"),
        row("9", instance="a", region="eu", __incarnation="0"),
    )

    values, _ = read([targets[name] for name in names], [both])
    marked = values_by_mark([own, other][::order], {0: targets["pod"].labels}, NAMES)

    assert dict(zip(names, (values[0], values[1]), strict=True)) == {"pod": {KEY: 5}, "service": {}}
    assert (marked[0].values, marked[0].borrowed) == ({KEY: 16}, {KEY})


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("123", 123), ("9007199254740992", 2**53), ("1e+06", 10**6), ("1.5e+22", 15 * 10**21)],
)
def test_a_counter_is_read_to_the_token(text: str, value: int) -> None:
    assert whole(text) == value


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "", "many"])
def test_what_is_no_number_is_a_failure(text: str) -> None:
    with pytest.raises(Unavailable):
        whole(text)


def test_label_values_cannot_leave_their_quotes() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
    assert quoted("\ufffd") == '"\\ufffd"'


def test_times_keep_their_milliseconds() -> None:
    assert instant_text(1_795_000_000_007) == "1795000000.007"
