"""The rule of flows knows what NetworkPolicies let through, what settings ask for, and which policies are dead."""

from typing import Any

import yaml

from delivery.chart.network import Flow, Network

HOME = "prod"
PODS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {part: web}}
    spec:
      containers:
        - name: web
          ports: [{name: http, containerPort: 3000}]
          env:
            - {name: STORE, value: "redis://:password@store:6379/0"}
            - name: DATABASE_URL
              valueFrom: {secretKeyRef: {name: database, key: url}}
---
apiVersion: v1
kind: Secret
metadata: {name: database}
stringData: {url: "postgresql://portal:secret@database.prod.svc:5432/portal"}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  template:
    metadata: {labels: {part: store}}
    spec: {containers: [{name: store, ports: [{name: store, containerPort: 6380}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: store}
spec: {selector: {part: store}, ports: [{port: 6379, targetPort: store}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: database}
spec:
  template:
    metadata: {labels: {part: database}}
    spec: {containers: [{name: database, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: database}
spec: {selector: {part: database}, ports: [{port: 5432}]}
"""
DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
STORE = Flow("Deployment/web", "StatefulSet/store", 6380)
DATABASE = Flow("Deployment/web", "StatefulSet/database", 5432)


def policy(name: str, part: str, **ways: Any) -> str:
    spec = {
        "podSelector": {"matchLabels": {"part": part}},
        "policyTypes": [way.capitalize() for way in ways],
        **ways,
    }
    return yaml.safe_dump({"kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec})


def peer(part: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"part": part}}}


def network(*documents: str) -> Network:
    return Network([each for each in yaml.safe_load_all("\n---\n".join((PODS, *documents))) if each], HOME)


TO_STORE = policy("to-store", "web", egress=[{"to": [peer("store")], "ports": [{"port": "store"}]}])
FROM_WEB = policy("from-web", "store", ingress=[{"from": [peer("web")], "ports": [{"port": 6380}]}])


def test_settings_imply_flows_to_the_pods_behind_the_services_that_they_name() -> None:
    assert network().flows_implied() == {STORE, DATABASE}


def test_without_a_policy_everybody_may_talk_to_everybody() -> None:
    assert {STORE, DATABASE} < network().flows_allowed()
    assert len(network().unprotected()) == 6


def test_a_flow_needs_the_word_of_both_ends() -> None:
    assert network(DENY).flows_allowed() == set()
    assert network(DENY, TO_STORE).flows_allowed() == set()
    assert network(DENY, FROM_WEB).flows_allowed() == set()
    assert network(DENY, TO_STORE, FROM_WEB).flows_allowed() == {STORE}
    assert network(DENY).unprotected() == []


def test_another_namespace_is_another_peer() -> None:
    elsewhere = peer("web") | {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
    from_elsewhere = policy("from-web", "store", ingress=[{"from": [elsewhere]}])

    assert network(DENY, TO_STORE, from_elsewhere).flows_allowed() == set()


def test_a_peer_that_no_pod_is_and_a_port_that_nobody_has_are_dead() -> None:
    wrong_peer = policy("wrong-peer", "web", egress=[{"to": [peer("stroe")]}])
    wrong_port = policy("wrong-port", "web", egress=[{"to": [peer("store")], "ports": [{"port": 6379}]}])
    wrong_owner = policy("wrong-owner", "wbe", egress=[{"to": [peer("store")]}])
    right = policy("outside", "web", egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])

    assert network(DENY, TO_STORE, FROM_WEB, right).dead_peers() == []
    assert [
        fault.partition(":")[0] for fault in network(wrong_peer, wrong_port, wrong_owner).dead_peers()
    ] == [
        "NetworkPolicy/wrong-peer",
        "NetworkPolicy/wrong-port",
        "NetworkPolicy/wrong-owner",
    ]


def test_whoever_may_leave_the_cluster_is_known_by_the_port() -> None:
    right = policy(
        "outside", "web", egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}]
    )
    found = network(DENY, right)
    web = next(pod for pod in found.pods if pod.owner == "Deployment/web")

    assert (found.may_leave(web, 443), found.may_leave(web, 25)) == (True, False)


def test_names_that_prometheus_looks_up_imply_flows() -> None:
    prometheus = """
kind: Deployment
metadata: {name: prometheus}
spec:
  template:
    metadata: {labels: {part: prometheus}}
    spec:
      containers: [{name: prometheus}]
      volumes: [{name: config, configMap: {name: prometheus}}]
---
kind: ConfigMap
metadata: {name: prometheus}
data:
  prometheus.yml: |
    scrape_configs:
      - job_name: store
        dns_sd_configs: [{names: [store-pods.prod.svc], type: A, port: 6380}]
---
kind: Service
metadata: {name: store-pods}
spec: {clusterIP: None, selector: {part: store}, ports: [{port: 6380, targetPort: store}]}
"""

    assert Flow("Deployment/prometheus", "StatefulSet/store", 6380) in network(prometheus).flows_implied()
