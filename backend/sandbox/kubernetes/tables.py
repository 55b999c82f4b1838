"""Tables: lists as kubectl prints them, made by the server."""

from collections.abc import Callable
from typing import Any

from backend.sandbox.kubernetes.store import Object, Store

Cells = Callable[[Object, Store], list[Any]]


def table(items: list[Object], plural: str, store: Store, meta: Object) -> Object:
    """The objects as rows, each with its metadata."""
    columns, cells = _TABLES.get(plural, _PLAIN)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": [_column(name) for name in (*columns, "Age")],
        "rows": [
            {
                "cells": [one["metadata"]["name"], *cells(one, store), _age(one, store)],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": one["metadata"],
                },
            }
            for one in items
        ],
    }


def _column(name: str) -> Object:
    is_number = name in {"Desired", "Current", "Up-to-date", "Available", "Restarts"}
    return {
        "name": name,
        "type": "integer" if is_number else "string",
        "format": "name" if name == "Name" else "",
        "description": name,
        "priority": 0,
    }


def _age(subject: Object, store: Store) -> str:
    seconds = int(store.age_s(subject))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _status(subject: Object, name: str) -> int:
    return int(subject.get("status", {}).get(name, 0))


def _deployment(one: Object, _store: Store) -> list[Any]:
    ready = f"{_status(one, 'readyReplicas')}/{one['spec'].get('replicas', 1)}"
    return [ready, _status(one, "updatedReplicas"), _status(one, "availableReplicas")]


def _replica_set(one: Object, _store: Store) -> list[Any]:
    return [one["spec"].get("replicas", 1), _status(one, "replicas"), _status(one, "readyReplicas")]


def _stateful_set(one: Object, _store: Store) -> list[Any]:
    return [f"{_status(one, 'readyReplicas')}/{one['spec'].get('replicas', 1)}"]


def _daemon_set(one: Object, _store: Store) -> list[Any]:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    return [*(_status(one, name) for name in names), _status(one, "numberAvailable")]


def _pod(one: Object, _store: Store) -> list[Any]:
    statuses = one["status"].get("containerStatuses", [])
    ready = f"{sum(each['ready'] for each in statuses)}/{len(one['spec']['containers'])}"
    words = [
        each["state"][kind].get("reason", "")
        for each in statuses
        for kind in ("waiting", "terminated")
        if kind in each["state"]
    ]
    word = next((each for each in words if each), one["status"].get("phase", ""))
    if "deletionTimestamp" in one["metadata"]:
        word = "Terminating"
    return [ready, word, sum(each["restartCount"] for each in statuses)]


def _job(one: Object, _store: Store) -> list[Any]:
    conditions = one.get("status", {}).get("conditions", [])
    word = next((each["type"] for each in conditions), "Running")
    return [word, f"{_status(one, 'succeeded')}/{one['spec'].get('completions', 1)}"]


def _event(one: Object, _store: Store) -> list[Any]:
    about = one["involvedObject"]
    return [one["type"], one["reason"], f"{about['kind'].lower()}/{about['name']}", one["message"]]


def _nothing(_one: Object, _store: Store) -> list[Any]:
    return []


_PLAIN: tuple[tuple[str, ...], Cells] = (("Name",), _nothing)
_TABLES: dict[str, tuple[tuple[str, ...], Cells]] = {
    "deployments": (("Name", "Ready", "Up-to-date", "Available"), _deployment),
    "replicasets": (("Name", "Desired", "Current", "Ready"), _replica_set),
    "statefulsets": (("Name", "Ready"), _stateful_set),
    "daemonsets": (("Name", "Desired", "Current", "Ready", "Up-to-date", "Available"), _daemon_set),
    "pods": (("Name", "Ready", "Status", "Restarts"), _pod),
    "jobs": (("Name", "Status", "Completions"), _job),
    "events": (("Name", "Type", "Reason", "Object", "Message"), _event),
}
