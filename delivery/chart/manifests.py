"""What stands in rendered manifests: pods, wherever a template of one is written, and names."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from delivery.chart.rendering import Manifest, read

TEST_HOOK = "test"
CLUSTER_WIDE = frozenset(
    {
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "PersistentVolume",
        "StorageClass",
        "CustomResourceDefinition",
        "PriorityClass",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTemplate:
    """A pod that a manifest makes, or lets somebody make."""

    owner: str
    kind: str
    name: str
    namespace: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]

    @property
    def component(self) -> str:
        """The part of the chart that it belongs to."""
        return self.labels.get("app.kubernetes.io/component", "")


def title(manifest: Manifest) -> str:
    """A manifest as messages name it."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def namespace_of(manifest: Manifest, home: str) -> str:
    """Where an object lies; empty for what lies in no namespace."""
    if manifest["kind"] in CLUSTER_WIDE:
        return ""
    return str(manifest["metadata"].get("namespace") or home)


def pod_templates(manifests: Iterable[Manifest], home: str) -> Iterator[PodTemplate]:
    """Every pod template: of workloads, CronJobs, hooks, tests, and of Jobs that lie as YAML in a ConfigMap."""
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            for inner in _manifests_in(manifest):
                yield from _templates_of(inner, home, f"{title(manifest)}: {inner['kind']}")
        else:
            yield from _templates_of(manifest, home, title(manifest))


def _templates_of(manifest: Manifest, home: str, owner: str) -> Iterator[PodTemplate]:
    template = _template_in(manifest)
    if template is None:
        return
    metadata = template.get("metadata") or {}
    yield PodTemplate(
        owner=owner,
        kind=manifest["kind"],
        name=manifest.get("metadata", {}).get("name", ""),
        namespace=namespace_of({"metadata": {}, **manifest}, home),
        labels=metadata.get("labels") or {},
        spec=template["spec"],
    )


def _template_in(manifest: Manifest) -> Manifest | None:
    spec = manifest.get("spec") or {}
    match manifest["kind"]:
        case "Pod":
            return manifest
        case "CronJob":
            found: Manifest = spec["jobTemplate"]["spec"]["template"]
            return found
        case "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicaSet":
            workload: Manifest = spec["template"]
            return workload
        case _:
            return None


def _manifests_in(config_map: Manifest) -> Iterator[Manifest]:
    for name, text in (config_map.get("data") or {}).items():
        if name.endswith((".yaml", ".yml")) and "kind: Job" in text:
            yield from read(text)


def secret_texts(manifest: Manifest) -> dict[str, str]:
    """The plain contents of a Secret by their keys."""
    encoded = {
        key: base64.b64decode(value).decode() for key, value in (manifest.get("data") or {}).items() if value
    }
    return {**encoded, **(manifest.get("stringData") or {})}


def texts(value: object) -> Iterator[str]:
    """Every text within a structure, keys included."""
    match value:
        case str():
            yield value
        case Mapping():
            for key, inner in value.items():
                yield str(key)
                yield from texts(inner)
        case list() | tuple():
            for inner in value:
                yield from texts(inner)
        case _:
            return
