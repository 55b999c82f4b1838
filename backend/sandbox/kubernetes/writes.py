"""Writes of clients: create, update, patch, apply, scale, delete."""

from dataclasses import replace

from backend.sandbox.kubernetes.addresses import next_address
from backend.sandbox.kubernetes.admission import admit, admit_claim, quota_used
from backend.sandbox.kubernetes.defaults import defaulted
from backend.sandbox.kubernetes.field_management import APPLY, applied, noted
from backend.sandbox.kubernetes.garbage import GarbageCollector
from backend.sandbox.kubernetes.patches import patched
from backend.sandbox.kubernetes.pods import random_suffix
from backend.sandbox.kubernetes.requests import Call
from backend.sandbox.kubernetes.selectors import selector
from backend.sandbox.kubernetes.store import (
    Object,
    RefusedError,
    Store,
    draft,
    is_going,
    key_of,
    without_nulls,
)
from backend.sandbox.kubernetes.validation import check, check_types


def create(call: Call, store: Store) -> Object:
    """A new object, with everything that the API server fills in."""
    return _create(call, store, without_nulls(_as_object(call.body)), config=None)


def _create(call: Call, store: Store, wanted: Object, *, config: Object | None) -> Object:
    resource = call.resource
    meta = wanted["metadata"] = dict(wanted.get("metadata") or {})
    if resource.is_namespaced:
        if meta.setdefault("namespace", call.namespace) != call.namespace:
            text = "the namespace of the provided object does not match the namespace sent on the request"
            raise RefusedError(400, "BadRequest", text)
        _check_home(store, call.namespace)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + random_suffix()
    check_types(resource, wanted)
    wanted = defaulted(call.plural, wanted)
    check(resource, wanted, None)
    if resource.has_status:
        wanted["status"] = _first_status(call, store, wanted)
    if call.plural == "services":
        wanted["spec"] = {"clusterIP": next_address()} | wanted.get("spec", {})
    wanted |= {"kind": resource.kind, "apiVersion": resource.api_version}
    wanted = noted(store, None, wanted, manager=call.manager, config=config)
    if call.plural == "pods":
        admit(store, wanted)
    if call.plural == "persistentvolumeclaims":
        admit_claim(store, wanted)
    return store.create(call.plural, wanted, is_dry=call.is_dry_run)


def change(call: Call, store: Store) -> Object:
    """An object with another content. The status is the controllers' own: it stays as it is."""
    if call.verb == "patch" and call.content_type == APPLY:
        return _apply(call, store)
    old = store.get(call.plural, call.namespace, call.name)
    new = _as_object(call.body) if call.verb == "update" else _patched(call, old)
    return _keep(call, store, old, without_nulls(new), config=None)


def _keep(call: Call, store: Store, old: Object, new: Object, *, config: Object | None) -> Object:
    new["metadata"] = dict(new.get("metadata") or {})
    _check_types_of(call, new)
    new = defaulted(call.plural, new)
    check(call.resource, new, old)
    new = {name: value for name, value in new.items() if name != "status"}
    new |= {"status": old["status"]} if "status" in old else {}
    new |= {"kind": old["kind"], "apiVersion": old["apiVersion"]}
    if _content(new) != _content(old) or config is not None:
        new = noted(store, old, new, manager=call.manager, config=config)
    return store.put(call.plural, new, is_dry=call.is_dry_run)


