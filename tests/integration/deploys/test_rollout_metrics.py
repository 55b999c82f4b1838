"""What the portal knows of rollouts stands in its exposition, with and without a database."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from backend import config
from portal.http.business_metrics import BusinessMetrics
from tests.integration.deploys.conftest import Site
from tests.waiting import until

STUCK = (
    'portal_rollout_stuck{reason="image_pull",workload="docuchat-api",workload_kind="Deployment",'
    'workload_namespace="docuchat"}'
)
OURS = ("portal_database_up", "portal_kubernetes_up", "portal_rollout_stuck")


def told() -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(BusinessMetrics())
    lines = (line.split() for line in generate_latest(registry).decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in lines if name.startswith(OURS)}


def test_a_stuck_rollout_is_told_until_it_goes_on(view: Site) -> None:
    assert told() == {"portal_database_up": 0, "portal_kubernetes_up": 1}

    view.change_container("docuchat-api", image="registry.docuchat.example/docuchat:missing")
    until(lambda: told().get(STUCK) == 1)
    view.change_container("docuchat-api", image="registry.docuchat.example/docuchat:2.14.3")
    until(lambda: told() == {"portal_database_up": 0, "portal_kubernetes_up": 1})


def test_without_a_cluster_nothing_is_told_of_one_and_a_wrong_file_is_trouble(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kubeconfig, expected in (("", None), ("/no/such/file", 0)):
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
        config.settings.cache_clear()

        assert told().get("portal_kubernetes_up") == expected
