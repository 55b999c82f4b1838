"""Who may talk to whom by the NetworkPolicies of a rendered chart, and who has to by its settings."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from delivery.chart.manifests import PodTemplate, namespace_of, pod_templates, secret_texts, texts, title
from delivery.chart.pod_security import containers_of
from delivery.chart.rendering import Manifest

NAMESPACE_NAME = "kubernetes.io/metadata.name"
# A word, perhaps with a namespace after it, and a port: `docuchat-redis:6379`.
_ADDRESS = re.compile(
    r"(?<![\w.-])(?P<name>[a-z][a-z0-9-]*)(?P<rest>(?:\.[a-z0-9-]+)*):(?P<port>\d{2,5})(?!\d)"
)


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """A connection between two pods of the chart, by their owners, to a port of the second."""

    client: str
    server: str
    port: int


@dataclass(slots=True)
class Network:
    """The pods, Services and NetworkPolicies of rendered manifests. A node may always probe its pods."""

    manifests: list[Manifest]
    home: str
    pods: list[PodTemplate] = field(init=False)

    def __post_init__(self) -> None:
        self.pods = list(pod_templates(self.manifests, self.home))

    def flows_allowed(self) -> set[Flow]:
        """Every flow between two pods that both of their policies let through."""
        return {
            Flow(client.owner, server.owner, port)
            for client in self.pods
            for server in self.pods
            for port in ports_of(server)
            if self._may_send(client, server, port) and self._may_receive(client, server, port)
        }

    def flows_implied(self) -> set[Flow]:
        """Every flow that a pod's environment, arguments or mounted files ask for by a Service's name and port."""
        return {
            Flow(client.owner, server.owner, port)
            for client in self.pods
            for name, namespace, asked in self._addresses_of(client)
            for server, port in self.behind(name, namespace, asked)
            if server.owner != client.owner
        }

    def unprotected(self) -> list[str]:
        """The pods that no policy isolates, in either direction."""
        return [
            f"{pod.owner}: {way}"
            for pod in self.pods
            for way in ("Ingress", "Egress")
            if not self.policies_of(pod, way)
        ]

    def dead_peers(self) -> list[str]:
        """Peers of a policy that are no pod of the chart although they are meant to be, and ports that nobody has."""
        return [
            f"{title(policy)}: {fault}"
            for policy in self._of_kind("NetworkPolicy")
            for way, key in (("ingress", "from"), ("egress", "to"))
            for rule in policy["spec"].get(way) or ()
            for fault in self._faults_of(policy, rule, rule.get(key) or (), is_ingress=way == "ingress")
        ]

    def may_leave(self, client: PodTemplate, port: int) -> bool:
        """Whether a pod may connect to this port of hosts outside the cluster."""
        return any(
            _has_port(rule, port, client)
            for policy in self.policies_of(client, "Egress")
            for rule in policy["spec"].get("egress") or ()
            if not rule.get("to") or any("ipBlock" in peer for peer in rule["to"])
        )

    def _faults_of(
        self, policy: Manifest, rule: Manifest, peers: Iterable[Manifest], *, is_ingress: bool
    ) -> Iterator[str]:
        own = [pod for pod in self.pods if self._selects(policy, pod)]
        if not own:
            yield "it selects no pod"
        for peer in peers:
            if not self._is_of_chart(peer):
                continue
            others = [pod for pod in self.pods if self._is_peer(policy, peer, pod)]
            if not others:
                yield f"no pod is {peer}"
            for port in rule.get("ports") or ():
                servers = own if is_ingress else others
                if not any(port_number(port["port"], server) in ports_of(server) for server in servers):
                    yield f"nobody listens on {port['port']} of {peer}"

    def _is_of_chart(self, peer: Manifest) -> bool:
        if "ipBlock" in peer:
            return False
        selector = peer.get("namespaceSelector")
        return selector is None or any(
            _matches(selector, self._labels_of(namespace)) for namespace in self._namespaces()
        )

    def policies_of(self, pod: PodTemplate, way: str) -> list[Manifest]:
        """The policies that close a pod in a direction, `Ingress` or `Egress`, but for what they name."""
        return [
            policy
            for policy in self._of_kind("NetworkPolicy")
            if self._selects(policy, pod) and way in policy["spec"]["policyTypes"]
        ]

    def _selects(self, policy: Manifest, pod: PodTemplate) -> bool:
        return namespace_of(policy, self.home) == pod.namespace and _matches(
            policy["spec"].get("podSelector") or {}, pod.labels
        )

    def _may_send(self, client: PodTemplate, server: PodTemplate, port: int) -> bool:
        policies = self.policies_of(client, "Egress")
        return not policies or self._lets_through(policies, ("egress", "to"), server, (port, server))

    def _may_receive(self, client: PodTemplate, server: PodTemplate, port: int) -> bool:
        policies = self.policies_of(server, "Ingress")
        return not policies or self._lets_through(policies, ("ingress", "from"), client, (port, server))

    def _lets_through(
        self,
        policies: list[Manifest],
        way: tuple[str, str],
        other: PodTemplate,
        port: tuple[int, PodTemplate],
    ) -> bool:
        return any(
            _has_port(rule, *port)
            and (not rule.get(way[1]) or self._is_any_peer(policy, rule[way[1]], other))
            for policy in policies
            for rule in policy["spec"].get(way[0]) or ()
        )

    def _is_any_peer(self, policy: Manifest, peers: Iterable[Manifest], pod: PodTemplate) -> bool:
        return any(self._is_peer(policy, peer, pod) for peer in peers)

    def _is_peer(self, policy: Manifest, peer: Manifest, pod: PodTemplate) -> bool:
        if "ipBlock" in peer:
            return False
        selector = peer.get("namespaceSelector")
        is_there = (
            pod.namespace == namespace_of(policy, self.home)
            if selector is None
            else _matches(selector, self._labels_of(pod.namespace))
        )
        return is_there and _matches(peer.get("podSelector") or {}, pod.labels)

    def _namespaces(self) -> set[str]:
        return {pod.namespace for pod in self.pods}

    def _labels_of(self, namespace: str) -> dict[str, str]:
        made = [each for each in self._of_kind("Namespace") if each["metadata"]["name"] == namespace]
        labels = made[0]["metadata"].get("labels") or {} if made else {}
        return {NAMESPACE_NAME: namespace, **labels}

    def _of_kind(self, kind: str) -> list[Manifest]:
        return [each for each in self.manifests if each["kind"] == kind]

    def _addresses_of(self, pod: PodTemplate) -> set[tuple[str, str, int]]:
        """Name, namespace and port of each Service that something of a pod names."""
        services = {each["metadata"]["name"] for each in self._of_kind("Service")}
        found: set[tuple[str, str, int]] = set()
        for text in self._texts_of(pod):
            for address in _ADDRESS.finditer(text):
                namespace = address["rest"].split(".")[1] if address["rest"] else pod.namespace
                found.add((address["name"], namespace, int(address["port"])))
            found |= {(name.partition(".")[0], self.home, port) for name, port in _discovered(text)}
        return {each for each in found if each[0] in services}

    def variables_of(self, pod: PodTemplate) -> dict[str, str]:
        """The environment of a pod's containers, from wherever it comes. What lies outside the chart is left out."""
        found: dict[str, str] = {}
        for container in containers_of(pod.spec):
            for source in container.get("envFrom") or ():
                for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                    if key in source:
                        found |= self._data(pod, kind, source[key]["name"])
            for variable in container.get("env") or ():
                found[variable["name"]] = variable.get("value") or self._referred(
                    pod, variable.get("valueFrom") or {}
                )
        return {name: value for name, value in found.items() if value}

    def configured_addresses(self, pod: PodTemplate) -> set[tuple[str, int]]:
        """Host and port of each address that a pod's files for Prometheus or Alertmanager name without discovery."""
        return {
            address
            for text in self._texts_of(pod)
            if "\nscrape_configs:" in text or "\nreceivers:" in text
            for address in _written(yaml.safe_load(text))
        }

    def _texts_of(self, pod: PodTemplate) -> Iterator[str]:
        for container in containers_of(pod.spec):
            yield from texts(container.get("command"))
            yield from texts(container.get("args"))
            for variable in container.get("env") or ():
                yield variable.get("value") or self._referred(pod, variable.get("valueFrom") or {})
            for source in container.get("envFrom") or ():
                yield from self._contents(pod, source)
        for volume in pod.spec.get("volumes") or ():
            for source in (volume, *(volume.get("projected") or {}).get("sources", ())):
                yield from self._contents(pod, source)

    def _contents(self, pod: PodTemplate, source: Mapping[str, Any]) -> Iterator[str]:
        for kind, keys in (
            ("ConfigMap", ("configMap", "configMapRef")),
            ("Secret", ("secret", "secretRef")),
        ):
            for key in keys:
                if found := source.get(key):
                    yield from self._data(pod, kind, found.get("name") or found.get("secretName")).values()

    def _referred(self, pod: PodTemplate, source: Mapping[str, Any]) -> str:
        for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
            if found := source.get(key):
                return self._data(pod, kind, found["name"]).get(found["key"], "")
        return ""

    def _data(self, pod: PodTemplate, kind: str, name: str) -> dict[str, str]:
        for each in self._of_kind(kind):
            if (each["metadata"]["name"], namespace_of(each, self.home)) == (name, pod.namespace):
                return secret_texts(each) if kind == "Secret" else each.get("data") or {}
        return {}

    def behind(self, name: str, namespace: str, asked: int) -> Iterator[tuple[PodTemplate, int]]:
        """The pods behind a Service, and the port of theirs to which one of the Service leads."""
        for service in self._of_kind("Service"):
            if (service["metadata"]["name"], namespace_of(service, self.home)) != (name, namespace):
                continue
            is_headless = service["spec"].get("clusterIP") == "None"
            for pod in self.pods:
                if pod.namespace != namespace or not _has_labels(service["spec"]["selector"], pod.labels):
                    continue
                for port in service["spec"]["ports"]:
                    target = port_number(port.get("targetPort", port["port"]), pod)
                    if asked == (target if is_headless else port["port"]):
                        yield pod, target


