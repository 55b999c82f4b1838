"""The kubelet: pods start, get ready, fail on demand, write logs, and go."""

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson

from backend.sandbox.kubernetes.store import Object, RefusedError, Store

WAITING_REASONS = {
    "ImagePullBackOff": 'Back-off pulling image "{image}"',
    "ErrImagePull": 'rpc error: code = NotFound desc = failed to pull image "{image}": not found',
    "CrashLoopBackOff": "back-off 10s restarting failed container",
    "CreateContainerConfigError": 'secret "docuchat-openai" not found',
}
UNSCHEDULABLE = "Unschedulable"
BROKEN_TAG = "missing"
EVENTS_KEPT = 300
_LOG_EVERY_S = 2.0


@dataclass(slots=True)
class Kubelet:
    """The state of pods that the API does not show."""

    store: Store
    start_s: float = 2.0
    stop_s: float = 1.0
    job_s: float = 3.0
    stuck: dict[str, str] = field(default_factory=dict)
    failing_jobs: set[str] = field(default_factory=set)
    logs: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    _since: dict[str, float] = field(default_factory=dict)
    _gone_since: dict[str, float] = field(default_factory=dict)

    def step(self) -> None:
        """Run a step for all pods."""
        for pod in self.store.listed("pods"):
            if "deletionTimestamp" in pod["metadata"]:
                self._stop(pod)
            else:
                self._run(pod)

    def is_running(self, uid: str) -> bool:
        """Whether the pod is there and has not ended."""
        pods = self.store.listed("pods", fits=lambda one: one["metadata"]["uid"] == uid)
        return any(pod["status"]["phase"] in {"Pending", "Running"} for pod in pods)

    def _stop(self, pod: Object) -> None:
        meta, now = pod["metadata"], self.store.now()
        if now - self._gone_since.setdefault(meta["uid"], now) >= self.stop_s:
            self.store.delete("pods", meta["namespace"], meta["name"])
            self.logs.pop(meta["uid"], None)

    def _run(self, pod: Object) -> None:
        meta, now = pod["metadata"], self.store.now()
        age = now - self._since.setdefault(meta["uid"], now)
        phase = pod["status"]["phase"]
        if phase in {"Succeeded", "Failed"}:
            return
        if reason := self._trouble(pod):
            self._hinder(pod, reason)
        elif age < self.start_s:
            self._set(pod, "Pending", {"waiting": {"reason": "ContainerCreating"}})
        elif meta["labels"].get("job-name"):
            self._work(pod, age - self.start_s)
        else:
            self._serve(pod, age)

    def _trouble(self, pod: Object) -> str | None:
        if any(one["image"].endswith(f":{BROKEN_TAG}") for one in pod["spec"]["containers"]):
            return "ImagePullBackOff"
        prefix = f"{pod['metadata'].get('generateName', '')}"
        hits = (
            why for name, why in self.stuck.items() if prefix.startswith(f"{name}-") and not is_ready(pod)
        )
        return next(hits, None)

    def _hinder(self, pod: Object, reason: str) -> None:
        if reason == UNSCHEDULABLE:
            text = "0/3 nodes are available: 3 Insufficient memory."
            condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": text}
            if pod["status"].get("conditions") != [condition]:
                note(self.store, pod, "FailedScheduling", text, is_warning=True)
            self._put(pod, {"phase": "Pending", "conditions": [condition]})
            return
        image = pod["spec"]["containers"][0]["image"]
        text = WAITING_REASONS.get(reason, "back-off").format(image=image)
        state: Object = {"waiting": {"reason": reason, "message": text}}
        last: Object = {}
        if reason == "CrashLoopBackOff":
            last = {
                "terminated": {
                    "exitCode": 1,
                    "reason": "Error",
                    "startedAt": pod["metadata"]["creationTimestamp"],
                }
            }
            self._say(pod, "error", "could not start: no route to the database")
        if _state(pod) != state:
            note(self.store, pod, "BackOff" if "BackOff" in reason else "Failed", text, is_warning=True)
        self._set(pod, "Pending" if reason != "CrashLoopBackOff" else "Running", state, last=last)

    def _serve(self, pod: Object, age: float) -> None:
        if not is_ready(pod):
            note(self.store, pod, "Started", f"Started container {pod['spec']['containers'][0]['name']}")
            self._say(pod, "info", "listening")
        self._set(
            pod, "Running", {"running": {"startedAt": pod["metadata"]["creationTimestamp"]}}, ready=True
        )
        lines = self.logs[pod["metadata"]["uid"]]
        if lines and self.store.now() - lines[-1][0] >= _LOG_EVERY_S:
            self._say(pod, "info", f"handled a request, up for {age:.0f} s")

    def _work(self, pod: Object, age: float) -> None:
        """A job's pod runs for a while, writing as it goes, and ends."""
        done = len(self.logs[pod["metadata"]["uid"]])
        for step in range(done, min(int(age / self.job_s * 10), 10)):
            self._say(pod, "info", f"step {step + 1} of 10")
        if age < self.job_s:
            self._set(pod, "Running", {"running": {"startedAt": self.store.stamp()}}, ready=True)
            return
        failed = pod["metadata"]["labels"]["job-name"] in self.failing_jobs
        ended = {
            "exitCode": int(failed),
            "reason": "Error" if failed else "Completed",
            "finishedAt": self.store.stamp(),
        }
        self._set(pod, "Failed" if failed else "Succeeded", {"terminated": ended})

    def _set(
        self, pod: Object, phase: str, state: Object, *, ready: bool = False, last: Object | None = None
    ) -> None:
        old = (pod["status"].get("containerStatuses") or [{}])[0]
        if "running" in state and "running" in old.get("state", {}):
            state = old["state"]
        container = pod["spec"]["containers"][0]
        status = {
            "name": container["name"],
            "image": container["image"],
            "ready": ready,
            "restartCount": 3 if last else 0,
            "state": state,
            "lastState": last or {},
        }
        conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": str(ready)}]
        self._put(pod, {"phase": phase, "conditions": conditions, "containerStatuses": [status]})

    def _put(self, pod: Object, status: Object) -> None:
        self.store.put("pods", pod | {"status": pod["status"] | status})

    def _say(self, pod: Object, level: str, text: str) -> None:
        line = orjson.dumps({"level": level, "event": text, "pod": pod["metadata"]["name"]}).decode()
        lines = self.logs[pod["metadata"]["uid"]]
        if not lines or lines[-1][1] != line:
            lines.append((self.store.now(), line))


