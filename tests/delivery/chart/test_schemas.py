"""The schemas of Kubernetes refuse a typo, a wrong type and a kind that a version does not have."""

from typing import Any

import pytest

from delivery.chart.operator_kinds import GROUP
from delivery.chart.schemas import VERSIONS, faults

CONTAINER = {"name": "web", "image": "web:1"}


def pod(**container: Any) -> dict[str, Any]:
    spec = {"containers": [{**CONTAINER, **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_fault_is_named_with_its_place(version: str) -> None:
    assert faults(pod(), version) == []
    assert faults(pod(porst=[]), version) == [
        "spec.containers.0: Additional properties are not allowed ('porst' was unexpected)"
    ]
    assert faults(pod(ports=[{"containerPort": "80"}]), version) == [
        "spec.containers.0.ports.0.containerPort: '80' is not of type 'integer'"
    ]


def test_a_kind_of_an_old_api_is_none() -> None:
    with pytest.raises(LookupError, match="has no kind CronJob of batch/v1beta1"):
        faults({"apiVersion": "batch/v1beta1", "kind": "CronJob"}, VERSIONS[0])


def of_operator(kind: str, version: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": "portal"}, "spec": spec}


ENDPOINT = {"port": "http", "interval": "15s"}
RULE = {"alert": "Down", "expr": "up == 0", "for": "1h30m"}


@pytest.mark.parametrize(
    ("kind", "spec", "fault"),
    [
        ("ServiceMonitor", {"selector": {}, "endpoints": [ENDPOINT]}, ""),
        ("ServiceMonitor", {"endpoints": [ENDPOINT]}, "spec: 'selector' is a required property"),
        ("ServiceMonitor", {"selector": {}, "endpoints": [{**ENDPOINT, "interval": "15"}]}, "interval: '15'"),
        ("ServiceMonitor", {"selector": {}, "endpoints": [{**ENDPOINT, "bearerToken": "x"}]}, "bearerToken"),
        ("PrometheusRule", {"groups": [{"name": "a", "rules": [RULE]}]}, ""),
        ("PrometheusRule", {"groups": [{"name": "a", "rules": [{**RULE, "for": "30m1h"}]}]}, "for: '30m1h'"),
        ("PrometheusRule", {"groups": [{"name": "a", "rules": [{"alert": "Down"}]}]}, "'expr' is a required"),
        ("PrometheusRule", {"group": []}, "'group' was unexpected"),
    ],
)
def test_a_fault_in_a_kind_of_the_operator_is_named(kind: str, spec: dict[str, Any], fault: str) -> None:
    found = faults(of_operator(kind, "v1", **spec), VERSIONS[0])

    assert len(found) == bool(fault)
    assert fault in "".join(found)


def test_a_matcher_of_the_operator_is_no_text() -> None:
    route = {"receiver": "portal", "routes": [{"receiver": "portal", "matchers": ["severity=page"]}]}

    [fault] = faults(of_operator("AlertmanagerConfig", "v1alpha1", route=route), VERSIONS[0])

    assert fault.startswith("spec.route.routes.0.matchers.0: 'severity=page' is not of type 'object'")
