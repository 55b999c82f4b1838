"""The NetworkPolicies let through exactly the flows that the settings of the pods ask for."""

import json
from urllib.parse import urlsplit

import pytest
import yaml

from backend.config import Settings
from delivery.chart.incoming import Neighbours, visits_allowed, visits_implied
from delivery.chart.manifests import PodTemplate
from delivery.chart.network import Network
from delivery.chart.rendering import NAMESPACE, ChartError, render, values_of
from delivery.chart.values import VALUES
from tests.delivery.chart.conftest import CLOSED, NEWEST, rendered_by

PORTS = {"https": 443, "http": 80, "postgresql": 5432, "rediss": 6379, "smtps": 465, "smtp": 25}
DISCOVERED = "prometheus.extraScrapeConfigs=[{job_name: a, consul_sd_configs: [{server: 'consul.io:8500'}]}]"
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


@pytest.mark.parametrize("beside", [[], ["grafana.host=grafana.example.com"]])
def test_where_something_else_lets_browsers_in_it_may_come_to_the_portal_alone(beside: list[str]) -> None:
    asked_for = ["ingress.enabled=false", "web.publicUrl=https://portal.example.com", *beside]
    manifests = render(NEWEST, "--values", str(values_of("production")), *map(given, asked_for))
    network = Network(manifests, NAMESPACE)

    assert {(each.server, each.port) for each in visits_allowed(network)} == {
        ("Deployment/docuchat-portal", 3000)
    }
    portal = next(pod for pod in network.pods if pod.component == "portal")
    assert network.variables_of(portal)["PROXY_HOPS"] == "1"


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
                if not is_outside(host):
                    continue
                port = address.port or PORTS[address.scheme]
                assert network.may_leave(pod, port), f"{pod.owner} to {name}"


def test_whoever_is_told_of_an_address_outside_by_a_file_may_connect_to_it(network: Network) -> None:
    refused = [
        f"{pod.owner} to {host}:{port}"
        for pod in network.pods
        for host, port in network.configured_addresses(pod)
        if is_outside(host) and not network.may_leave(pod, port)
    ]

    assert refused == []


def test_files_with_addresses_outside_are_among_those_that_are_read() -> None:
    network = Network(rendered_by(NEWEST, "everything"), NAMESPACE)
    written = {
        (pod.component, *address) for pod in network.pods for address in network.configured_addresses(pod)
    }

    assert {each for each in written if is_outside(each[1])} == {
        ("prometheus", "postgres-exporter.example.com", 9187),
        ("alertmanager", "night.example.com", 443),
        ("alertmanager", "mail.example.com", 587),
    }


@pytest.mark.parametrize(
    ("asked_for", "part", "ports"),
    [
        pytest.param(
            ["alertmanager.receivers=[{name: night, pagerduty_configs: [{routing_key_file: /k}]}]"],
            "alertmanager",
            {443},
            id="a receiver with the vendor's own address",
        ),
        pytest.param(
            [
                "prometheus.extraScrapeConfigs=[{job_name: a, scheme: https, static_configs: [{targets: [a.io]}]}]"
            ],
            "prometheus",
            {443},
            id="a target without a port",
        ),
        pytest.param(
            [
                DISCOVERED,
                "networkPolicies.ports.scrapes=[8500, 9100]",
            ],
            "prometheus",
            {8500, 9100},
            id="targets that Prometheus discovers",
        ),
        pytest.param(
            [
                "prometheus.extraScrapeConfigs=[{job_name: a, dns_sd_configs: [{names: [a.io], type: A, port: 9100}]}]"
            ],
            "prometheus",
            {9100},
            id="targets that the DNS knows",
        ),
        pytest.param(
            ["alertmanager.enabled=false", "alertmanager.urls=https://alerts.example.com:9443"],
            "prometheus",
            {9443},
            id="another Alertmanager",
        ),
    ],
)
def test_what_the_operator_adds_to_monitoring_may_be_reached(
    asked_for: list[str], part: str, ports: set[int]
) -> None:
    network = Network(render(NEWEST, *map(given, asked_for)), NAMESPACE)
    pod = next(each for each in network.pods if each.component == part)

    assert {port for port in (80, 443, 9100, 8500, 9443) if network.may_leave(pod, port)} == ports


def given(asked_for: str) -> str:
    """An argument for Helm that gives a value in YAML."""
    name, value = asked_for.split("=", 1)
    return f"--set-json={name}={json.dumps(yaml.safe_load(value))}"


def test_targets_that_are_discovered_at_unknown_ports_are_refused_with_what_to_do() -> None:
    with pytest.raises(ChartError, match=r"networkPolicies\.ports\.scrapes"):
        render(NEWEST, given(DISCOVERED))


def is_outside(host: str) -> bool:
    """Whether an address is neither a pod of the release nor on the pod itself, where the sandbox would be."""
    return "." in host and not host.endswith(f".{NAMESPACE}.svc") and host != "127.0.0.1"


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
