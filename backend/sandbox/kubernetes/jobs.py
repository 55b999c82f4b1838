"""The job controller: one pod for each job, and its result."""

from backend.sandbox.kubernetes.deployments import owner
from backend.sandbox.kubernetes.pods import make_pod, note
from backend.sandbox.kubernetes.store import Object, Store


class JobController:
    """Gives jobs their pod and tells how it ended; sweeps up pods whose maker is gone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def step(self) -> None:
        """Run a step for all jobs."""
        for job in self._store.listed("jobs"):
            if not job.get("status", {}).get("conditions"):
                self._advance(job)
        self._sweep()

    def _advance(self, job: Object) -> None:
        pods = self._store.owned("pods", job)
        if not pods:
            template = job["spec"]["template"]
            labels = template.setdefault("metadata", {}).setdefault("labels", {})
            labels |= {"job-name": job["metadata"]["name"]}
            pod = make_pod(self._store, job, owner(job, "Job", "batch/v1"))
            note(self._store, job, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
            self._put(job, {"active": 1, "startTime": self._store.stamp()})
            return
        match pods[0]["status"]["phase"]:
            case "Succeeded":
                self._end(job, "Complete", "", {"succeeded": 1, "completionTime": self._store.stamp()})
            case "Failed":
                self._end(job, "Failed", "BackoffLimitExceeded", {"failed": 1})
            case _ if self._is_late(job):
                self._end(job, "Failed", "DeadlineExceeded", {"failed": 1})
                self._remove(pods[0])

    def _is_late(self, job: Object) -> bool:
        limit = job["spec"].get("activeDeadlineSeconds")
        age_s = self._store.age_s(job)
        return limit is not None and age_s > limit

    def _end(self, job: Object, kind: str, reason: str, figures: Object) -> None:
        condition = {
            "type": kind,
            "status": "True",
            "reason": reason,
            "lastTransitionTime": self._store.stamp(),
        }
        start = job["status"].get("startTime")
        self._put(job, {"startTime": start, "conditions": [condition], **figures})
        note(self._store, job, "Completed" if kind == "Complete" else reason, f"Job {kind.lower()}")

    def _put(self, job: Object, status: Object) -> None:
        self._store.put("jobs", self._store.get("jobs", *_key(job)) | {"status": status})

    def _sweep(self) -> None:
        """Delete objects whose owner is gone, as the garbage collector does."""
        deployments = {one["metadata"]["uid"] for one in self._store.listed("deployments")}
        for replica_set in self._store.listed("replicasets"):
            if replica_set["metadata"]["ownerReferences"][0]["uid"] not in deployments:
                self._store.delete("replicasets", *_key(replica_set))
        alive = {
            one["metadata"]["uid"] for plural in ("jobs", "replicasets") for one in self._store.listed(plural)
        }
        for pod in self._store.listed("pods"):
            makers = {ref["uid"] for ref in pod["metadata"].get("ownerReferences", [])}
            if makers and not makers & alive:
                self._remove(pod)

    def _remove(self, pod: Object) -> None:
        if "deletionTimestamp" not in pod["metadata"]:
            pod["metadata"]["deletionTimestamp"] = self._store.stamp()
            self._store.put("pods", pod)


def _key(subject: Object) -> tuple[str, str]:
    return subject["metadata"]["namespace"], subject["metadata"]["name"]
