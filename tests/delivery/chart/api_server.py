"""A server that answers Helm's questions about a cluster: which kinds there are, and which Secrets."""

import base64
import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from delivery.chart.manifests import CLUSTER_WIDE
from delivery.chart.rendering import Manifest

NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


@contextmanager
def api_server(kinds: Iterable[Manifest], secrets: Iterable[Manifest], folder: Path) -> Iterator[Path]:
    """A kubeconfig for a cluster that knows the kinds of these manifests and holds these Secrets."""
    paths = {**_discovery(kinds), **{_path_of(each): each for each in secrets}}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = paths.get(self.path.partition("?")[0])
            body = json.dumps(NOT_FOUND if found is None else found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(f"http://127.0.0.1:{server.server_port}")))
        yield kubeconfig
        server.shutdown()


def secret_named(name: str, values: Mapping[str, str], given: Mapping[str, str]) -> Manifest:
    """A Secret as a cluster holds it; ``given`` are its annotations."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata = {"name": name, "namespace": "docuchat-prod", "annotations": dict(given)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _path_of(secret: Manifest) -> str:
    metadata = secret["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}"


def _discovery(manifests: Iterable[Manifest]) -> dict[str, Any]:
    kinds = defaultdict(set)
    for each in manifests:
        kinds[each["apiVersion"]].add(each["kind"])
    groups = defaultdict(list)
    for version in kinds:
        group, _, name = version.rpartition("/")
        groups[group].append({"groupVersion": version, "version": name})
    lists = {
        f"/{'apis' if '/' in version else 'api'}/{version}": {
            "kind": "APIResourceList",
            "groupVersion": version,
            "resources": [_resource(kind) for kind in sorted(found)],
        }
        for version, found in kinds.items()
    }
    named = [
        {"name": group, "versions": versions, "preferredVersion": versions[0]}
        for group, versions in groups.items()
        if group
    ]
    return {
        "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": named},
        **lists,
    }


def _resource(kind: str) -> dict[str, Any]:
    plural = kind.lower()
    plural = (
        f"{plural[:-1]}ies"
        if plural.endswith("y")
        else f"{plural}es"
        if plural.endswith("s")
        else f"{plural}s"
    )
    return {
        "name": plural,
        "kind": kind,
        "namespaced": kind not in CLUSTER_WIDE,
        "verbs": ["get", "list", "create"],
    }


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
