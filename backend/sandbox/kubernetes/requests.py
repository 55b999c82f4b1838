"""A call to the API: its parsed request, and its answer."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from backend.sandbox.kubernetes.access import Wish
from backend.sandbox.kubernetes.patches import patched
from backend.sandbox.kubernetes.pods import Kubelet, pod_of
from backend.sandbox.kubernetes.selectors import selector
from backend.sandbox.kubernetes.store import RESOURCES, Object, RefusedError, Resource, Store

_WATCH_S = 300.0
_POLL_S = 0.2
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call, taken apart."""

    verb: str
    resource: Resource
    namespace: str
    name: str
    subresource: str
    query: dict[str, str]
    body: Any
    content_type: str

    @classmethod
    async def from_request(cls, request: Request, plural: str) -> Self:
        """Read a call from HTTP.

        Raises:
            RefusedError: the body is no JSON.
        """
        parts, query = request.path_params, dict(request.query_params)
        verb = _VERBS.get(request.method)
        if verb is None:
            watches = query.get("watch") in {"1", "true"}
            verb = "get" if "name" in parts else "watch" if watches else "list"
        return cls(
            verb=verb,
            resource=RESOURCES[plural],
            namespace=parts.get("namespace", ""),
            name=parts.get("name", ""),
            subresource=parts.get("subresource", ""),
            query=query,
            body=await json_of(request),
            content_type=request.headers.get("content-type", ""),
        )

    @property
    def plural(self) -> str:
        """The resource's name in addresses."""
        return self.resource.plural

    @property
    def wish(self) -> Wish:
        """The permission that this call needs."""
        below = f"/{self.subresource}" if self.subresource else ""
        return Wish(verb=self.verb, group=self.resource.group, resource=self.plural + below, name=self.name)

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be kept."""
        return self.query.get("dryRun") == "All"


async def json_of(request: Request) -> Any:  # noqa: ANN401 - JSON
    """The body, or an empty object when there is none.

    Raises:
        RefusedError: 415 for the binary form that typed Go clients prefer, 400 for what is no JSON.
    """
    raw = await request.body()
    if "protobuf" in request.headers.get("content-type", ""):
        raise RefusedError(415, "UnsupportedMediaType", "the emulator only reads JSON")
    try:
        return orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        raise RefusedError(400, "BadRequest", "the body is no JSON") from None


async def answer_of(call: Call, store: Store, kubelet: Kubelet) -> Response:
    """Do what the call wants and answer as the API server does."""
    if (call.plural, call.subresource, call.verb) == ("pods", "log", "get"):
        return _log(call, store, kubelet)
    if (call.subresource, call.verb) == ("", "watch"):
        return StreamingResponse(_watch(call, store), media_type="application/json")
    return _json(_object_of(call, store), 201 if call.verb == "create" else 200)


def _object_of(call: Call, store: Store) -> Object:
    actions = _ACTIONS if not call.subresource else {}
    if (call.plural, call.subresource) == ("deployments", "scale"):
        actions = dict.fromkeys(("get", "patch", "update"), _scaled)
    action = actions.get(call.verb)
    if action is None or (call.verb in {"create", "list"}) == bool(call.name):
        text = "the server does not allow this method on the requested resource"
        raise RefusedError(405, "MethodNotAllowed", text)
    return action(call, store)


def _get(call: Call, store: Store) -> Object:
    return store.get(call.plural, call.namespace, call.name)


def _list(call: Call, store: Store) -> Object:
    items = store.listed(call.plural, call.namespace, selector(call.query))
    resource = call.resource
    meta = {"resourceVersion": str(store.version)}
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": meta,
        "items": items,
    }


async def _watch(call: Call, store: Store) -> AsyncIterator[bytes]:
    """Changes as lines of JSON: from a version on, or everything that is there first."""
    fits = selector(call.query)
    until = time.monotonic() + float(call.query.get("timeoutSeconds", _WATCH_S))
    version = int(call.query.get("resourceVersion") or 0)
    if not version:
        version = store.version
        for one in store.listed(call.plural, call.namespace, fits):
            yield _line("ADDED", one)
    while time.monotonic() < until:
        try:
            for change in store.since(call.plural, version):
                version = change.version
                if call.namespace in {"", change.object["metadata"].get("namespace")} and fits(change.object):
                    yield _line(change.type, change.object)
        except RefusedError as refusal:
            yield _line("ERROR", refusal.status())
            return
        await store.changed(min(1.0, max(0.0, until - time.monotonic())))


def _create(call: Call, store: Store) -> Object:
    wanted = dict(call.body)
    meta = wanted["metadata"] = dict(wanted.get("metadata") or {})
    if call.resource.is_namespaced:
        meta["namespace"] = call.namespace
    if not meta.get("name"):
        raise RefusedError(422, "Invalid", f"{call.resource.kind} is invalid: metadata.name: Required value")
    wanted.setdefault("status", {})
    if call.is_dry_run:
        return wanted | {"kind": call.resource.kind, "apiVersion": call.resource.api_version}
    return store.create(call.plural, wanted)


def _change(call: Call, store: Store) -> Object:
    """The status is the controllers' own: nobody writes it from outside."""
    old = store.get(call.plural, call.namespace, call.name)
    if call.verb == "update":
        new = dict(call.body)
    else:
        bare = old | {
            "metadata": {key: value for key, value in old["metadata"].items() if key != "resourceVersion"}
        }
        new = patched(bare, call.body, call.content_type)
    if call.plural == "secrets":
        new = _encoded(new)
    _check(call, old, new)
    new |= {"status": old["status"]} if "status" in old else {}
    return new if call.is_dry_run else store.put(call.plural, new)


