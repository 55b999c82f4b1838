"""The garbage collector: what an owner made goes after it."""

from backend.sandbox.kubernetes.pods import end_pod
from backend.sandbox.kubernetes.resources import RESOURCES
from backend.sandbox.kubernetes.store import Change, Object, Store


class GarbageCollector:
    """Removes the dependents of an object that was deleted, and everything in a namespace that was."""

    def __init__(self, store: Store) -> None:
        """Listen to a store."""
        self._store = store
        store.listeners.append(self._hear)

    def orphan(self, subject: Object) -> None:
        """Let the dependents of an object live on without it."""
        uid = subject["metadata"]["uid"]
        for plural, key in self._store.all_owned(uid):
            one = self._store.get(plural, *key)
            refs = [ref for ref in one["metadata"]["ownerReferences"] if ref["uid"] != uid]
            self._store.put(plural, one | {"metadata": one["metadata"] | {"ownerReferences": refs}})

    def _hear(self, change: Change) -> None:
        if change.type != "DELETED":
            return
        for plural, key in self._store.all_owned(change.object["metadata"]["uid"]):
            if (one := self._store.find(plural, key)) is not None:
                self._remove(plural, one)
        if change.plural == "namespaces":
            self._empty(change.object["metadata"]["name"])

    def _empty(self, namespace: str) -> None:
        for plural in RESOURCES:
            for one in self._store.listed(plural, namespace) if namespace else ():
                self._remove(plural, one)

    def _remove(self, plural: str, subject: Object) -> None:
        meta = subject["metadata"]
        if plural == "pods":
            end_pod(self._store, subject)
        elif self._store.find(plural, (meta.get("namespace", ""), meta["name"])) is not None:
            self._store.delete(plural, meta.get("namespace", ""), meta["name"])
