"""The controllers of storage: claims get their volumes, and snapshots are taken."""

from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.real_containers import RealContainers
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, is_going
from backend.sandbox.kubernetes.volumes import SELECTED_NODE, Volumes, class_of, waits_for_consumer

CLAIMS, SNAPSHOTS = "persistentvolumeclaims", "volumesnapshots"
_COMPONENT = "persistentvolume-controller"
_RETRY_S = 1.0


class ClaimController:
    """Binds claims: at once, or when a pod that wants one has a node. A claim in use goes when its pod is gone."""

    def __init__(self, store: Store, events: Recorder, volumes: Volumes) -> None:
        """Work on a store."""
        self._store, self._events, self._volumes = store, events, volumes

    def sync(self, key: ObjectKey) -> float | None:
        """A step; the seconds until the claim wants to be looked at again."""
        claim = self._store.find(CLAIMS, key)
        if claim is None:
            return None
        if is_going(claim):
            if not self._volumes.users_of(*key):
                self._volumes.drop(self._store.delete(CLAIMS, *key))
            return None
        if claim["status"]["phase"] != "Pending":
            return None
        if class_of(self._store, claim) is None:
            name = claim["spec"].get("storageClassName", "")
            return self._refuse(claim, f'storageclass.storage.k8s.io "{name}" not found')
        is_selected = SELECTED_NODE in claim["metadata"].get("annotations", {})
        if waits_for_consumer(self._store, claim) and not is_selected:
            text = "waiting for first consumer to be created before binding"
            self._events.normal(claim, "WaitForFirstConsumer", text, component=_COMPONENT)
            return None
        return self._provision(claim)

    def _provision(self, claim: Object) -> float | None:
        source, snapshot = claim["spec"].get("dataSource"), None
        if source:
            snapshot = self._store.find(SNAPSHOTS, (claim["metadata"]["namespace"], source["name"]))
            if snapshot is None or not snapshot.get("status", {}).get("readyToUse"):
                text = f"error getting handle for DataSource Type VolumeSnapshot by Name {source['name']}: "
                return self._refuse(claim, text + f"snapshot {source['name']} is not Ready")
        self._volumes.make(claim, snapshot)
        name = f"pvc-{claim['metadata']['uid']}"
        bound = self._store.put(CLAIMS, claim | {"spec": claim["spec"] | {"volumeName": name}})
        asked = claim["spec"].get("resources", {}).get("requests", {})
        status = {"phase": "Bound", "accessModes": claim["spec"].get("accessModes", []), "capacity": asked}
        self._store.put_status(CLAIMS, bound, status)
        self._events.normal(bound, "ProvisioningSucceeded", f"Successfully provisioned volume {name}")
        return None

    def _refuse(self, claim: Object, why: str) -> float:
        self._events.warn(claim, "ProvisioningFailed", why, component=_COMPONENT)
        return _RETRY_S


class SnapshotController:
    """Takes snapshots of bound claims, of one instant."""

    def __init__(self, store: Store, volumes: Volumes, real: RealContainers) -> None:
        """Work on a store."""
        self._store, self._volumes, self._real = store, volumes, real

    def sync(self, key: ObjectKey) -> float | None:
        """Take the snapshot, once."""
        snapshot = self._store.find(SNAPSHOTS, key)
        if snapshot is None or snapshot.get("status"):
            return None
        name = snapshot["spec"]["source"].get("persistentVolumeClaimName", "")
        claim = self._store.find(CLAIMS, (key[0], name))
        if claim is None or claim["status"]["phase"] != "Bound":
            text = f'snapshot controller failed to update {key[1]} on API server: cannot get claim "{name}"'
            error = {"message": text, "time": self._store.stamp()}
            self._store.put_status(SNAPSHOTS, snapshot, {"readyToUse": False, "error": error})
            return None
        users = {pod["metadata"]["uid"] for pod in self._volumes.users_of(key[0], name)}
        taken_at = self._store.stamp()
        with self._real.frozen(users):
            self._volumes.make(snapshot, claim)
        status = {
            "readyToUse": True,
            "creationTime": taken_at,
            "restoreSize": claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0"),
            "boundVolumeSnapshotContentName": f"snapcontent-{snapshot['metadata']['uid']}",
        }
        self._store.put_status(SNAPSHOTS, snapshot, status)
        return None
