"""The deployment controller: replica sets, rolling updates, revisions, conditions."""

import math
from decimal import Decimal

from backend.sandbox.kubernetes.conditions import condition_of, with_condition, without_condition
from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.pods import template_hash
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, is_going, owner_reference, seconds_of

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
_HISTORY = "deployment.kubernetes.io/revision-history"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MOST = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = frozenset(
    {REVISION, _HISTORY, _DESIRED, _MOST, "kubectl.kubernetes.io/last-applied-configuration"}
)
_COMPONENT = "deployment-controller"
_DEFAULT_DEADLINE_S = 600


class DeploymentController:
    """Moves a deployment a step towards what it should be, each time it is asked."""

    def __init__(self, store: Store, events: Recorder) -> None:
        """Work on a store."""
        self._store, self._events = store, events

    def sync(self, key: ObjectKey) -> float | None:
        """A step; the seconds until the deployment's deadline passes."""
        deployment = self._store.find("deployments", key)
        if deployment is None or is_going(deployment):
            return None
        sets = self._store.owned("replicasets", deployment)
        current = _current(deployment, sets)
        if deployment["spec"].get("paused"):
            self._scale_paused(deployment, current, sets)
        else:
            current = self._roll(deployment, current, sets)
        return self._report(self._again(deployment), current)

    def _roll(self, deployment: Object, current: Object | None, sets: list[Object]) -> Object | None:
        old = [one for one in sets if one is not current]
        recreates = deployment["spec"].get("strategy", {}).get("type") == "Recreate"
        if recreates and any(one["spec"]["replicas"] or one["status"].get("replicas") for one in old):
            for one in old:
                self._resize(deployment, one, 0)
            return current
        if recreates and any(self._store.owned("pods", one) for one in old):
            return current
        if current is None:
            current = self._new_set(deployment, sets)
        current = self._newest_revision(deployment, current, sets)
        if recreates:
            return self._resize(deployment, current, _wanted(deployment))
        current = self._grow(deployment, current, old)
        self._shrink(deployment, current, old)
        self._forget_old(deployment, old)
        return current

    def _new_set(self, deployment: Object, sets: list[Object]) -> Object:
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        digest = template_hash(template)
        labels = template["metadata"]["labels"] | {HASH: digest}
        notes = self._notes(deployment) | {REVISION: str(_last_revision(sets) + 1)}
        wanted = {
            "metadata": {
                "name": f"{meta['name']}-{digest}",
                "namespace": meta["namespace"],
                "labels": labels,
                "annotations": notes,
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": deployment["spec"]["selector"]["matchLabels"] | {HASH: digest}},
                "template": template | {"metadata": template["metadata"] | {"labels": labels}},
            }
            | ({"minReadySeconds": wait} if (wait := deployment["spec"].get("minReadySeconds")) else {}),
            "status": {"replicas": 0},
        }
        made = self._store.create("replicasets", wanted)
        text = f'Created new replica set "{made["metadata"]["name"]}"'
        self._progress(deployment, "NewReplicaSetCreated", text)
        return made

    def _notes(self, deployment: Object) -> Object:
        """The annotations that a replica set takes over from its deployment."""
        own = deployment["metadata"].get("annotations", {})
        wanted = _wanted(deployment)
        notes = {name: value for name, value in own.items() if name not in _NOT_COPIED}
        return notes | {_DESIRED: str(wanted), _MOST: str(wanted + _surge(deployment))}

    def _newest_revision(self, deployment: Object, current: Object, sets: list[Object]) -> Object:
        """Going back to an earlier template makes its set the newest revision, as on the real server."""
        notes, last = current["metadata"]["annotations"], _last_revision(sets)
        fresh = notes | self._notes(deployment)
        if int(notes[REVISION]) < last:
            earlier = [one for one in notes.get(_HISTORY, "").split(",") if one]
            fresh |= {REVISION: str(last + 1), _HISTORY: ",".join([*earlier, notes[REVISION]])}
            text = f'Found new replica set "{current["metadata"]["name"]}"'
            self._progress(deployment, "FoundNewReplicaSet", text)
        current = self._store.put(
            "replicasets", current | {"metadata": current["metadata"] | {"annotations": fresh}}
        )
        subject = self._again(deployment)
        own = subject["metadata"].get("annotations", {})
        if own.get(REVISION) != fresh[REVISION]:
            meta = subject["metadata"] | {"annotations": own | {REVISION: fresh[REVISION]}}
            self._store.put("deployments", subject | {"metadata": meta}, is_status=True)
        return current

    def _grow(self, deployment: Object, current: Object, old: list[Object]) -> Object:
        """Up to as many more than wanted as the surge allows."""
        wanted = _wanted(deployment)
        size = current["spec"]["replicas"]
        if size > wanted:
            return self._resize(deployment, current, wanted)
        total = size + sum(one["spec"]["replicas"] for one in old)
        room = wanted + _surge(deployment) - total
        return self._resize(deployment, current, min(wanted, size + max(0, room)))

    def _shrink(self, deployment: Object, current: Object, old: list[Object]) -> None:
        """Old pods that are not available go first, then as many others as can be spared."""
        wanted = _wanted(deployment)
        least = wanted - _unavailable(deployment)
        sizes = {one["metadata"]["uid"]: one["spec"]["replicas"] for one in old}
        new_missing = current["spec"]["replicas"] - current["status"].get("availableReplicas", 0)
        total = sum(sizes.values()) + current["spec"]["replicas"]
        room = total - least - new_missing
        if (
            room <= 0
        ):  # the real server counts what it wants here: pods that are told to go still count as available
            return
        for one in sorted(old, key=lambda one: one["metadata"]["creationTimestamp"]):
            uid = one["metadata"]["uid"]
            unhealthy = sizes[uid] - one["status"].get("availableReplicas", 0)
            going = max(0, min(room, unhealthy))
            sizes[uid], room = sizes[uid] - going, room - going
        available = sum(one["status"].get("availableReplicas", 0) for one in (current, *old))
        spare = available - least
        for one in sorted(old, key=lambda one: one["metadata"]["creationTimestamp"]):
            uid = one["metadata"]["uid"]
            going = max(0, min(spare, sizes[uid]))
            sizes[uid], spare = sizes[uid] - going, spare - going
            self._resize(deployment, one, sizes[uid])

    def _scale_paused(self, deployment: Object, current: Object | None, sets: list[Object]) -> None:
        """A paused deployment still follows its size, in the set that is there."""
        alive = [one for one in sets if one["spec"]["replicas"]] or ([current] if current else [])
        if len(alive) == 1:
            self._resize(deployment, alive[0], _wanted(deployment))

    def _forget_old(self, deployment: Object, old: list[Object]) -> None:
        empty = [one for one in old if not one["spec"]["replicas"] and not one["status"].get("replicas")]
        surplus = len(empty) - deployment["spec"].get("revisionHistoryLimit", 10)
        for one in sorted(empty, key=_revision)[: max(0, surplus)]:
            self._store.delete("replicasets", one["metadata"]["namespace"], one["metadata"]["name"])

    def _resize(self, deployment: Object, replica_set: Object, size: int) -> Object:
        before = replica_set["spec"]["replicas"]
        if before == size:
            return replica_set
        fresh = self._store.put(
            "replicasets", replica_set | {"spec": replica_set["spec"] | {"replicas": size}}
        )
        way = "up" if size > before else "down"
        text = f"Scaled {way} replica set {replica_set['metadata']['name']} from {before} to {size}"
        self._events.normal(deployment, "ScalingReplicaSet", text, component=_COMPONENT)
        return fresh

    def _report(self, deployment: Object, current: Object | None) -> float | None:
        sets = self._store.owned("replicasets", deployment)
        figures = _figures(sets, current)
        status = deployment.get("status", {})
        conditions = self._conditions(deployment, current, sets, figures)
        fresh: Object = {name: value for name, value in figures.items() if value}
        fresh |= {"observedGeneration": deployment["metadata"]["generation"], "conditions": conditions}
        if status.get("collisionCount"):
            fresh["collisionCount"] = status["collisionCount"]
        return self._until_late_s(self._store.put_status("deployments", deployment, fresh))

    def _conditions(
        self, deployment: Object, current: Object | None, sets: list[Object], figures: dict[str, int]
    ) -> list[Object]:
        conditions: list[Object] = deployment.get("status", {}).get("conditions", [])
        enough = figures["availableReplicas"] >= _wanted(deployment) - _unavailable(deployment)
        text = f"Deployment {'has' if enough else 'does not have'} minimum availability."
        reason = f"MinimumReplicas{'Available' if enough else 'Unavailable'}"
        available = {"type": "Available", "status": str(enough), "reason": reason, "message": text}
        conditions = with_condition(self._store, conditions, available)
        conditions = self._progressing(deployment, current, conditions, figures)
        failure = next((found for one in sets if (found := condition_of(one, "ReplicaFailure"))), None)
        if failure is None:
            return without_condition(conditions, "ReplicaFailure")
        kept = {name: failure[name] for name in ("type", "status", "reason", "message")}
        return with_condition(self._store, conditions, kept)

    def _progressing(
        self, deployment: Object, current: Object | None, conditions: list[Object], figures: dict[str, int]
    ) -> list[Object]:
        old = condition_of(deployment, "Progressing") or {}
        name = f'ReplicaSet "{current["metadata"]["name"]}"' if current else "Deployment"
        wanted: Object = {"type": "Progressing", "status": "True"}
        if deployment["spec"].get("paused"):
            wanted |= {"status": "Unknown", "reason": "DeploymentPaused", "message": "Deployment is paused"}
            return with_condition(self._store, conditions, wanted)
        if old.get("reason") == "DeploymentPaused":
            wanted |= {"status": "Unknown", "reason": "DeploymentResumed", "message": "Deployment is resumed"}
            return with_condition(self._store, conditions, wanted)
        if _is_complete(deployment, figures):
            text = f"{name} has successfully progressed."
            return with_condition(
                self._store, conditions, wanted | {"reason": "NewReplicaSetAvailable", "message": text}
            )
        if _has_moved(deployment.get("status", {}), figures):
            text = f"{name} is progressing."
            fresh = wanted | {"reason": "ReplicaSetUpdated", "message": text}
            return with_condition(self._store, conditions, fresh, touch=True)
        if self._is_late(deployment, old):
            text = f"{name} has timed out progressing."
            late = {"type": "Progressing", "status": "False", "reason": DEADLINE_EXCEEDED, "message": text}
            return with_condition(self._store, conditions, late)
        return conditions

    def _progress(self, deployment: Object, reason: str, message: str) -> None:
        subject = self._again(deployment)
        status = subject.get("status", {})
        wanted = {"type": "Progressing", "status": "True", "reason": reason, "message": message}
        conditions = with_condition(self._store, status.get("conditions", []), wanted, touch=True)
        self._store.put_status("deployments", subject, status | {"conditions": conditions})

    def _is_late(self, deployment: Object, progressing: Object) -> bool:
        if not progressing or progressing["reason"] == "NewReplicaSetAvailable":
            return False
        limit_s = deployment["spec"].get("progressDeadlineSeconds", _DEFAULT_DEADLINE_S)
        return self._store.now() - seconds_of(progressing["lastUpdateTime"]) > float(limit_s)

    def _until_late_s(self, deployment: Object) -> float | None:
        progressing = condition_of(deployment, "Progressing") or {}
        settled = {"NewReplicaSetAvailable", DEADLINE_EXCEEDED, "DeploymentPaused"}
        if not progressing or progressing["reason"] in settled:
            return None
        limit_s = deployment["spec"].get("progressDeadlineSeconds", _DEFAULT_DEADLINE_S)
        left_s = seconds_of(progressing["lastUpdateTime"]) + float(limit_s) - self._store.now()
        return max(0.0, left_s) + 0.1

    def _again(self, deployment: Object) -> Object:
        return self._store.get(
            "deployments", deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        )


