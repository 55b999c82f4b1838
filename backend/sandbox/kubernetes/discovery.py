"""Discovery endpoints: versions, groups, resources."""

from backend.sandbox.kubernetes.resources import RESOURCES, Resource
from backend.sandbox.kubernetes.store import Object

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.2+sandbox",
    "platform": "linux/amd64",
    "goVersion": "none",
    "compiler": "none",
    "buildDate": "2026-01-01T00:00:00Z",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
}
_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
_REVIEWS = {
    "selfsubjectaccessreviews": ("SelfSubjectAccessReview", False),
    "subjectaccessreviews": ("SubjectAccessReview", False),
    "localsubjectaccessreviews": ("LocalSubjectAccessReview", True),
}
GROUPS = ("apps", "batch", "authorization.k8s.io", "storage.k8s.io", "snapshot.storage.k8s.io")


def api_versions() -> Object:
    """``/api``."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_groups() -> Object:
    """``/apis``."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in GROUPS]}


def api_resources(group: str) -> Object:
    """``/api/v1`` and ``/apis/<group>/v1``."""
    listed = [one for resource in RESOURCES.values() if resource.group == group for one in _entries(resource)]
    if group == "authorization.k8s.io":
        listed += [
            {"name": name, "singularName": "", "namespaced": is_local, "kind": kind, "verbs": ["create"]}
            for name, (kind, is_local) in _REVIEWS.items()
        ]
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}


def _group(name: str) -> Object:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _entries(resource: Resource) -> list[Object]:
    own = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
    }
    if resource.short:
        own["shortNames"] = [resource.short]
    below = []
    if resource.plural == "pods":
        below.append(("pods/log", "Pod", ["get"]))
    if resource.is_scalable:
        below.append((f"{resource.plural}/scale", "Scale", ["get", "patch", "update"]))
    if resource.has_status:
        below.append((f"{resource.plural}/status", resource.kind, ["get", "patch", "update"]))
    entries = [
        {"name": name, "singularName": "", "namespaced": resource.is_namespaced, "kind": kind, "verbs": verbs}
        | ({"group": "autoscaling", "version": "v1"} if kind == "Scale" else {})
        for name, kind, verbs in below
    ]
    return [own, *entries]
