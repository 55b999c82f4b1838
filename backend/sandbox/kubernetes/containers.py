"""The life of a container as its kubelet drives it, step by step."""

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256

from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.faults import KILLED, RESTARTING, Fault, FaultRule, PodFaults
from backend.sandbox.kubernetes.logs import Log, Logs, json_line, serving_chatter, working_chatter
from backend.sandbox.kubernetes.real_containers import RealContainers, RealImage
from backend.sandbox.kubernetes.store import Object, Store, stamp_of

NEVER = math.inf
PROBE_S = 0.1


class ContainerStep(Enum):
    """The steps of a container's life."""

    CREATING = auto()
    PULL_FAILED = auto()
    PULL_BACKOFF = auto()
    CONFIG_ERROR = auto()
    RUNNING = auto()
    ENDED = auto()
    CRASH_BACKOFF = auto()
    DONE = auto()


@dataclass(slots=True, kw_only=True)
class Timings:
    """Durations, in seconds. A real kubelet waits 10 s before a second restart and 300 s at most."""

    start_s: float = 2.0
    stop_s: float = 1.0
    job_s: float = 3.0
    backoff_s: float = 4.0
    backoff_most_s: float = 20.0
    retry_s: float = 3.0


@dataclass(slots=True, kw_only=True)
class Box:
    """The kubelet's record of a container: its step, and the time at which the next one is due."""

    spec: Object
    step: ContainerStep = ContainerStep.CREATING
    due: float
    is_init: bool = False
    restarts: int = 0
    attempts: int = 0
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Object = field(default_factory=dict)
    is_ready: bool = False
    was_ready: bool = False

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def has_succeeded(self) -> bool:
        """Whether the container has ended for good, and well."""
        return self.step is ContainerStep.DONE and self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """Exit code of a container that has ended; 0 for another."""
        return int(self.state.get("terminated", {}).get("exitCode", 0))

    @property
    def image(self) -> str:
        """The container's image."""
        return str(self.spec["image"])

    def status(self, pod: Object) -> Object:
        """The container's status as its pod shows it; an init container is ready once it has succeeded."""
        has_started = "running" in self.state
        pulled = has_started or "terminated" in self.state or self.last
        return {
            "name": self.name,
            "image": self.image,
            "imageID": image_id(self.image) if pulled else "",
            "ready": self.has_succeeded if self.is_init else self.is_ready,
            "started": has_started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last,
        } | ({"containerID": _container_id(pod, self)} if pulled else {})


