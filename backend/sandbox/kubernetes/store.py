"""The emulator's objects, their versions, and the history that watches read."""

import asyncio
import time
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from backend.sandbox.kubernetes.resources import PLURALS, RESOURCES

Object = dict[str, Any]
ObjectKey = tuple[str, str]
CHANGES_KEPT = 10_000
# What no client and no controller writes: the store sets it.
_OWN = ("uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp")


class RefusedError(Exception):
    """Error answer of the API."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        self.code, self.reason, self.message, self.details = code, reason, message, details
        super().__init__(message)

    def status(self) -> Object:
        """The refusal as the API's own object."""
        details = {"details": self.details} if self.details else {}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **details,
            "code": self.code,
        }


class Change:
    """An entry of the history, with the object as it was before."""

    __slots__ = ("_line", "before", "object", "plural", "type", "version")

    def __init__(self, kind: str, plural: str, subject: Object, before: Object | None) -> None:
        self.type, self.plural, self.object, self.before = kind, plural, subject, before
        self.version = int(subject["metadata"]["resourceVersion"])
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        """The change as a watch tells it; made once for all watches."""
        if self._line is None:
            self._line = watch_line(self.type, self.object)
        return self._line


class History:
    """The changes of one resource, oldest first, cut off at the far end."""

    def __init__(self, version: int) -> None:
        self.forgotten = version
        self._versions: list[int] = []
        self._changes: list[Change] = []

    def add(self, change: Change) -> None:
        """Append the newest change."""
        self._versions.append(change.version)
        self._changes.append(change)
        if len(self._versions) > 2 * CHANGES_KEPT:
            self.forgotten = self._versions[-CHANGES_KEPT - 1]
            del self._versions[:-CHANGES_KEPT], self._changes[:-CHANGES_KEPT]

    def since(self, version: int) -> list[Change]:
        """The changes after a version.

        Raises:
            RefusedError: 410, the history no longer reaches back that far.
        """
        if version < self.forgotten:
            raise RefusedError(410, "Expired", f"too old resource version: {version} ({self.forgotten})")
        return self._changes[bisect_right(self._versions, version) :]

    def forget(self, version: int) -> None:
        """Make every version up to this one too old."""
        self._versions.clear()
        self._changes.clear()
        self.forgotten = version


