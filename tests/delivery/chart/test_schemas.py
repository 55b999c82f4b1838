"""The schemas of Kubernetes refuse a typo, a wrong type and a kind that a version does not have."""

from typing import Any

import pytest

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