@dataclass(slots=True, kw_only=True)
class Runtime:
    """Moves containers on: pulls images, starts processes, ends them, waits before it starts them again."""

    store: Store
    events: Recorder
    faults: PodFaults
    logs: Logs
    timings: Timings
    real: RealContainers
    failing_jobs: set[str] = field(default_factory=set)

    def advance(self, pod: Object, box: Box) -> None:
        """Take every step that is due; a real process may have ended at any time."""
        if box.step is ContainerStep.RUNNING and self._exit_code(pod, box) is not None:
            box.due = self.store.now()
        while box.due <= self.store.now():
            match box.step:
                case ContainerStep.CREATING | ContainerStep.PULL_BACKOFF | ContainerStep.CONFIG_ERROR:
                    self._create(pod, box)
                case ContainerStep.PULL_FAILED:
                    self._back_off_pull(pod, box)
                case ContainerStep.RUNNING:
                    self._run(pod, box)
                case ContainerStep.ENDED:
                    self._after_end(pod, box)
                case ContainerStep.CRASH_BACKOFF:
                    self._start(pod, box)
                case ContainerStep.DONE:
                    box.due = NEVER

    def _create(self, pod: Object, box: Box) -> None:
        if box.step is ContainerStep.CREATING:
            self._say(pod, box, "Pulling", f'Pulling image "{box.image}"')
        rule = self.faults.of(pod, box.spec, was_ready=box.was_ready)
        if rule and rule.fault is Fault.IMAGE_PULL:
            self._fail_pull(pod, box, rule)
            return
        if box.step is not ContainerStep.CONFIG_ERROR:
            took = "312ms (312ms including waiting). Image size: 98216412 bytes."
            self._say(pod, box, "Pulled", f'Successfully pulled image "{box.image}" in {took}')
        if why := self._config_error(pod, box, rule):
            self._wait(box, ContainerStep.CONFIG_ERROR, "CreateContainerConfigError", why)
            self._warn(pod, box, "Failed", f"Error: {why}")
            box.due = self.store.now() + self.timings.retry_s
            return
        self._start(pod, box)

    def _fail_pull(self, pod: Object, box: Box, rule: FaultRule) -> None:
        why = rule.message or (
            f'rpc error: code = NotFound desc = failed to pull and unpack image "{box.image}": '
            f'failed to resolve reference "{box.image}": {box.image}: not found'
        )
        box.attempts += 1
        self._wait(box, ContainerStep.PULL_FAILED, "ErrImagePull", why)
        self._warn(pod, box, "Failed", f'Failed to pull image "{box.image}": {why}')
        self._warn(pod, box, "Failed", "Error: ErrImagePull")
        box.due = self.store.now() + min(1.0, self.timings.start_s / 2)

    def _back_off_pull(self, pod: Object, box: Box) -> None:
        why = box.state["waiting"]["message"]
        text = f'Back-off pulling image "{box.image}"'
        self._wait(box, ContainerStep.PULL_BACKOFF, "ImagePullBackOff", f"{text}: ErrImagePull: {why}")
        self._normal_back_off(pod, box, text)
        box.due = self.store.now() + self._backoff_s(box.attempts)

    def _normal_back_off(self, pod: Object, box: Box, text: str) -> None:
        self._say(pod, box, "BackOff", text)
        self._warn(pod, box, "Failed", "Error: ImagePullBackOff")

    def _config_error(self, pod: Object, box: Box, rule: FaultRule | None) -> str:
        """The Secret or ConfigMap, or the key in it, that an environment variable names and nobody made."""
        if rule and rule.fault is Fault.CONFIG:
            return rule.message or 'secret "docuchat-openai" not found'
        namespace = pod["metadata"]["namespace"]
        for source in box.spec.get("envFrom", ()):
            ref = source.get("secretRef")
            if ref and not ref.get("optional") and not self.store.find("secrets", (namespace, ref["name"])):
                return f'secret "{ref["name"]}" not found'
        for one in box.spec.get("env", ()):
            source = one.get("valueFrom", {})
            for field_name, plural, kind in (
                ("secretKeyRef", "secrets", "Secret"),
                ("configMapKeyRef", "configmaps", "ConfigMap"),
            ):
                ref = source.get(field_name)
                if not ref or ref.get("optional"):
                    continue
                found = self.store.find(plural, (namespace, ref["name"]))
                if found is None:
                    return f'{kind.lower()} "{ref["name"]}" not found'
                if ref["key"] not in found.get("data", {}):
                    return f"couldn't find key {ref['key']} in {kind} {namespace}/{ref['name']}"
        return ""

    def _start(self, pod: Object, box: Box) -> None:
        now = self.store.now()
        if "terminated" in box.state:
            box.last = {"terminated": box.state["terminated"]}
        if box.last:
            box.restarts += 1
        self._say(pod, box, "Created", f"Created container: {box.name}")
        self._say(pod, box, "Started", f"Started container {box.name}")
        log = self.logs.begin(pod["metadata"]["uid"], box.name)
        box.state, box.step, box.is_ready = (
            {"running": {"startedAt": stamp_of(now)}},
            ContainerStep.RUNNING,
            False,
        )
        if (image := self.real.image_of(pod, box.spec)) is not None:
            self._start_really(pod, box, image, log)
        elif is_of_job(pod) and not box.is_init:
            log.chatter = working_chatter(pod, now, self.timings.job_s)
            box.is_ready, box.due = True, now + self.timings.job_s
        else:
            log.say(now, json_line(pod, "info", "process.started", version=box.image.rpartition(":")[2]))
            box.due = now + self.timings.start_s / 2

    def _start_really(self, pod: Object, box: Box, image: RealImage, log: Log) -> None:
        box.is_ready, box.due = not image.probe, self.store.now() + PROBE_S if image.probe else NEVER
        try:
            self.real.start(pod, box.spec, image, log)
        except OSError as error:
            self._warn(pod, box, "Failed", f"Error: failed to start container: {error.strerror}")
            self._end(pod, box, exit_code=128, reason="StartError")

    def _exit_code(self, pod: Object, box: Box) -> int | None:
        return self.real.exit_code(pod["metadata"]["uid"], box.name)

    def _run(self, pod: Object, box: Box) -> None:
        if (code := self._exit_code(pod, box)) is not None:
            self._end(pod, box, exit_code=code, reason="Error" if code else "Completed")
            return
        image = self.real.image_of(pod, box.spec)
        if image is not None and image.probe:
            box.is_ready = self.real.is_ready(pod, box.spec, image)
            if box.is_ready:
                box.was_ready, box.attempts = True, 0
            box.due = NEVER if box.is_ready else self.store.now() + PROBE_S
            return
        rule = self.faults.of(pod, box.spec, was_ready=box.was_ready)
        if rule and rule.fault in RESTARTING:
            self._break(pod, box, rule)
        elif box.is_init:
            self._end(pod, box, exit_code=0, reason="Completed")
        elif is_of_job(pod):
            failed = pod["metadata"]["labels"]["job-name"] in self.failing_jobs
            self._end(pod, box, exit_code=int(failed), reason="Error" if failed else "Completed")
        elif rule and rule.fault is Fault.READINESS:
            box.is_ready = False
            text = rule.message or "Readiness probe failed: HTTP probe failed with statuscode: 503"
            self._warn(pod, box, "Unhealthy", text)
            box.due = self.store.now() + self.timings.retry_s
        else:
            self._serve(pod, box)

    def _serve(self, pod: Object, box: Box) -> None:
        if not box.is_ready:
            log, now = self.logs.current[pod["metadata"]["uid"], box.name], self.store.now()
            log.say(now, json_line(pod, "info", "listening"))
            log.chatter = serving_chatter(pod, now)
        box.is_ready = box.was_ready = True
        box.attempts, box.due = 0, NEVER

    def _break(self, pod: Object, box: Box, rule: FaultRule) -> None:
        log, now = self.logs.current[pod["metadata"]["uid"], box.name], self.store.now()
        if rule.fault is Fault.OUT_OF_MEMORY:
            log.say(now, json_line(pod, "warning", "memory.high", used_percent=98))
            self._end(pod, box, exit_code=KILLED, reason="OOMKilled")
        elif rule.fault is Fault.LIVENESS:
            text = rule.message or "Liveness probe failed: HTTP probe failed with statuscode: 500"
            self._warn(pod, box, "Unhealthy", text)
            self._say(pod, box, "Killing", f"Container {box.name} failed liveness probe, will be restarted")
            self._end(pod, box, exit_code=KILLED, reason="Error")
        else:
            why = rule.message or "could not start: no route to the database"
            for line in ("Traceback (most recent call last):", '  File "/app/main.py", line 12, in <module>'):
                log.say(now, line)
            log.say(now, json_line(pod, "error", why))
            self._end(pod, box, exit_code=rule.exit_code, reason="Error")

    def _end(self, pod: Object, box: Box, *, exit_code: int, reason: str) -> None:
        now = self.store.now()
        self.logs.current[pod["metadata"]["uid"], box.name].close(now)
        ended = {
            "exitCode": exit_code,
            "reason": reason,
            "startedAt": box.state["running"]["startedAt"],
            "finishedAt": stamp_of(now),
            "containerID": _container_id(pod, box),
        }
        box.state, box.step, box.is_ready = {"terminated": ended}, ContainerStep.ENDED, False
        box.due = now + min(1.0, self.timings.start_s / 2)

    def _after_end(self, pod: Object, box: Box) -> None:
        policy = pod["spec"].get("restartPolicy", "Always")
        ends_well = box.exit_code == 0 and (policy == "OnFailure" or box.is_init)
        if policy == "Never" or ends_well:
            box.step, box.due = ContainerStep.DONE, NEVER
            return
        box.attempts += 1
        # The first new start comes at once, as on a real node.
        if box.attempts == 1:
            self._start(pod, box)
            return
        box.last = {"terminated": box.state["terminated"]}
        wait_s, meta = self._backoff_s(box.attempts - 1), pod["metadata"]
        whose = f"container={box.name} pod={meta['name']}_{meta['namespace']}({meta['uid']})"
        text = f"back-off {wait_s:g}s restarting failed {whose}"
        self._wait(box, ContainerStep.CRASH_BACKOFF, "CrashLoopBackOff", text)
        whose = f"{box.name} in pod {meta['name']}_{meta['namespace']}({meta['uid']})"
        self._warn(pod, box, "BackOff", f"Back-off restarting failed container {whose}")
        box.due = self.store.now() + wait_s

    def _backoff_s(self, attempts: int) -> float:
        wait_s = self.timings.backoff_s * float(2 ** max(0, attempts - 1))
        return min(self.timings.backoff_most_s, wait_s)

    def _wait(self, box: Box, step: ContainerStep, reason: str, message: str) -> None:
        box.step, box.is_ready = step, False
        box.state = {"waiting": {"reason": reason, "message": message}}

    def _say(self, pod: Object, box: Box, reason: str, text: str) -> None:
        self.events.normal(pod, reason, text, path=f"spec.containers{{{box.name}}}")

    def _warn(self, pod: Object, box: Box, reason: str, text: str) -> None:
        self.events.warn(pod, reason, text, path=f"spec.containers{{{box.name}}}")


def is_of_job(pod: Object) -> bool:
    """Whether a job made the pod."""
    return "job-name" in pod["metadata"].get("labels", {})


def image_id(image: str) -> str:
    """The digest that a registry gives for an image."""
    if "@" in image:
        return image

    name = image.rpartition(":")[0] or image
    return f"{name}@sha256:{sha256(image.encode()).hexdigest()}"


def _container_id(pod: Object, box: Box) -> str:

    seed = f"{pod['metadata']['uid']}/{box.name}/{box.restarts}"
    return f"containerd://{sha256(seed.encode()).hexdigest()}"
