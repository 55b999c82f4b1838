"""Who comes to the pods of a rendered chart from other namespaces: by its NetworkPolicies, and by what asks for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from delivery.chart.manifests import PodTemplate, namespace_of
from delivery.chart.network import NAMESPACE_NAME, Network, port_number
from delivery.chart.rendering import Manifest

SERVICE_NAME = "__meta_kubernetes_service_name"
# The port of each part that a Prometheus scrapes.
SCRAPED = {"portal": "http", "jobs": "metrics", "api": "http", "alertmanager": "http", "grafana": "http"}


@dataclass(frozen=True, slots=True, order=True)
class Visit:
    """A connection from a namespace outside the chart to a port of one of its pods, by the pod's owner."""

    namespace: str
    server: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The namespaces in which an ingress controller and an operator of Prometheus live."""

    ingress: str
    monitoring: str


def visits_allowed(network: Network) -> set[Visit]:
    """Every visit that a policy lets through, from a namespace that it names and the chart has no pods in."""
    own = {pod.namespace for pod in network.pods}
    return {
        Visit(namespace, pod.owner, port_number(port["port"], pod))
        for pod in network.pods
        for policy in network.policies_of(pod, "Ingress")
        for rule in policy["spec"].get("ingress") or ()
        for peer in rule["from"]
        if (namespace := _namespace_in(peer)) not in {*own, ""}
        for port in rule["ports"]
    }


def visits_implied(network: Network, neighbours: Neighbours) -> set[Visit]:
    """Every visit that an Ingress, a ServiceMonitor or a webhook of an AlertmanagerConfig asks for.

    A Prometheus and an Alertmanager outside the release come without an object that says so.
    """
    found: set[Visit] = set()
    for each in network.manifests:
        match each["kind"]:
            case "Ingress":
                asked, visitors = _by_ingress(network, each), neighbours.ingress
            case "ServiceMonitor":
                asked, visitors = _by_monitor(network, each), neighbours.monitoring
            case "AlertmanagerConfig":
                asked, visitors = _by_webhooks(network, each), neighbours.monitoring
            case _:
                continue
        found |= {Visit(visitors, pod.owner, port) for pod, port in asked}
    return found | {Visit(neighbours.monitoring, pod.owner, port) for pod, port in _from_outside(network)}


def _from_outside(network: Network) -> Iterator[tuple[PodTemplate, int]]:
    """What a Prometheus scrapes, and an Alertmanager wakes, where the release runs none itself."""
    parts = {pod.component for pod in network.pods}
    for pod in network.pods:
        if "prometheus" not in parts and pod.component in SCRAPED:
            yield pod, port_number(SCRAPED[pod.component], pod)
        if "alertmanager" not in parts and pod.component == "portal":
            yield pod, port_number("http", pod)


def _namespace_in(peer: Manifest) -> str:
    labels = (peer.get("namespaceSelector") or {}).get("matchLabels") or {}
    return str(labels.get(NAMESPACE_NAME, ""))


def _by_ingress(network: Network, ingress: Manifest) -> Iterator[tuple[PodTemplate, int]]:
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            yield from _behind(network, service["name"], namespace_of(ingress, network.home), service["port"])


def _by_monitor(network: Network, monitor: Manifest) -> Iterator[tuple[PodTemplate, int]]:
    wanted = monitor["spec"]["selector"]["matchLabels"]
    for service in network.manifests:
        if service["kind"] != "Service" or not wanted.items() <= service["metadata"]["labels"].items():
            continue
        for endpoint in monitor["spec"]["endpoints"]:
            if _keeps(endpoint, service["metadata"]["name"]):
                names = {"name": endpoint["port"]}
                yield from _behind(
                    network, service["metadata"]["name"], namespace_of(service, network.home), names
                )


def _keeps(endpoint: dict[str, Any], service: str) -> bool:
    return all(
        re.fullmatch(each["regex"], service)
        for each in endpoint.get("relabelings") or ()
        if each.get("action") == "keep" and each["sourceLabels"] == [SERVICE_NAME]
    )


def _by_webhooks(network: Network, config: Manifest) -> Iterator[tuple[PodTemplate, int]]:
    for receiver in config["spec"]["receivers"]:
        for webhook in receiver.get("webhookConfigs") or ():
            address = urlsplit(webhook["url"])
            name, namespace = str(address.hostname).split(".")[:2]
            yield from _behind(network, name, namespace, {"number": address.port or 80})


def _behind(
    network: Network, name: str, namespace: str, port: dict[str, Any]
) -> Iterator[tuple[PodTemplate, int]]:
    """The pods behind a port of a Service, which an Ingress names by its name or its number."""
    for service in network.manifests:
        if (service["kind"], service["metadata"]["name"]) != ("Service", name):
            continue
        for each in service["spec"]["ports"]:
            if port in ({"name": each.get("name")}, {"number": each["port"]}):
                yield from network.behind(name, namespace, each["port"])
