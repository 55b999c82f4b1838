"""The job controller: pods until one succeeds or too many failed."""

from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.pods import end_pod, is_active, is_ready, try_make_pod
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, is_going, seconds_of

_COMPONENT = "job-controller"
_RETRY_S = 3.0


class JobController:
    """Gives a job its pod, tells how it ended, and removes it when its time after that is over."""

    def __init__(self, store: Store, events: Recorder) -> None:
        """Work on a store."""
        self._store, self._events = store, events

    def sync(self, key: ObjectKey) -> float | None:
        """A step; the seconds until the job wants to be looked at again."""
        job = self._store.find("jobs", key)
        if job is None or is_going(job):
            return None
        if _result(job):
            return self._expire(job)
        if job["spec"].get("suspend"):
            return None
        pods = self._store.owned("pods", job)
        late_s = self._until_late_s(job)
        failed = sum(one["status"].get("phase") == "Failed" for one in pods)
        if any(one["status"].get("phase") == "Succeeded" for one in pods):
            done = {"succeeded": 1, "completionTime": self._store.stamp()}
            self._end(
                job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods", done
            )
        elif failed > job["spec"].get("backoffLimit", 6):
            text = "Job has reached the specified backoff limit"
            self._end(job, "Failed", "BackoffLimitExceeded", text, {"failed": failed})
        elif late_s is not None and late_s <= 0:
            text = "Job was active longer than specified deadline"
            self._end(job, "Failed", "DeadlineExceeded", text, {"failed": failed + 1})
            for pod in filter(is_active, pods):
                end_pod(self._store, pod)
        elif not any(map(is_active, pods)) and self._start(job):
            return _RETRY_S
        else:
            self._count(job, failed)
        return late_s if late_s is not None and late_s > 0 else None

    def _start(self, job: Object) -> str:
        """A new pod; the sentence of the admission when it refuses. Of a job only an event tells it."""
        if "startTime" not in job.get("status", {}):
            self._store.put_status("jobs", job, {"startTime": self._store.stamp()})
        labels = {
            "job-name": job["metadata"]["name"],
            "batch.kubernetes.io/job-name": job["metadata"]["name"],
        }
        pod, refusal = try_make_pod(self._store, job, labels=labels)
        if pod is None:
            self._events.warn(job, "FailedCreate", f"Error creating: {refusal}", component=_COMPONENT)
            return refusal
        text = f"Created pod: {pod['metadata']['name']}"
        self._events.normal(job, "SuccessfulCreate", text, component=_COMPONENT)
        return ""

    def _count(self, job: Object, failed: int) -> None:
        pods = [one for one in self._store.owned("pods", job) if is_active(one)]
        figures = {"active": len(pods), "ready": sum(map(is_ready, pods)), "failed": failed}
        subject = self._store.get("jobs", job["metadata"]["namespace"], job["metadata"]["name"])
        start = subject.get("status", {}).get("startTime") or self._store.stamp()
        status = {"startTime": start, "ready": figures["ready"]}
        self._store.put_status(
            "jobs", job, status | {name: value for name, value in figures.items() if value}
        )

    def _until_late_s(self, job: Object) -> float | None:
        limit_s = job["spec"].get("activeDeadlineSeconds")
        return None if limit_s is None else float(limit_s) - self._store.age_s(job)

    def _end(self, job: Object, kind: str, reason: str, message: str, figures: Object) -> None:
        condition = {
            "type": kind,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastProbeTime": self._store.stamp(),
            "lastTransitionTime": self._store.stamp(),
        }
        start = job["status"].get("startTime")
        self._store.put_status(
            "jobs", job, {"startTime": start, "ready": 0, "conditions": [condition], **figures}
        )
        if kind == "Complete":
            self._events.normal(job, "Completed", "Job completed", component=_COMPONENT)
        else:
            self._events.warn(job, reason, message, component=_COMPONENT)

    def _expire(self, job: Object) -> float | None:
        """A finished job goes with its pods when its ``ttlSecondsAfterFinished`` are over."""
        limit_s = job["spec"].get("ttlSecondsAfterFinished")
        result = _result(job)
        if limit_s is None or result is None:
            return None
        left_s = seconds_of(result["lastTransitionTime"]) + float(limit_s) - self._store.now()
        if left_s > 0:
            return left_s
        self._store.delete("jobs", job["metadata"]["namespace"], job["metadata"]["name"])
        return None


def _result(job: Object) -> Object | None:
    found = job.get("status", {}).get("conditions", ())
    return next((one for one in found if one["type"] in {"Complete", "Failed"}), None)