class Store:
    """All objects, for a single event loop.

    Nobody changes an object that came from here or went in: drafts are copies.
    """

    def __init__(self) -> None:
        # Versions go on after a restart, so that a client's old one is too old and never in the future.
        self.version = int(time.time() * 1_000)
        self.clock_offset_s = 0.0
        self.listeners: list[Callable[[Change], None]] = []
        self._objects: dict[str, dict[ObjectKey, Object]] = {plural: {} for plural in RESOURCES}
        self._owned: dict[str, dict[tuple[str, ObjectKey], None]] = {}
        self._histories = {plural: History(self.version) for plural in RESOURCES}
        self._changed = {plural: asyncio.Event() for plural in RESOURCES}

    def now(self) -> float:
        """Unix seconds of the cluster's clock, which a test may set forward."""
        return time.time() + self.clock_offset_s

    def stamp(self) -> str:
        """Now, as objects carry it."""
        return stamp_of(self.now())

    def age_s(self, subject: Object) -> float:
        """Age of an object, in seconds."""
        return self.now() - seconds_of(subject["metadata"]["creationTimestamp"])

    def find(self, plural: str, key: ObjectKey) -> Object | None:
        """The object with this namespace and name, or None. It must not be changed."""
        return self._objects[plural].get(key)

    def get(self, plural: str, namespace: str, name: str) -> Object:
        """The object with this name. It must not be changed.

        Raises:
            RefusedError: 404, there is none.
        """
        found = self._objects[plural].get((namespace, name))
        if found is None:
            resource = RESOURCES[plural]
            details = {"name": name, "group": resource.group, "kind": plural}
            text = f'{resource.qualified_plural} "{name}" not found'
            raise RefusedError(404, "NotFound", text, {k: v for k, v in details.items() if v})
        return found

    def listed(self, plural: str, namespace: str = "", fits: Callable[[Object], bool] = bool) -> list[Object]:
        """The objects of a namespace, or of all, that fit; they must not be changed."""
        found = self._objects[plural].items()
        return [one for (home, _), one in found if namespace in {"", home} and fits(one)]

    def count(self, plural: str) -> int:
        """The number of objects of a kind."""
        return len(self._objects[plural])

    def owned(self, plural: str, owner: Object) -> list[Object]:
        """The objects of a kind that another one made."""
        owned = self._owned.get(owner["metadata"]["uid"], {})
        return [self._objects[kind][key] for kind, key in owned if kind == plural]

    def all_owned(self, uid: str) -> list[tuple[str, ObjectKey]]:
        """Kind and key of everything that an object made."""
        return list(self._owned.get(uid, ()))

    def create(self, plural: str, wanted: Object, *, is_dry: bool = False) -> Object:
        """A new object with its identity; a dry run keeps it nowhere.

        Raises:
            RefusedError: 409, the name is taken.
        """
        resource, meta = RESOURCES[plural], wanted["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        if key in self._objects[plural]:
            text = f'{resource.qualified_plural} "{meta["name"]}" already exists'
            details = {"name": meta["name"], "group": resource.group, "kind": plural}
            raise RefusedError(409, "AlreadyExists", text, {k: v for k, v in details.items() if v})
        own = {"uid": str(uuid.uuid4()), "creationTimestamp": self.stamp()}
        if resource.has_generation:
            own["generation"] = 1  # type: ignore[assignment] # metadata holds a number, too
        meta = {name: value for name, value in meta.items() if name not in _OWN} | own
        fresh = {"kind": resource.kind, "apiVersion": resource.api_version, **wanted, "metadata": meta}
        if is_dry:
            return fresh
        for ref in meta.get("ownerReferences", ()):
            self._owned.setdefault(ref["uid"], {})[plural, key] = None
        return self._keep("ADDED", plural, key, fresh)

    def put(self, plural: str, wanted: Object, *, is_status: bool = False, is_dry: bool = False) -> Object:
        """The object with a new content; nothing happens when nothing differs. A stale version is refused.

        A dry run is checked and answered in the same way, and kept nowhere.

        ``generation`` rises with the specification and, as on the real server, with a Deployment's annotations,
        but never with a write of the status.
        """
        meta = wanted["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        old = self.get(plural, *key)
        before = old["metadata"]
        version = meta.get("resourceVersion")
        if version and version != before["resourceVersion"]:
            raise _conflict(plural, meta["name"])
        kept = {name: before[name] for name in _OWN if name in before}
        fresh = wanted | {
            "metadata": {name: value for name, value in meta.items() if name not in _OWN} | kept
        }
        if fresh == old:
            return old
        if not is_status and "generation" in before and _begins_generation(plural, old, fresh):
            fresh["metadata"]["generation"] += 1
        if is_dry:
            return fresh
        if before.get("ownerReferences") != fresh["metadata"].get("ownerReferences"):
            self._own_anew(plural, key, before, fresh["metadata"])
        return self._keep("MODIFIED", plural, key, fresh)

    def put_status(self, plural: str, subject: Object, status: Object) -> Object:
        """The stored object with this status; other fields stay as they are."""
        meta = subject["metadata"]
        old = self.get(plural, meta.get("namespace", ""), meta["name"])
        return self.put(plural, old | {"status": status}, is_status=True)

    def begin_delete(self, plural: str, subject: Object, grace_s: int) -> Object:
        """Mark an object as going; once is enough. One that goes already may be given less time, never more."""
        meta = subject["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        old = self.get(plural, *key)
        if grace_s >= old["metadata"].get("deletionGracePeriodSeconds", grace_s + 1):
            return old
        going = {"deletionTimestamp": stamp_of(self.now() + grace_s), "deletionGracePeriodSeconds": grace_s}
        return self._keep("MODIFIED", plural, key, old | {"metadata": old["metadata"] | going})

    def delete(self, plural: str, namespace: str, name: str) -> Object:
        """Take an object out for good."""
        gone = self.get(plural, namespace, name)
        key = (namespace, name)
        del self._objects[plural][key]
        for ref in gone["metadata"].get("ownerReferences", ()):
            self._owned.get(ref["uid"], {}).pop((plural, key), None)
        return self._note("DELETED", plural, gone | {"metadata": dict(gone["metadata"])}, gone)

    def since(self, plural: str, version: int) -> list[Change]:
        """The changes of a kind after a version.

        Raises:
            RefusedError: 410, the history no longer reaches back that far.
        """
        return self._histories[plural].since(version)

    async def changed(self, plural: str, timeout_s: float) -> None:
        """Wait for the next change of a kind, but not longer than that."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed[plural].wait()
        except TimeoutError:
            return

    def wake(self, plurals: Iterable[str] = RESOURCES) -> None:
        """Have everybody look who waits for a change."""
        for plural in plurals:
            waiting, self._changed[plural] = self._changed[plural], asyncio.Event()
            waiting.set()

    def clear(self) -> None:
        """Take everything out; versions go on."""
        for objects in self._objects.values():
            objects.clear()
        self._owned.clear()
        self.clock_offset_s = 0.0
        self.version += 1
        self.forget_history()

    def forget_history(self) -> None:
        """Make every earlier version too old, as a compaction does."""
        for history in self._histories.values():
            history.forget(self.version)
        self.wake()

    def _own_anew(self, plural: str, key: ObjectKey, before: Object, after: Object) -> None:
        for ref in before.get("ownerReferences", ()):
            self._owned.get(ref["uid"], {}).pop((plural, key), None)
        for ref in after.get("ownerReferences", ()):
            self._owned.setdefault(ref["uid"], {})[plural, key] = None

    def _keep(self, kind: str, plural: str, key: ObjectKey, fresh: Object) -> Object:
        before = self._objects[plural].get(key)
        self._objects[plural][key] = fresh
        return self._note(kind, plural, fresh, before)

    def _note(self, kind: str, plural: str, subject: Object, before: Object | None) -> Object:
        self.version += 1
        subject["metadata"]["resourceVersion"] = str(self.version)
        change = Change(kind, plural, subject, before)
        self._histories[plural].add(change)
        self.wake((plural,))
        for listener in self.listeners:
            listener(change)
        return subject


def draft(subject: Object) -> Object:
    """A copy that may be changed."""
    copied: Object = orjson.loads(orjson.dumps(subject))
    return copied


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value without its empty fields, which the API server never keeps."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def key_of(subject: Object) -> ObjectKey:
    """Namespace and name of an object."""
    return subject["metadata"].get("namespace", ""), subject["metadata"]["name"]


def is_going(subject: Object) -> bool:
    """Whether an object is about to be deleted."""
    return "deletionTimestamp" in subject["metadata"]


def owner_reference(subject: Object) -> Object:
    """The reference by which an object names its maker."""
    meta = subject["metadata"]
    return {
        "apiVersion": subject["apiVersion"],
        "kind": subject["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def maker_of(subject: Object) -> tuple[str, ObjectKey] | None:
    """Kind and key of the controller that made an object."""
    for ref in subject["metadata"].get("ownerReferences", ()):
        if ref["kind"] in PLURALS:
            return PLURALS[ref["kind"]], (subject["metadata"].get("namespace", ""), ref["name"])
    return None


def stamp_of(seconds: float) -> str:
    """Unix seconds as objects carry them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(stamp: str) -> float:
    """The unix seconds of a time as objects carry it."""
    return datetime.fromisoformat(stamp).timestamp()


def watch_line(kind: str, subject: Mapping[str, object]) -> bytes:
    """A line of a watch."""
    return orjson.dumps({"type": kind, "object": subject}, option=orjson.OPT_APPEND_NEWLINE)


def _conflict(plural: str, name: str) -> RefusedError:
    text = (
        f'Operation cannot be fulfilled on {RESOURCES[plural].qualified_plural} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again"
    )
    return RefusedError(
        409, "Conflict", text, {"name": name, "kind": plural, "group": RESOURCES[plural].group}
    )


def _begins_generation(plural: str, old: Object, fresh: Object) -> bool:
    notes = (old["metadata"].get("annotations"), fresh["metadata"].get("annotations"))
    return fresh.get("spec") != old.get("spec") or (plural == "deployments" and notes[0] != notes[1])
