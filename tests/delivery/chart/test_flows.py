"""The NetworkPolicies let through exactly the flows that the settings of the pods ask for."""

import pytest

from delivery.chart.manifests import PodTemplate
from delivery.chart.network import Network
from delivery.chart.rendering import NAMESPACE
from tests.delivery.chart.conftest import NEWEST, rendered_by

RUNNER = "ConfigMap/docuchat-runner-template: Job"


def test_every_pod_is_closed_in_both_directions(network: Network) -> None:
    assert network.unprotected() == []


def test_every_flow_has_a_client_and_a_server(network: Network) -> None:
    assert network.dead_peers() == []


def test_flows_are_those_that_settings_ask_for(network: Network) -> None:
    allowed, asked_for = network.flows_allowed(), network.flows_implied()

    assert (sorted(allowed - asked_for), sorted(asked_for - allowed)) == ([], [])


def test_the_flows_of_the_smallest_release_are_these() -> None:
    allowed = Network(rendered_by(NEWEST, "minimal"), NAMESPACE).flows_allowed()
    portal = ("Deployment/docuchat-portal", "Deployment/docuchat-jobs", "CronJob/docuchat-billing", RUNNER)
    database, prometheus = "StatefulSet/docuchat-postgresql", "StatefulSet/docuchat-prometheus"
    alertmanager, grafana = "StatefulSet/docuchat-alertmanager", "Deployment/docuchat-grafana"

    assert {(flow.client, flow.server) for flow in allowed} >= {
        *((client, server) for client in portal for server in (database, prometheus, alertmanager)),
        (grafana, prometheus),
        (prometheus, "Deployment/docuchat-portal"),
        (prometheus, "Deployment/docuchat-jobs"),
        (prometheus, alertmanager),
        (alertmanager, "Deployment/docuchat-portal"),
    }


@pytest.fixture
def pods() -> dict[str, PodTemplate]:
    network = Network(rendered_by(NEWEST, "minimal"), NAMESPACE)
    return {pod.component: pod for pod in network.pods}


@pytest.mark.parametrize(
    ("part", "ports"),
    [
        ("portal", {443, 6443}),
        ("jobs", {25, 443, 465, 587, 6443}),
        ("runner", {443, 6443}),
        ("billing", set()),
        ("postgresql", set()),
        ("redis", set()),
        ("prometheus", set()),
        ("alertmanager", set()),
        ("grafana", set()),
    ],
)
def test_who_leaves_the_cluster_does_so_for_a_reason(
    pods: dict[str, PodTemplate], part: str, ports: set[int]
) -> None:
    network = Network(rendered_by(NEWEST, "minimal"), NAMESPACE)
    asked = (22, 25, 80, 443, 465, 587, 5432, 6379, 6443, 8080)

    assert {port for port in asked if network.may_leave(pods[part], port)} == ports
