"""DocuChat as it stands in the cluster on the first day: nodes, secrets, and what its chart installs."""

import base64
from dataclasses import dataclass, field

from backend.sandbox.kubernetes.defaults import defaulted
from backend.sandbox.kubernetes.store import Object, Store

REGISTRY = "registry.docuchat.example"
VERSION = "2.14.3"
PORTAL_VERSION = "0.1.0"
RUNBOOKS_SUFFIX = "-runbooks"
GPU = "nvidia.com/gpu"
GPU_NODE = "node-gpu-1"
_NODES = ("node-1", "node-2", "node-3")
OPENAI_KEY = "sk-sandbox-docuchat-of-the-first-day"
# One credential a Secret: whoever may change one of them may read no other.
SECRETS: dict[str, dict[str, str]] = {
    "docuchat-openai": {"value": OPENAI_KEY},
    "docuchat-jwt": {"keys": '{"k1": "c2FuZGJveC1kb2N1Y2hhdC1qd3QtMQ"}', "signing-kid": "k1"},
    "docuchat-database": {"username": "docuchat_a", "password": "sandbox-docuchat-database"},
    "docuchat-metrics": {
        "token": "sandbox-docuchat-metrics-of-the-first-day",
        "previous-token": "",
        "scrape-token": "sandbox-docuchat-metrics-of-the-first-day",
    },
}
# The environment variables that a workload reads from Secrets.
_OPENAI = {"OPENAI_API_KEY": ("docuchat-openai", "value")}
_JWT = {"JWT_KEYS": ("docuchat-jwt", "keys"), "JWT_SIGNING_KID": ("docuchat-jwt", "signing-kid")}
_DATABASE = {
    "DATABASE_USERNAME": ("docuchat-database", "username"),
    "DATABASE_PASSWORD": ("docuchat-database", "password"),
}
_METRICS = {
    "METRICS_TOKEN": ("docuchat-metrics", "token"),
    "METRICS_TOKEN_PREVIOUS": ("docuchat-metrics", "previous-token"),
}
_GPU_TAINT = {"key": GPU, "value": "present", "effect": "NoSchedule"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPlan:
    """A workload of DocuChat."""

    component: str
    kind: str = "deployments"
    replicas: int = 1
    port: int = 8000
    image: str = f"{REGISTRY}/docuchat:{VERSION}"
    requests: tuple[str, str] = ("250m", "512Mi")
    memory_limit: str = "1Gi"
    gpus: int = 0
    secrets: dict[str, tuple[str, str]] = field(default_factory=dict)


PARTS = {
    "docuchat-api": WorkloadPlan(component="api", replicas=3, secrets=_OPENAI | _JWT | _DATABASE),
    "docuchat-worker": WorkloadPlan(component="worker", replicas=2, port=8001, secrets=_OPENAI | _DATABASE),
    "docuchat-ingest": WorkloadPlan(component="ingest", port=8002, secrets=_OPENAI | _DATABASE),
    "docuchat-frontend": WorkloadPlan(
        component="frontend",
        replicas=2,
        port=3000,
        image=f"{REGISTRY}/docuchat-frontend:{VERSION}@sha256:{'4b1d' * 16}",
        requests=("100m", "128Mi"),
        memory_limit="256Mi",
    ),
    "docuchat-gpu-worker": WorkloadPlan(
        component="gpu-worker", port=8003, requests=("1", "4Gi"), memory_limit="8Gi", gpus=1
    ),
    "docuchat-portal": WorkloadPlan(
        component="portal",
        replicas=2,
        image=f"{REGISTRY}/docuchat-portal:{PORTAL_VERSION}",
        requests=("200m", "384Mi"),
        memory_limit="768Mi",
        secrets=_OPENAI | _METRICS,
    ),
    "docuchat-redis": WorkloadPlan(
        component="redis",
        kind="statefulsets",
        port=6379,
        replicas=2,
        image="docker.io/library/redis:8.2.2",
        requests=("100m", "256Mi"),
        memory_limit="512Mi",
    ),
    "docuchat-log-agent": WorkloadPlan(
        component="log-agent",
        kind="daemonsets",
        port=2020,
        image="docker.io/fluent/fluent-bit:4.1.1",
        requests=("50m", "64Mi"),
        memory_limit="128Mi",
    ),
}


def create_docuchat(store: Store, namespace: str) -> None:
    """The nodes, the namespace with its secrets, and the workloads; the controllers make the rest."""
    for name in (*_NODES, GPU_NODE):
        store.create("nodes", _node(name))
    for name in ("default", "kube-system", namespace, namespace + RUNBOOKS_SUFFIX):
        labels = {"kubernetes.io/metadata.name": name}
        store.create(
            "namespaces", {"metadata": {"name": name, "labels": labels}, "status": {"phase": "Active"}}
        )
    for name, values in SECRETS.items():
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        meta = {"name": name, "namespace": namespace}
        store.create("secrets", {"metadata": meta, "type": "Opaque", "data": data})
    for name, part in PARTS.items():
        store.create(part.kind, defaulted(part.kind, workload(name, part, namespace)))


def _node(name: str) -> Object:
    room = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    spec: Object = {}
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    if name == GPU_NODE:
        room |= {GPU: "1"}
        spec = {"taints": [_GPU_TAINT]}
        labels |= {f"{GPU}.present": "true"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"capacity": room, "allocatable": room, "conditions": [ready]},
    }


def workload(name: str, part: WorkloadPlan, namespace: str) -> Object:
    """A workload of DocuChat, as its chart would install it."""
    labels = {"app.kubernetes.io/name": "docuchat", "app.kubernetes.io/component": part.component}
    release = {"app.kubernetes.io/instance": "docuchat", "app.kubernetes.io/managed-by": "Helm"}
    version = part.image.partition("@")[0].rpartition(":")[2]
    extra = {"app.kubernetes.io/version": version, "helm.sh/chart": f"docuchat-{VERSION}"}
    notes = {"meta.helm.sh/release-name": "docuchat", "meta.helm.sh/release-namespace": namespace}
    spec: Object = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels | extra}, "spec": _pod(part)},
    }
    if part.kind != "daemonsets":
        spec["replicas"] = part.replicas
    if part.kind == "statefulsets":
        spec["serviceName"] = name
    meta = {"name": name, "namespace": namespace, "labels": labels | extra | release, "annotations": notes}
    return {"metadata": meta, "spec": spec, "status": {}}


def _pod(part: WorkloadPlan) -> Object:
    cpu, memory = part.requests
    gpus = {GPU: str(part.gpus)} if part.gpus else {}
    container: Object = {
        "name": part.component,
        "image": part.image,
        "args": [part.component],
        "ports": [{"containerPort": part.port, "name": "http", "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": cpu, "memory": memory, **gpus},
            "limits": {"memory": part.memory_limit, **gpus},
        },
    }
    if part.image.startswith(REGISTRY):
        container["env"] = [
            {"name": "LOG_LEVEL", "value": "info"},
            *(
                {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
                for name, (secret, key) in part.secrets.items()
            ),
        ]
        container["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5}
    pod: Object = {"containers": [container]}
    if part.gpus:
        pod["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
        pod["nodeSelector"] = {f"{GPU}.present": "true"}
    return pod
