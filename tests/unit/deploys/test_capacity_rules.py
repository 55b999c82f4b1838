"""Room for more pods."""

from decimal import Decimal

import pytest

from backend.deploys.capacity_rules import (
    NodeMark,
    NodeRoom,
    PodWish,
    pod_needs,
    pods_that_fit,
    quantity,
    shortage,
    unfit_because,
)

TAINT = NodeMark(key="gpu", value="yes", effect="NoSchedule")
NODE = NodeRoom(
    name="node-1", labels={"gpu": "a100"}, taints=[TAINT], is_schedulable=True, is_ready=True, gpus=2
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("250m", "0.25"), ("2", "2"), ("1.5", "1.5"), ("512Mi", "536870912"), ("4Gi", "4294967296"),
        ("1k", "1000"), ("3M", "3000000"), ("100u", "0.0001"), ("1e3", "1000"), ("0", "0"), ("2E", "2e18"),
    ],
)  # fmt: skip
def test_a_quantity_is_read_as_the_cluster_writes_it(written: str, meant: str) -> None:
    assert quantity(written) == Decimal(meant)


@pytest.mark.parametrize("written", ["", "one", "Mi", "1Qi"])
def test_what_is_no_quantity_is_not_guessed(written: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity(written)


def test_a_pod_needs_what_its_containers_ask_for_together() -> None:
    needs = pod_needs([({"cpu": "250m", "memory": "1Gi"}, {"memory": "2Gi"}), ({"cpu": "1"}, {})])

    assert {name: str(needs[name]) for name in ("requests.cpu", "cpu", "limits.memory", "pods")} == {
        "requests.cpu": "1.250",
        "cpu": "1.250",
        "limits.memory": "2147483648",
        "pods": "1",
    }


@pytest.mark.parametrize(
    ("hard", "used", "pods", "short"),
    [
        pytest.param({"pods": "10"}, {"pods": "8"}, 2, None, id="just enough"),
        pytest.param({"pods": "10"}, {"pods": "8"}, 3, ("pods", 3, 2), id="one too many"),
        pytest.param(
            {"requests.cpu": "1"}, {"requests.cpu": "1200m"}, 1, ("requests.cpu", 1, 0), id="overdrawn"
        ),
        pytest.param({"services": "0"}, {}, 9, None, id="nothing of it is needed"),
        pytest.param({"requests.cpu": "2"}, {}, 2, None, id="nothing is used yet"),
    ],
)
def test_a_quota_names_what_it_has_too_little_of(
    hard: dict[str, str], used: dict[str, str], pods: int, short: tuple[str, int, int] | None
) -> None:
    needs = pod_needs([({"cpu": "1"}, {})])

    assert shortage(hard, used, needs, pods) == short


def pod(selector: dict[str, str], *tolerations: NodeMark) -> PodWish:
    return PodWish(selector=selector, tolerations=tolerations, needs={})


@pytest.mark.parametrize(
    ("wish", "node", "why"),
    [
        pytest.param(pod({"gpu": "a100"}, TAINT), NODE, "", id="fits"),
        pytest.param(pod({}, NodeMark(key="gpu", is_any_value=True)), NODE, "", id="any value and effect"),
        pytest.param(pod({}, NodeMark(key="", is_any_value=True)), NODE, "", id="bears everything"),
        pytest.param(
            pod({}, NodeMark(key="gpu", value="no", effect="NoSchedule")), NODE, "taint", id="value"
        ),
        pytest.param(
            pod({}, NodeMark(key="gpu", value="yes", effect="NoExecute")), NODE, "taint", id="effect"
        ),
        pytest.param(pod({}), NODE, "taint", id="bears nothing"),
        pytest.param(pod({"gpu": "h100"}, TAINT), NODE, "labels", id="labels"),
    ],
)
def test_a_node_takes_a_pod_by_its_labels_and_marks(wish: PodWish, node: NodeRoom, why: str) -> None:
    assert unfit_because(node, wish) == why


@pytest.mark.parametrize(("flag", "why"), [("is_schedulable", "cordoned"), ("is_ready", "not_ready")])
def test_a_node_that_takes_no_pods_at_all_says_why(flag: str, why: str) -> None:
    room = NodeRoom(
        **{"name": "n", "labels": {}, "taints": [], "is_schedulable": True, "is_ready": True, "gpus": 1}  # type: ignore[arg-type]
        | {flag: False}
    )

    assert unfit_because(room, pod({})) == why


def test_a_mark_that_only_prefers_keeps_no_pod_away() -> None:
    prefers = NodeMark(key="gpu", effect="PreferNoSchedule")
    node = NodeRoom(name="n", labels={}, taints=[prefers], is_schedulable=True, is_ready=True, gpus=1)

    assert unfit_because(node, pod({})) == ""


def test_a_pod_finds_its_gpus_on_one_node_or_not_at_all() -> None:
    assert [pods_that_fit([1, 1, 3, -1], per_pod) for per_pod in (1, 2, 4, 0)] == [5, 1, 0, 0]
