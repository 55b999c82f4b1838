"""The NetworkPolicies let through exactly the flows that the settings of the pods ask for."""

from urllib.parse import urlsplit

import pytest
import yaml

from backend.config import Settings
from delivery.chart.incoming import Neighbours, visits_allowed, visits_implied
from delivery.chart.manifests import PodTemplate
from delivery.chart.network import Network
from delivery.chart.rendering import NAMESPACE, values_of
from delivery.chart.values import VALUES
from tests.delivery.chart.conftest import CLOSED, NEWEST, rendered_by

PORTS = {"https": 443, "http": 80, "postgresql": 5432, "rediss": 6379, "smtps": 465, "smtp": 25}
RUNNER = "ConfigMap/docuchat-runner-template: Job"


def test_every_pod_is_closed_in_both_directions(network: Network) -> None:
    assert network.unprotected() == []


def test_every_flow_has_a_client_and_a_server(network: Network) -> None:
    assert network.dead_peers() == []


def test_flows_are_those_that_settings_ask_for(network: Network) -> None:
    allowed, asked_for = network.flows_allowed(), network.flows_implied()

    assert (sorted(allowed - asked_for), sorted(asked_for - allowed)) == ([], [])


@pytest.mark.parametrize("variant", CLOSED)
def test_visits_from_other_namespaces_are_those_that_something_asks_for(variant: str) -> None:
    network = Network(rendered_by(NEWEST, variant), NAMESPACE)

    allowed, asked_for = visits_allowed(network), visits_implied(network, neighbours_of(variant))

    assert (sorted(allowed - asked_for), sorted(asked_for - allowed)) == ([], [])


def neighbours_of(variant: str) -> Neighbours:
    """The namespaces that the values of a variant name, or those of the chart."""
    named = {
        **yaml.safe_load(VALUES.read_text())["networkPolicies"],
        **(yaml.safe_load(values_of(variant).read_text()) or {}).get("networkPolicies", {}),
    }
    return Neighbours(ingress=named["ingressNamespace"], monitoring=named["monitoringNamespace"])


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


def test_every_pod_may_look_up_names(network: Network) -> None:
    for pod in network.pods:
        ports = {
            (port["protocol"], port["port"] in {53, 5353})
            for policy in network.policies_of(pod, "Egress")
            if policy["metadata"]["name"] == "docuchat-to-dns"
            for rule in policy["spec"]["egress"]
            for port in rule["ports"]
        }
        assert ports == {("UDP", True), ("TCP", True)}, pod.owner


# Who connects to the address in a setting; the other processes only have it.
PORTAL = {"portal", "jobs", "billing", "runner"}
CALLERS = {
    "DATABASE_URL": PORTAL,
    "PROMETHEUS_URL": PORTAL | {"grafana"},
    "ALERTMANAGER_URLS": PORTAL,
    "REDIS_URL": {"portal"},
    "ZIBAL_URL": {"portal", "jobs", "runner"},
    "OPENAI_BASE_URL": {"portal", "jobs", "runner"},
    "SMTP_URL": {"jobs"},
    "BACKUP_BUCKET_URL": {"jobs", "runner"},
    "DOCUCHAT_DATABASE_ADMIN_URL": {"runner"},
    "OTEL_EXPORTER_OTLP_ENDPOINT": PORTAL,
}
# Addresses for browsers.
LINKS = {"PUBLIC_URL", "PROMETHEUS_PUBLIC_URL", "ON_CALL_URL"}


def test_every_setting_with_an_address_is_known_as_a_flow_or_a_link() -> None:
    addresses = {
        name.upper() for name in Settings.model_fields if name.endswith(("_url", "_urls", "_endpoint"))
    }

    assert addresses == CALLERS.keys() | LINKS


def test_whoever_connects_to_an_address_outside_may(network: Network) -> None:
    for pod in network.pods:
        for name, value in network.variables_of(pod).items():
            if pod.component not in CALLERS.get(name, ()):
                continue
            for address in map(urlsplit, value.split(",")):
                host = str(address.hostname)
                # A pod of the release, or the sandbox that nobody runs here.
                if "." not in host or host.endswith(f".{NAMESPACE}.svc") or host == "127.0.0.1":
                    continue
                port = address.port or PORTS[address.scheme]
                assert network.may_leave(pod, port), f"{pod.owner} to {name}"


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
