"""The stateful set controller: numbered pods, in order, each revision a record of its own."""

from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.pods import end_pod, is_available, is_ready, template_hash, try_make_pod
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, is_going, owner_reference

REVISION_LABEL = "controller-revision-hash"
_COMPONENT = "statefulset-controller"
_RETRY_S = 3.0


class StatefulSetController:
    """Makes the pods of a stateful set from the first to the last, and replaces them from the last to the first."""

    def __init__(self, store: Store, events: Recorder) -> None:
        """Work on a store."""
        self._store, self._events = store, events

    def sync(self, key: ObjectKey) -> float | None:
        """A step; the seconds until the set wants to be looked at again."""
        subject = self._store.find("statefulsets", key)
        if subject is None or is_going(subject):
            return None
        update = revision_of(self._store, subject)
        current = subject.get("status", {}).get("currentRevision") or update
        pods = {_ordinal(one): one for one in self._store.owned("pods", subject)}
        refusal = self._move(subject, pods, current, update)
        pods = {_ordinal(one): one for one in self._store.owned("pods", subject)}
        self._report(subject, list(pods.values()), current, update)
        wait_s = subject["spec"].get("minReadySeconds", 0)
        return _RETRY_S if refusal else wait_s or None

    def _move(self, subject: Object, pods: dict[int, Object], current: str, update: str) -> str:
        """Make, end or replace the next pod in order; with Parallel, make all at once."""
        size, spec = subject["spec"].get("replicas", 1), subject["spec"]
        in_order = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        partition = (spec.get("updateStrategy", {}).get("rollingUpdate") or {}).get("partition", 0)
        for number in range(size):
            pod = pods.get(number)
            if pod is None:
                revision = current if number < partition else update
                if refusal := self._make(subject, number, revision):
                    return refusal
            if in_order and (pod is None or not is_ready(pod)):
                return ""
        surplus = sorted((number for number in pods if number >= size), reverse=True)
        for number in surplus:
            if not is_going(pods[number]):
                self._end(subject, pods[number])
            if in_order:
                return ""
        if spec.get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate":
            self._replace(subject, pods, partition, update)
        return ""

    def _replace(self, subject: Object, pods: dict[int, Object], partition: int, update: str) -> None:
        """The last pod of another revision goes, and the next one when its successor is ready."""
        for number in sorted((one for one in pods if one >= partition), reverse=True):
            pod = pods[number]
            if is_going(pod):
                return
            if pod["metadata"]["labels"].get(REVISION_LABEL) != update:
                self._end(subject, pod)
                return
            if not is_ready(pod):
                return

    def _make(self, subject: Object, number: int, revision: str) -> str:
        meta = subject["metadata"]
        name = f"{meta['name']}-{number}"
        labels = {
            REVISION_LABEL: revision,
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(number),
        }
        maker = self._at_revision(subject, revision)
        spec = self._with_claims(maker, number)
        pod, refusal = try_make_pod(self._store, maker, name=name, labels=labels, spec=spec)
        if pod is None:
            text = f"create Pod {name} in StatefulSet {meta['name']} failed error: {refusal}"
            self._events.warn(subject, "FailedCreate", text, component=_COMPONENT)
            return refusal
        text = f"create Pod {name} in StatefulSet {meta['name']} successful"
        self._events.normal(subject, "SuccessfulCreate", text, component=_COMPONENT)
        return ""

    def _with_claims(self, maker: Object, number: int) -> Object:
        """The volumes of a pod, those of its own claims among them; a claim that nobody made yet is made."""
        own = []
        for template in maker["spec"].get("volumeClaimTemplates", ()):
            volume = template["metadata"]["name"]
            name = f"{volume}-{maker['metadata']['name']}-{number}"
            key = (maker["metadata"]["namespace"], name)
            if self._store.find("persistentvolumeclaims", key) is None:
                meta = {"name": name, "namespace": key[0]}
                claim = {"metadata": meta, "spec": template["spec"], "status": {"phase": "Pending"}}
                self._store.create("persistentvolumeclaims", claim)
            own.append({"name": volume, "persistentVolumeClaim": {"claimName": name}})
        names = {one["name"] for one in own}
        others = [
            one for one in maker["spec"]["template"]["spec"].get("volumes", ()) if one["name"] not in names
        ]
        return {"volumes": [*others, *own]} if own else {}

    def _at_revision(self, subject: Object, revision: str) -> Object:
        """The set with the template of a revision."""
        found = self._store.find("controllerrevisions", (subject["metadata"]["namespace"], revision))
        if found is None:
            return subject
        template: Object = found["data"]["spec"]["template"]
        return subject | {"spec": subject["spec"] | {"template": template}}

    def _end(self, subject: Object, pod: Object) -> None:
        end_pod(self._store, pod)
        text = f"delete Pod {pod['metadata']['name']} in StatefulSet {subject['metadata']['name']} successful"
        self._events.normal(subject, "SuccessfulDelete", text, component=_COMPONENT)

    def _report(self, subject: Object, pods: list[Object], current: str, update: str) -> None:
        wait_s = subject["spec"].get("minReadySeconds", 0)
        revisions = [one["metadata"]["labels"].get(REVISION_LABEL) for one in pods if not is_going(one)]
        ready = sum(map(is_ready, pods))
        updated = revisions.count(update)
        strategy = subject["spec"].get("updateStrategy", {}).get("type", "RollingUpdate")
        if strategy == "RollingUpdate" and updated == len(pods) == ready == subject["spec"].get(
            "replicas", 1
        ):
            current = update
        status = {
            "observedGeneration": subject["metadata"]["generation"],
            "replicas": len(pods),
            "availableReplicas": sum(is_available(self._store, one, wait_s) for one in pods),
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
        }
        figures = {
            "readyReplicas": ready,
            "currentReplicas": revisions.count(current),
            "updatedReplicas": updated,
        }
        self._store.put_status(
            "statefulsets", subject, status | {name: value for name, value in figures.items() if value}
        )


def revision_of(store: Store, subject: Object) -> str:
    """The name of the record of a workload's template; made when the template is new."""
    meta = subject["metadata"]
    name = f"{meta['name']}-{template_hash(subject['spec']['template'])}"
    found = store.find("controllerrevisions", (meta["namespace"], name))
    others = store.owned("controllerrevisions", subject)
    newest = max((one["revision"] for one in others), default=0)
    if found is not None:
        if found["revision"] < newest:
            store.put("controllerrevisions", found | {"revision": newest + 1})
        return name
    record = {
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": subject["spec"]["template"]["metadata"]["labels"]
            | {REVISION_LABEL: name.rpartition("-")[2]},
            "ownerReferences": [owner_reference(subject)],
        },
        "data": {"spec": {"template": subject["spec"]["template"] | {"$patch": "replace"}}},
        "revision": newest + 1,
    }
    store.create("controllerrevisions", record)
    return name


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])