def _apply(call: Call, store: Store) -> Object:
    """Server-side apply.

    Raises:
        RefusedError: 400 without a manager, 409 when another manager owns what would change.
    """
    if not call.query.get("fieldManager"):
        text = (
            "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        )
        raise RefusedError(422, "Invalid", text)
    config = draft(_as_object(call.body))
    old = store.find(call.plural, (call.namespace, call.name))
    config.setdefault("metadata", {}).pop("managedFields", None)
    if old is None:
        config["metadata"] |= {"name": call.name}
        return _create(call, store, draft(config), config=config)
    force = call.query.get("force") == "true"
    new = applied(old, config, manager=call.manager, force=force)
    return _keep(call, store, old, new, config=config)


def change_status(call: Call, store: Store) -> Object:
    """The status alone; everything else that is sent is ignored."""
    old = store.get(call.plural, call.namespace, call.name)
    new = draft(call.body) if call.verb == "update" else _patched(call, old)
    fresh = old | {"status": new.get("status", {})}
    if version := (new.get("metadata") or {}).get("resourceVersion"):
        fresh |= {"metadata": old["metadata"] | {"resourceVersion": version}}
    return store.put(call.plural, fresh, is_status=True, is_dry=call.is_dry_run)


def scale(call: Call, store: Store) -> Object:
    """The number of replicas, read or set through the scale subresource."""
    subject = store.get(call.plural, call.namespace, call.name)
    if call.verb != "get":
        wanted = _patched(call, _scale_of(subject)) if call.verb == "patch" else call.body
        new = subject | {"spec": subject["spec"] | {"replicas": wanted["spec"]["replicas"]}}
        version = (wanted.get("metadata") or {}).get("resourceVersion")
        new |= {"metadata": subject["metadata"] | ({"resourceVersion": version} if version else {})}
        check(call.resource, new, subject)
        if new["spec"] != subject["spec"]:
            new = noted(store, subject, new, manager=call.manager)
        subject = store.put(call.plural, new, is_dry=call.is_dry_run)
    return _scale_of(subject)


def delete(call: Call, store: Store, garbage: GarbageCollector) -> Object:
    """Pods go after a while, everything else at once; what they made follows, unless it is to be orphaned.

    A Job's pods are orphaned unless the client says otherwise, as on the real server.
    """
    gone = store.get(call.plural, call.namespace, call.name)
    if call.is_dry_run:
        return gone
    default = "Orphan" if call.plural == "jobs" else "Background"
    body = call.body if isinstance(call.body, dict) else {}
    policy = call.query.get("propagationPolicy") or body.get("propagationPolicy") or default
    if call.plural == "pods":
        own_s = gone["spec"].get("terminationGracePeriodSeconds", 30)
        wanted_s = call.query.get("gracePeriodSeconds", body.get("gracePeriodSeconds", own_s))
        return store.begin_delete("pods", gone, int(wanted_s))
    if call.plural == "persistentvolumeclaims":
        return store.begin_delete(call.plural, gone, 0)
    if policy == "Orphan":
        garbage.orphan(gone)
    store.delete(call.plural, call.namespace, call.name)
    details = {"name": call.name, "group": call.resource.group, "kind": call.plural}
    details |= {"uid": gone["metadata"]["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }


def delete_all(call: Call, store: Store, garbage: GarbageCollector) -> Object:
    """Everything in a namespace that fits."""
    fitting = store.listed(call.plural, call.namespace, selector(call.query))
    for one in fitting:
        namespace, name = key_of(one)
        delete(replace(call, verb="delete", namespace=namespace, name=name), store, garbage)
    kind = {"kind": f"{call.resource.kind}List", "apiVersion": call.resource.api_version}
    return kind | {"metadata": {"resourceVersion": str(store.version)}, "items": fitting}


def _patched(call: Call, old: Object) -> Object:
    """A patch need not name the version; one that does is for that version only."""
    bare = {name: value for name, value in old["metadata"].items() if name != "resourceVersion"}
    return patched(draft(old | {"metadata": bare}), call.body, call.content_type)


def _check_types_of(call: Call, new: Object) -> None:
    """A patch that makes an object unreadable is invalid; a whole object that is unreadable is a bad request."""
    try:
        check_types(call.resource, new)
    except RefusedError as refusal:
        if call.verb == "update":
            raise
        raise RefusedError(422, "Invalid", refusal.message) from None


def _check_home(store: Store, namespace: str) -> None:
    home = store.get("namespaces", "", namespace)
    if is_going(home):
        text = f"unable to create new content in namespace {namespace} because it is being terminated"
        raise RefusedError(403, "Forbidden", text)


_FIRST_PHASES: dict[str, Object] = {
    "pods": {"phase": "Pending", "qosClass": "Burstable"},
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    **{one: {} for one in ("deployments", "daemonsets", "services", "jobs", "cronjobs", "volumesnapshots")},
}


def _first_status(call: Call, store: Store, subject: Object) -> Object:
    if call.plural == "resourcequotas":
        return {"hard": subject["spec"].get("hard", {}), "used": quota_used(store, subject)}
    if call.plural == "nodes":
        return dict(subject.get("status", {}))
    return dict(_FIRST_PHASES.get(call.plural, {"replicas": 0}))


def _as_object(body: object) -> Object:
    if not isinstance(body, dict):
        raise RefusedError(400, "BadRequest", "the object provided is unrecognized")
    return body


def _content(subject: Object) -> Object:
    meta = subject["metadata"]
    kept = {name: meta[name] for name in ("labels", "annotations", "ownerReferences") if name in meta}
    return {name: value for name, value in subject.items() if name != "metadata"} | {"kept": kept}


def _scale_of(subject: Object) -> Object:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = subject["spec"]["selector"]["matchLabels"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: subject["metadata"][key] for key in kept if key in subject["metadata"]},
        "spec": {"replicas": subject["spec"].get("replicas", 1)},
        "status": {
            "replicas": subject.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }
