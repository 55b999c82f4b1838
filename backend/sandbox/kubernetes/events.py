"""Events about objects, counted as the API server's clients do."""

import secrets

from backend.sandbox.kubernetes.store import Object, ObjectKey, Store

EVENTS_KEPT = 3_000


class Recorder:
    """Writes events: the same sentence about the same object is one event with a higher count."""

    def __init__(self, store: Store) -> None:
        """Write into a store."""
        self._store = store
        self._known: dict[tuple[str, ...], ObjectKey] = {}

    def normal(self, subject: Object, reason: str, message: str, **about: str) -> None:
        """Record what belongs to the day."""
        self._tell(subject, "Normal", reason, message, about)

    def warn(self, subject: Object, reason: str, message: str, **about: str) -> None:
        """Record what somebody should look at."""
        self._tell(subject, "Warning", reason, message, about)

    def forget(self) -> None:
        """Count from one again."""
        self._known.clear()

    def _tell(self, subject: Object, kind: str, reason: str, message: str, about: dict[str, str]) -> None:
        meta = subject["metadata"]
        component, path = about.get("component", "kubelet"), about.get("path", "")
        identity = (meta["uid"], kind, reason, message, component, path)
        known = self._known.get(identity)
        old = self._store.find("events", known) if known else None
        if old is not None:
            again = {"count": old["count"] + 1, "lastTimestamp": self._store.stamp()}
            self._store.put("events", old | again)
            return
        self._known[identity] = self._new(subject, kind, reason, message, (component, path))
        self._trim()

    def _new(
        self, subject: Object, kind: str, reason: str, message: str, where: tuple[str, str]
    ) -> ObjectKey:
        meta, now = subject["metadata"], self._store.stamp()
        component, path = where
        namespace = meta.get("namespace", "default")
        involved = {
            "kind": subject["kind"],
            "namespace": namespace,
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": subject["apiVersion"],
            "resourceVersion": meta["resourceVersion"],
        }
        if path:
            involved["fieldPath"] = path
        node = subject.get("spec", {}).get("nodeName", "") if component == "kubelet" else ""
        name = f"{meta['name']}.{secrets.token_hex(8)}"
        event = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": component} | ({"host": node} if node else {}),
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": node,
        }
        self._store.create("events", event)
        return namespace, name

    def _trim(self) -> None:
        """The real server forgets after an hour; here the oldest go when there are too many."""
        if self._store.count("events") <= EVENTS_KEPT * 1.1:
            return
        for old in self._store.listed("events")[:-EVENTS_KEPT]:
            self._store.delete("events", old["metadata"]["namespace"], old["metadata"]["name"])
        self._known = {
            what: key for what, key in self._known.items() if self._store.find("events", key) is not None
        }
