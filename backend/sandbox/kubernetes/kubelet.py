"""The kubelet of every node: pods start, get ready, fail, write logs, and go."""

from dataclasses import dataclass, field

from backend.sandbox.kubernetes.containers import NEVER, Box, ContainerStep, Runtime, is_of_job
from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.scheduler import Scheduler
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, is_going

_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(slots=True)
class _Run:
    """A pod on its node."""

    inits: list[Box]
    boxes: list[Box]
    ip: str
    started: str
    pulled_at: float
    gone_since: float | None = None


@dataclass(slots=True, kw_only=True)
class Kubelet:
    """Drives the pods. Those that are ``frozen`` keep the status that they have."""

    store: Store
    events: Recorder
    scheduler: Scheduler
    runtime: Runtime
    frozen: set[str] = field(default_factory=set)
    _runs: dict[str, _Run] = field(default_factory=dict)
    _addresses: int = 0

    def sync(self, key: ObjectKey) -> float | None:
        """Move a pod on; the seconds until its next step."""
        pod = self.store.find("pods", key)
        if pod is None or pod["metadata"]["uid"] in self.frozen:
            return None
        if is_going(pod):
            return self._stop(pod)
        if not pod["spec"].get("nodeName"):
            return self.scheduler.bind(pod)
        if pod["status"].get("phase") in _ENDED:
            return None
        return self._run(pod)

    def poke(self, pod: Object) -> None:
        """Have running containers looked at: a fault came or went."""
        run = self._runs.get(pod["metadata"]["uid"])
        for box in run.boxes if run else ():
            if box.step is ContainerStep.RUNNING and not is_of_job(pod):
                box.due = min(box.due, self.store.now())

    def is_running(self, uid: str, container: str) -> bool:
        """Whether a container is there and has not ended."""
        run = self._runs.get(uid)
        return run is not None and any(
            one.name == container and one.step is ContainerStep.RUNNING for one in (*run.inits, *run.boxes)
        )

    def forget(self) -> None:
        """Begin anew, as with an empty cluster."""
        self.runtime.real.end_all()
        self.frozen.clear()
        self._runs.clear()

    def _run(self, pod: Object) -> float | None:
        uid = pod["metadata"]["uid"]
        run = self._runs.get(uid)
        if run is None:
            run = self._runs[uid] = self._begin(pod)
            pod = self.store.put_status("pods", pod, pod["status"] | {"podIP": run.ip})
        self._advance(pod, run)
        self.store.put_status("pods", pod, self._status(pod, run))
        due = min(box.due for box in (*run.inits, *run.boxes))
        return None if due == NEVER else max(0.0, due - self.store.now())

    def _advance(self, pod: Object, run: _Run) -> None:
        """Move the init containers on, one after the other, and the others when the last has succeeded."""
        for box in (*run.inits, *run.boxes):
            if box.step is ContainerStep.CREATING and box.due == NEVER:
                box.due = max(self.store.now(), run.pulled_at)
            self.runtime.advance(pod, box)
            if box.is_init and not box.has_succeeded:
                return

    def _begin(self, pod: Object) -> _Run:
        """The images take the first half of the time that a start needs."""
        self._addresses += 1
        spec = pod["spec"]
        return _Run(
            inits=[Box(spec=one, due=NEVER, is_init=True) for one in spec.get("initContainers", ())],
            boxes=[Box(spec=one, due=NEVER) for one in spec["containers"]],
            ip=self.runtime.real.address_of(pod)
            or f"10.244.{self._addresses // 250 % 250}.{self._addresses % 250 + 2}",
            started=self.store.stamp(),
            pulled_at=self.store.now() + self.runtime.timings.start_s / 2,
        )

    def _stop(self, pod: Object) -> float | None:
        """A going pod serves no more, and is gone a moment later."""
        meta, now = pod["metadata"], self.store.now()
        run = self._runs.get(meta["uid"])
        if run is None:
            self.store.delete("pods", meta.get("namespace", ""), meta["name"])
            return None
        if run.gone_since is None:
            run.gone_since = now
            for box in run.boxes:
                if box.step is ContainerStep.RUNNING:
                    text = f"Stopping container {box.name}"
                    self.events.normal(pod, "Killing", text, path=f"spec.containers{{{box.name}}}")
        left_s = run.gone_since + self.runtime.timings.stop_s - now
        if left_s > 0 and not self.runtime.real.has(meta["uid"]):
            return left_s
        if (wait_s := self.runtime.real.stop(meta["uid"], meta["deletionGracePeriodSeconds"])) is not None:
            return wait_s
        for box in run.boxes:
            box.step = ContainerStep.DONE
        self.store.delete("pods", meta.get("namespace", ""), meta["name"])
        del self._runs[meta["uid"]]
        self.runtime.logs.forget(meta["uid"])
        return None

    def _status(self, pod: Object, run: _Run) -> Object:
        phase = _phase(run)
        conditions = self._conditions(pod, run, phase)
        inits = {"initContainerStatuses": [box.status(pod) for box in run.inits]} if run.inits else {}
        fresh: Object = pod["status"] | {
            "phase": phase,
            "conditions": conditions,
            "hostIP": "10.0.0.10",
            "podIP": run.ip,
            "podIPs": [{"ip": run.ip}],
            "startTime": run.started,
            "containerStatuses": [box.status(pod) for box in run.boxes],
            "qosClass": "Burstable",
        }
        fresh |= inits
        return fresh

    def _conditions(self, pod: Object, run: _Run, phase: str) -> list[Object]:
        boxes = run.boxes
        unready = [box.name for box in boxes if not box.is_ready]
        why: Object = {}
        if phase in _ENDED:
            why = {"reason": "PodCompleted" if phase == "Succeeded" else "PodFailed"}
        elif unready:
            text = f"containers with unready status: [{' '.join(unready)}]"
            why = {"reason": "ContainersNotReady", "message": text}
        unended = [box.name for box in run.inits if not box.has_succeeded]
        uninitialized: Object = {}
        if unended:
            text = f"containers with incomplete status: [{' '.join(unended)}]"
            uninitialized = {"reason": "ContainersNotInitialized", "message": text}
        ready = not unready and phase not in _ENDED
        old = {one["type"]: one for one in pod["status"].get("conditions", ())}
        has_started = any("waiting" not in box.state or box.last for box in boxes)
        return [
            self._condition(old, "PodReadyToStartContainers", is_true=has_started),
            self._condition(old, "Initialized", is_true=not unended, **uninitialized),
            self._condition(old, "Ready", is_true=ready, **why),
            self._condition(old, "ContainersReady", is_true=ready, **why),
            self._condition(old, "PodScheduled", is_true=True),
        ]

    def _condition(self, old: Object, kind: str, *, is_true: bool, **why: str) -> Object:
        """A condition; its time moves when its status does."""
        status = str(is_true)
        before = old.get(kind, {})
        since = before["lastTransitionTime"] if before.get("status") == status else self.store.stamp()
        return {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since, **why}


def _phase(run: _Run) -> str:
    if all(box.step is ContainerStep.DONE for box in run.boxes):
        return "Succeeded" if all(box.has_succeeded for box in run.boxes) else "Failed"
    if any(box.step is ContainerStep.DONE and not box.has_succeeded for box in run.inits):
        return "Failed"
    has_begun = all(box.has_succeeded for box in run.inits)
    waits = any("waiting" in box.state and not box.last for box in run.boxes)
    return "Pending" if waits or not has_begun else "Running"
