"""Discovery endpoints: versions, groups, resources."""

from backend.sandbox.kubernetes.store import RESOURCES, Object, Resource

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4+sandbox",
    "platform": "linux/amd64",
    "goVersion": "none",
    "compiler": "none",
    "buildDate": "2026-01-01T00:00:00Z",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
}
_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
_SUBRESOURCES = {
    "pods": [("pods/log", "Pod", ["get"])],
    "deployments": [("deployments/scale", "Scale", ["get", "patch", "update"])],
}
GROUPS = ("apps", "batch", "authorization.k8s.io")


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
        review = {
            "name": "selfsubjectaccessreviews",
            "singularName": "",
            "namespaced": False,
            "verbs": ["create"],
        }
        listed.append(review | {"kind": "SelfSubjectAccessReview"})
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
    below = [
        {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs}
        | ({"group": "autoscaling", "version": "v1"} if kind == "Scale" else {})
        for name, kind, verbs in _SUBRESOURCES.get(resource.plural, [])
    ]
    return [own, *below]