def ports_of(pod: PodTemplate) -> set[int]:
    """The numbers of the ports on which a pod says that it listens."""
    return {port["containerPort"] for each in containers_of(pod.spec) for port in each.get("ports") or ()}


def port_number(port: int | str, pod: PodTemplate) -> int:
    """The number of a port that a policy or a Service names; 0 where the pod has none of that name."""
    if isinstance(port, int):
        return port
    named = {
        each["name"]: each["containerPort"]
        for container in containers_of(pod.spec)
        for each in container.get("ports") or ()
        if "name" in each
    }
    return int(named.get(port, 0))


def _has_port(rule: Mapping[str, Any], port: int, server: PodTemplate) -> bool:
    ports = rule.get("ports")
    return not ports or any(
        "port" not in each or port_number(each["port"], server) == port
        for each in ports
        if each.get("protocol", "TCP") == "TCP"
    )


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return _has_labels(selector.get("matchLabels") or {}, labels) and all(
        _fulfils(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _fulfils(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None


def _has_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return wanted.items() <= labels.items()


def _written(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The targets and receivers that a configuration of Prometheus or Alertmanager names itself."""
    alerting = config.get("alerting") or {}
    for source in (*(config.get("scrape_configs") or ()), *(alerting.get("alertmanagers") or ())):
        scheme = source.get("scheme", "http")
        for target in (each for static in source.get("static_configs") or () for each in static["targets"]):
            yield _host_and_port(f"{scheme}://{target}")
    for text in texts(config.get("receivers")):
        if re.match(r"https?://", text):
            yield _host_and_port(text)
    for receiver in config.get("receivers") or ():
        for mail in receiver.get("email_configs") or ():
            if "smarthost" in mail:
                yield _host_and_port(f"smtp://{mail['smarthost']}")


def _host_and_port(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return str(parts.hostname), parts.port or {"https": 443, "smtp": 25}.get(parts.scheme, 80)


def _discovered(text: str) -> Iterator[tuple[str, int]]:
    """The names and ports that a Prometheus configuration looks up by DNS."""
    if "dns_sd_configs" not in text:
        return
    document = yaml.safe_load(text)
    for config in (
        *(document.get("scrape_configs") or ()),
        *((document.get("alerting") or {}).get("alertmanagers") or ()),
    ):
        for discovery in config.get("dns_sd_configs") or ():
            for name in discovery["names"]:
                yield name, discovery["port"]