def _figures(sets: list[Object], current: Object | None) -> dict[str, int]:
    def total(name: str) -> int:
        return sum(one["status"].get(name, 0) for one in sets)

    wanted, available = sum(one["spec"]["replicas"] for one in sets), total("availableReplicas")
    updated = next(
        (one for one in sets if current and one["metadata"]["uid"] == current["metadata"]["uid"]), {}
    )
    return {
        "replicas": total("replicas"),
        "updatedReplicas": updated.get("status", {}).get("replicas", 0),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }


def _is_complete(deployment: Object, figures: dict[str, int]) -> bool:
    wanted = _wanted(deployment)
    return (figures["updatedReplicas"], figures["replicas"], figures["availableReplicas"]) == (wanted,) * 3


def _has_moved(before: Object, figures: dict[str, int]) -> bool:
    """Whether a rollout came further: more of the new pods, fewer of the old ones, more ready or available."""

    def old_pods(status: Object) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    return (
        figures["updatedReplicas"] > before.get("updatedReplicas", 0)
        or old_pods(figures) < old_pods(before)
        or figures["readyReplicas"] > before.get("readyReplicas", 0)
        or figures["availableReplicas"] > before.get("availableReplicas", 0)
    )


def _wanted(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _surge(deployment: Object) -> int:
    return _bounds(deployment)[0]


def _unavailable(deployment: Object) -> int:
    return _bounds(deployment)[1]


def _bounds(deployment: Object) -> tuple[int, int]:
    """The pods that may be there above the wanted number, and that may be missing below it."""
    strategy, wanted = deployment["spec"].get("strategy", {}), _wanted(deployment)
    if strategy.get("type") == "Recreate":
        return 0, wanted
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge", "25%"), wanted, rounds_up=True)
    missing = share(rolling.get("maxUnavailable", "25%"), wanted, rounds_up=False)
    return surge, min(wanted, 1 if not surge and not missing else missing)


def share(text: object, whole: int, *, rounds_up: bool) -> int:
    """A number, or the percentage of a whole."""
    if isinstance(text, int):
        return text
    exact = Decimal(str(text).rstrip("%")) * whole / 100
    return math.ceil(exact) if rounds_up else math.floor(exact)


def _current(deployment: Object, sets: list[Object]) -> Object | None:
    digest = template_hash(deployment["spec"]["template"])
    return next((one for one in sets if one["metadata"]["labels"].get(HASH) == digest), None)


def _revision(replica_set: Object) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(REVISION, 0))


def _last_revision(sets: list[Object]) -> int:
    return max(map(_revision, sets), default=0)