def is_ready(pod: Object) -> bool:
    """Whether a pod counts as available."""
    conditions: list[dict[str, Any]] = pod["status"].get("conditions", [])
    is_going = "deletionTimestamp" in pod["metadata"]
    return not is_going and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def make_pod(store: Store, maker: Object, owner: Object) -> Object:
    """A pod from its maker's template."""
    meta, template = maker["metadata"], maker["spec"]["template"]
    prefix = f"{meta['name']}-"
    wanted = {
        "metadata": {
            "name": prefix + secrets.token_hex(3)[:5],
            "generateName": prefix,
            "namespace": meta["namespace"],
            "labels": template.get("metadata", {}).get("labels", {}),
            "annotations": template.get("metadata", {}).get("annotations", {}),
            "ownerReferences": [owner],
        },
        "spec": template["spec"] | {"nodeName": "node-1"},
        "status": {"phase": "Pending"},
    }
    return store.create("pods", wanted)


def note(store: Store, subject: Object, reason: str, message: str, *, is_warning: bool = False) -> None:
    """An event about an object."""
    meta, now = subject["metadata"], store.stamp()
    involved = {
        "kind": subject["kind"],
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    event = {
        "metadata": {"name": f"{meta['name']}.{secrets.token_hex(8)}", "namespace": meta["namespace"]},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": "Warning" if is_warning else "Normal",
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": "sandbox"},
    }
    store.create("events", event)
    for old in store.listed("events")[:-EVENTS_KEPT]:
        store.delete("events", old["metadata"]["namespace"], old["metadata"]["name"])


def _state(pod: Object) -> Object:
    found: Object = (pod["status"].get("containerStatuses") or [{}])[0].get("state", {})
    return found


def pod_of(store: Store, namespace: str, name: str) -> Object:
    """The pod whose log is wanted.

    Raises:
        RefusedError: 404 for an unknown one, 400 for one whose container has not started.
    """
    pod = store.get("pods", namespace, name)
    state = _state(pod)
    if "waiting" in state and state["waiting"]["reason"] != "CrashLoopBackOff":
        container = pod["spec"]["containers"][0]["name"]
        why = f'container "{container}" in pod "{name}" is waiting to start: {state["waiting"]["reason"]}'
        raise RefusedError(400, "BadRequest", why)
    return pod
