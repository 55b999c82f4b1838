"""The emulator's etcd: objects, resource versions, watches, and the API's way to refuse."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
_EVENTS_KEPT = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of object and where it lives."""

    group: str
    plural: str
    kind: str
    short: str = ""
    is_namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The group and version as objects carry it."""
        return f"{self.group}/v1" if self.group else "v1"


RESOURCES = {
    one.plural: one
    for one in (
        Resource(group="", plural="namespaces", kind="Namespace", short="ns", is_namespaced=False),
        Resource(group="", plural="pods", kind="Pod", short="po"),
        Resource(group="", plural="events", kind="Event", short="ev"),
        Resource(group="", plural="secrets", kind="Secret"),
        Resource(group="apps", plural="deployments", kind="Deployment", short="deploy"),
        Resource(group="apps", plural="replicasets", kind="ReplicaSet", short="rs"),
        Resource(group="apps", plural="statefulsets", kind="StatefulSet", short="sts"),
        Resource(group="apps", plural="daemonsets", kind="DaemonSet", short="ds"),
        Resource(group="batch", plural="jobs", kind="Job"),
        Resource(group="batch", plural="cronjobs", kind="CronJob", short="cj"),
    )
}


class RefusedError(Exception):
    """Error answer of the API."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code, self.reason, self.message = code, reason, message
        super().__init__(message)

    def status(self) -> Object:
        """The refusal as the API's own object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry of the history that watches read."""

    version: int
    type: str
    plural: str
    object: Object


class Store:
    """All objects, copied on the way in and out, so that history cannot change. For a single event loop."""

    def __init__(self) -> None:
        self.version = 1_000
        self.clock_offset_s = 0.0
        self._objects: dict[str, dict[tuple[str, str], Object]] = {plural: {} for plural in RESOURCES}
        self._history: deque[Change] = deque(maxlen=_EVENTS_KEPT)
        self._forgotten = self.version
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Unix seconds of the cluster's clock, which a test may set forward."""
        return datetime.now(UTC).timestamp() + self.clock_offset_s

    def stamp(self) -> str:
        """Now, as objects carry it."""
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def age_s(self, subject: Object) -> float:
        """Age of an object, in seconds."""
        born = datetime.strptime(subject["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%S%z")
        return self.now() - born.timestamp()

    def get(self, plural: str, namespace: str, name: str) -> Object:
        """The object with this name.

        Raises:
            RefusedError: 404, there is none.
        """
        try:
            return deepcopy(self._objects[plural][namespace, name])
        except KeyError:
            raise RefusedError(404, "NotFound", f'{plural} "{name}" not found') from None

    def listed(self, plural: str, namespace: str = "", fits: Callable[[Object], bool] = bool) -> list[Object]:
        """The objects of a namespace, or of all, that fit."""
        found = self._objects[plural].items()
        return [deepcopy(one) for (home, _), one in found if namespace in {"", home} and fits(one)]

    def owned(self, plural: str, owner: Object) -> list[Object]:
        """The objects that another one made."""
        uid = owner["metadata"]["uid"]
        return self.listed(
            plural,
            owner["metadata"]["namespace"],
            lambda one: any(ref["uid"] == uid for ref in one["metadata"].get("ownerReferences", [])),
        )

    def create(self, plural: str, wanted: Object) -> Object:
        """A new object with its identity.

        Raises:
            RefusedError: 409, the name is taken.
        """
        fresh = deepcopy(wanted)
        meta = fresh["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        if key in self._objects[plural]:
            raise RefusedError(409, "AlreadyExists", f'{plural} "{meta["name"]}" already exists')
        resource = RESOURCES[plural]
        fresh |= {"apiVersion": resource.api_version, "kind": resource.kind}
        meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": self.stamp(), "generation": 1}
        return self._keep("ADDED", plural, key, fresh)

    def put(self, plural: str, wanted: Object) -> Object:
        """The object with a new content; nothing happens when nothing differs. A stale version is refused.

        ``generation`` rises with the specification and, as on the real server, with a Deployment's annotations.
        """
        meta = wanted["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        old = self.get(plural, *key)
        version = meta.get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            message = (
                f'Operation cannot be fulfilled on {plural} "{meta["name"]}": the object has been modified'
            )
            raise RefusedError(409, "Conflict", message)
        fresh = deepcopy(wanted)
        for name in ("uid", "creationTimestamp", "resourceVersion", "generation"):
            fresh["metadata"][name] = old["metadata"][name]
        if fresh == old:
            return old
        notes = (old["metadata"].get("annotations"), fresh["metadata"].get("annotations"))
        if fresh.get("spec") != old.get("spec") or (plural == "deployments" and notes[0] != notes[1]):
            fresh["metadata"]["generation"] += 1
        return self._keep("MODIFIED", plural, key, fresh)

    def delete(self, plural: str, namespace: str, name: str) -> Object:
        """Take an object out for good."""
        gone = self.get(plural, namespace, name)
        del self._objects[plural][namespace, name]
        return self._note("DELETED", plural, gone)

    def since(self, plural: str, version: int) -> Iterator[Change]:
        """The changes after a version.

        Raises:
            RefusedError: 410, the history no longer reaches back that far.
        """
        if version < self._forgotten:
            raise RefusedError(410, "Expired", f"too old resource version: {version} ({self._forgotten})")
        return (one for one in list(self._history) if one.version > version and one.plural == plural)

    async def changed(self, timeout_s: float) -> None:
        """Wait for the next change of anything, but not longer than that."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def clear(self) -> None:
        """Take everything out; versions go on."""
        for objects in self._objects.values():
            objects.clear()
        self.clock_offset_s = 0.0
        self.version += 1
        self.forget_history()

    def forget_history(self) -> None:
        """Make every earlier version too old, as a compaction does."""
        self._history.clear()
        self._forgotten = self.version

    def _keep(self, change: str, plural: str, key: tuple[str, str], fresh: Object) -> Object:
        self._objects[plural][key] = fresh
        return self._note(change, plural, fresh)

    def _note(self, change: str, plural: str, subject: Object) -> Object:
        self.version += 1
        subject["metadata"]["resourceVersion"] = str(self.version)
        if len(self._history) == _EVENTS_KEPT:
            self._forgotten = self._history[0].version
        self._history.append(
            Change(version=self.version, type=change, plural=plural, object=deepcopy(subject))
        )
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()
        return deepcopy(subject)
