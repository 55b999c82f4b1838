"""The deployment controller: replica sets, rolling updates, conditions."""

import hashlib
import math
from dataclasses import dataclass

import orjson

from backend.sandbox.kubernetes.pods import is_ready, make_pod, note
from backend.sandbox.kubernetes.store import Object, Store

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(slots=True)
class _Progress:
    figures: tuple[object, ...]
    at: float


class DeploymentController:
    """Moves every deployment a step towards what it should be, each time it is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._progress: dict[str, _Progress] = {}

    def step(self) -> None:
        """Run a step for all deployments."""
        for deployment in self._store.listed("deployments"):
            self._roll(deployment)
        for replica_set in self._store.listed("replicasets"):
            self._fill(replica_set)
        for deployment in self._store.listed("deployments"):
            self._report(deployment)

    def _roll(self, deployment: Object) -> None:
        sets = self._store.owned("replicasets", deployment)
        current = _current(deployment, sets)
        if current is None:
            if deployment["spec"].get("paused"):
                return
            current = self._new_set(deployment, sets)
        elif not deployment["spec"].get("paused"):
            current = self._newest_revision(deployment, current, sets)
        old = [one for one in sets if one["metadata"]["name"] != current["metadata"]["name"]]
        self._scale(deployment, current, old)

    def _new_set(self, deployment: Object, sets: list[Object]) -> Object:
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        digest = template_hash(template)
        labels = template["metadata"]["labels"] | {HASH: digest}
        wanted = {
            "metadata": {
                "name": f"{meta['name']}-{digest}",
                "namespace": meta["namespace"],
                "labels": labels,
                "annotations": {REVISION: str(_last_revision(sets) + 1)},
                "ownerReferences": [owner(deployment, "Deployment", "apps/v1")],
            },
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": deployment["spec"]["selector"]["matchLabels"] | {HASH: digest}},
                "template": template | {"metadata": template["metadata"] | {"labels": labels}},
            },
            "status": {"replicas": 0},
        }
        return self._store.create("replicasets", wanted)

    def _newest_revision(self, deployment: Object, current: Object, sets: list[Object]) -> Object:
        """Going back to an earlier template makes its set the newest revision, as on the real server."""
        last = _last_revision(sets)
        notes = current["metadata"]["annotations"]
        if int(notes[REVISION]) < last:
            notes[REVISION] = str(last + 1)
            current = self._store.put("replicasets", current)
        own = deployment["metadata"].setdefault("annotations", {})
        if own.get(REVISION) != notes[REVISION]:
            own[REVISION] = notes[REVISION]
            self._store.put("deployments", deployment)
        return current

    def _scale(self, deployment: Object, current: Object, old: list[Object]) -> None:
        """At most a quarter more than wanted, at most a quarter less available."""
        wanted = deployment["spec"].get("replicas", 1)
        old_total = sum(one["spec"]["replicas"] for one in old)
        if not deployment["spec"].get("paused") or not old_total:
            room = wanted + math.ceil(wanted / 4) - old_total
            self._resize(deployment, current, min(wanted, max(current["spec"]["replicas"], room)))
        available = sum(self._ready(one) for one in (current, *old))
        spare = available - (wanted - wanted // 4)
        for one in old if not deployment["spec"].get("paused") else []:
            size, ready = one["spec"]["replicas"], self._ready(one)
            going = min(size, size - ready + max(0, min(spare, ready)))
            spare -= max(0, going - (size - ready))
            self._resize(deployment, one, size - going)

    def _resize(self, deployment: Object, replica_set: Object, size: int) -> None:
        before = replica_set["spec"]["replicas"]
        if before == size:
            return
        replica_set["spec"]["replicas"] = size
        self._store.put("replicasets", replica_set | {"metadata": _unversioned(replica_set["metadata"])})
        way = "up" if size > before else "down"
        text = f"Scaled {way} replica set {replica_set['metadata']['name']} from {before} to {size}"
        note(self._store, deployment, "ScalingReplicaSet", text)

    def _fill(self, replica_set: Object) -> None:
        pods = [
            one
            for one in self._store.owned("pods", replica_set)
            if "deletionTimestamp" not in one["metadata"]
        ]
        size = replica_set["spec"]["replicas"]
        for _ in range(size - len(pods)):
            pod = make_pod(self._store, replica_set, owner(replica_set, "ReplicaSet", "apps/v1"))
            note(self._store, replica_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        # Those that never became ready go first.
        for pod in sorted(pods, key=is_ready)[: max(0, len(pods) - size)]:
            pod["metadata"]["deletionTimestamp"] = self._store.stamp()
            self._store.put("pods", pod)
            note(self._store, replica_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        ready = self._ready(replica_set)
        status = {"replicas": size, "readyReplicas": ready, "availableReplicas": ready}
        generation = replica_set["metadata"]["generation"]
        self._store.put("replicasets", replica_set | {"status": status | {"observedGeneration": generation}})

    def _ready(self, replica_set: Object) -> int:
        return sum(is_ready(pod) for pod in self._store.owned("pods", replica_set))

    def _report(self, deployment: Object) -> None:
        sets = self._store.owned("replicasets", deployment)
        current = _current(deployment, sets)
        pods = [pod for one in sets for pod in self._store.owned("pods", one)]
        alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        total, ready = len(alive), sum(is_ready(pod) for pod in alive)
        updated = current["spec"]["replicas"] if current else 0
        wanted = deployment["spec"].get("replicas", 1)
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": total,
            "updatedReplicas": updated,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(0, wanted - ready),
        }
        status = {name: value for name, value in status.items() if value or name == "observedGeneration"}
        fresh = current is not None and updated == total == wanted and sum(map(is_ready, alive)) == wanted
        conditions = self._conditions(deployment, (updated, total, ready), is_complete=fresh)
        self._store.put("deployments", deployment | {"status": status | {"conditions": conditions}})

    def _conditions(self, deployment: Object, figures: tuple[int, ...], *, is_complete: bool) -> list[Object]:
        uid, now, spec = deployment["metadata"]["uid"], self._store.now(), deployment["spec"]
        seen = (deployment["metadata"]["generation"], *figures)
        progress = self._progress.get(uid)
        if progress is None or progress.figures != seen:
            progress = self._progress[uid] = _Progress(seen, now)
        late = now - progress.at > spec.get("progressDeadlineSeconds", 600)
        reason = "ReplicaSetUpdated"
        if is_complete:
            reason = "NewReplicaSetAvailable"
        elif spec.get("paused"):
            reason = "DeploymentPaused"
        elif late:
            reason = DEADLINE_EXCEEDED
        wanted = spec.get("replicas", 1)
        enough = figures[-1] >= wanted - wanted // 4
        return [
            _condition(
                self._store,
                deployment,
                {
                    "type": "Available",
                    "status": str(enough),
                    "reason": f"MinimumReplicas{'Available' if enough else 'Unavailable'}",
                },
            ),
            _condition(
                self._store,
                deployment,
                {"type": "Progressing", "status": str(reason != DEADLINE_EXCEEDED), "reason": reason},
            ),
        ]


def _condition(store: Store, deployment: Object, wanted: Object) -> Object:
    """The condition as it stands; its times only move when it changes."""
    for old in deployment.get("status", {}).get("conditions", []):
        if wanted.items() <= old.items():
            return dict(old)
    now = store.stamp()
    return wanted | {"message": wanted["reason"], "lastUpdateTime": now, "lastTransitionTime": now}


def template_hash(template: Object) -> str:
    """The name of a template: the same template has the same set."""
    return hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).hexdigest()[:10]


def owner(subject: Object, kind: str, api_version: str) -> Object:
    """The reference by which an object names its maker."""
    meta = subject["metadata"]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def _current(deployment: Object, sets: list[Object]) -> Object | None:
    digest = template_hash(deployment["spec"]["template"])
    return next((one for one in sets if one["metadata"]["labels"][HASH] == digest), None)


def _last_revision(sets: list[Object]) -> int:
    return max((int(one["metadata"]["annotations"][REVISION]) for one in sets), default=0)


def _unversioned(meta: Object) -> Object:
    return {name: value for name, value in meta.items() if name != "resourceVersion"}