def _check(call: Call, old: Object, new: Object) -> None:
    same = all(old["metadata"].get(key) == new["metadata"].get(key) for key in ("name", "namespace"))
    replicas = new.get("spec", {}).get("replicas", 0)
    if not same or not isinstance(replicas, int) or replicas < 0:
        raise RefusedError(422, "Invalid", f'{call.resource.kind} "{call.name}" is invalid')


def _encoded(secret: Object) -> Object:
    plain = secret.pop("stringData", {})
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
    return secret | {"data": secret.get("data", {}) | encoded}


def _delete(call: Call, store: Store) -> Object:
    """Pods go after a while, everything else at once; what they made is swept up afterwards."""
    gone = store.get(call.plural, call.namespace, call.name)
    if call.is_dry_run:
        return gone
    if call.plural != "pods":
        return store.delete(call.plural, call.namespace, call.name)
    gone["metadata"].setdefault("deletionTimestamp", store.stamp())
    return store.put("pods", gone)


_ACTIONS: dict[str, Callable[[Call, Store], Object]] = {
    "list": _list,
    "get": _get,
    "create": _create,
    "patch": _change,
    "update": _change,
    "delete": _delete,
}


def _scaled(call: Call, store: Store) -> Object:
    deployment = store.get(call.plural, call.namespace, call.name)
    if call.verb != "get":
        scale = (
            patched(_scale_of(deployment), call.body, call.content_type)
            if call.verb == "patch"
            else call.body
        )
        deployment["spec"]["replicas"] = scale["spec"]["replicas"]
        _check(call, deployment, deployment)
        deployment = deployment if call.is_dry_run else store.put(call.plural, deployment)
    return _scale_of(deployment)


def _scale_of(deployment: Object) -> Object:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = deployment["spec"]["selector"]["matchLabels"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: deployment["metadata"][key] for key in kept},
        "spec": {"replicas": deployment["spec"].get("replicas", 1)},
        "status": {
            "replicas": deployment.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def _log(call: Call, store: Store, kubelet: Kubelet) -> Response:
    pod = pod_of(store, call.namespace, call.name)
    uid, tail = pod["metadata"]["uid"], call.query.get("tailLines")
    first = max(0, len(kubelet.logs[uid]) - int(tail)) if tail else 0
    if call.query.get("follow") not in {"1", "true"}:
        return PlainTextResponse("".join(_log_lines(call, kubelet, uid, first)))
    return StreamingResponse(_follow(call, kubelet, uid, first), media_type="text/plain")


async def _follow(call: Call, kubelet: Kubelet, uid: str, first: int) -> AsyncIterator[str]:
    """New lines until the container has ended."""
    while True:
        is_running = kubelet.is_running(uid)
        for line in _log_lines(call, kubelet, uid, first):
            first += 1
            yield line
        if not is_running:
            return
        await asyncio.sleep(_POLL_S)


def _log_lines(call: Call, kubelet: Kubelet, uid: str, first: int) -> list[str]:
    lines = kubelet.logs.get(uid, [])[first:]
    if call.query.get("timestamps") not in {"1", "true"}:
        return [f"{text}\n" for _, text in lines]
    return [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f000Z} {text}\n" for at, text in lines]


def _line(change: str, subject: Object) -> bytes:
    return orjson.dumps({"type": change, "object": subject}, option=orjson.OPT_APPEND_NEWLINE)


def _json(body: Object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
