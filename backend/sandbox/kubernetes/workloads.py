"""DocuChat as it stands in the cluster on the first day."""

import base64

from backend.sandbox.kubernetes.store import Object, Store

REGISTRY = "registry.docuchat.example"
VERSION = "2.14.3"
_PARTS = {
    "docuchat-api": (3, 8000, "api"),
    "docuchat-worker": (2, 8001, "worker"),
    "docuchat-ingest": (1, 8002, "ingest"),
}
_SECRETS = ("docuchat-openai", "docuchat-jwt", "docuchat-database")


def create_docuchat(store: Store, namespace: str) -> None:
    """The namespace with its deployments and secrets; the controllers make the rest."""
    for name in ("default", namespace):
        store.create("namespaces", {"metadata": {"name": name}, "status": {"phase": "Active"}})
    for name in _SECRETS:
        value = base64.b64encode(f"sandbox-{name}".encode()).decode()
        secret = {
            "metadata": {"name": name, "namespace": namespace},
            "type": "Opaque",
            "data": {"value": value},
        }
        store.create("secrets", secret)
    for name in _PARTS:
        store.create("deployments", deployment(name, namespace))


def deployment(name: str, namespace: str) -> Object:
    """A deployment of DocuChat, as its chart would install it."""
    replicas, port, command = _PARTS[name]
    labels = {"app.kubernetes.io/name": "docuchat", "app.kubernetes.io/component": command}
    extra = {"app.kubernetes.io/version": VERSION, "helm.sh/chart": f"docuchat-{VERSION}"}
    container = {
        "name": command,
        "image": f"{REGISTRY}/docuchat:{VERSION}",
        "args": [command],
        "ports": [{"containerPort": port, "name": "http", "protocol": "TCP"}],
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {
                "name": "OPENAI_API_KEY",
                "valueFrom": {"secretKeyRef": {"name": "docuchat-openai", "key": "value"}},
            },
        ],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    }
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels | extra | {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                "meta.helm.sh/release-name": "docuchat",
                "meta.helm.sh/release-namespace": namespace,
            },
        },
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": labels},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "template": {"metadata": {"labels": labels | extra}, "spec": {"containers": [container]}},
        },
        "status": {},
    }
