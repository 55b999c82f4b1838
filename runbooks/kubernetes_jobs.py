"""Runs as Kubernetes Jobs in the runbook namespace, with the runner's account, from the template that the chart writes.

A Job is named after its run, so a second start finds the first one's Job (409) and adopts it. What became of a process
is what its Job and pods say; the end of a log says nothing.
"""

from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from backend.clients.kubernetes import Kubernetes, connect
from backend.clients.kubernetes_calls import ObjectPlace
from backend.clients.kubernetes_errors import one_line
from backend.clients.kubernetes_objects import EventObject, JobObject, PodObject
from backend.config import settings
from backend.errors import Conflict, NotFound, Refused
from backend.runbooks import rules
from backend.runbooks.types import RunbookRun, RunStage, Words
from runbooks.launching_types import Fate, FoundProcess

# A run ends itself at its deadline, and may put back what it changed after it; Kubernetes ends what cannot.
MENDING_S = int(rules.MENDING_HOLDS.total_seconds())
GRACE_S = MENDING_S + 60
_ENDED = frozenset({"Succeeded", "Failed"})
_PREFIX = "job"


class KubernetesJobs:
    """Starts a Job for each run, with the account of this process, which may create and delete Jobs there only."""

    def __init__(self) -> None:
        """Read the template. Raises Refused where it, or Kubernetes, is not configured."""
        self._kubernetes = _kubernetes()
        self._namespace = settings().runbook_namespace or f"{self._kubernetes.namespace}-runbooks"
        self._template = read_template(settings().runner_job_template)

    @property
    def gives_backups(self) -> bool:
        """Whether the template gives runs a folder for backups."""
        return gives_backups(self._template)

    def start(self, run: RunbookRun) -> str:
        """Create the run's Job, or adopt the one that exists. Raises Refused in the words of the API server."""
        name = job_name(run)
        process = f"{_PREFIX}:{self._namespace}/{name}"
        manifest = manifest_of(self._template, run, name, process)
        try:
            self._kubernetes.run(self._kubernetes.create_job(self._namespace, manifest))
        except Conflict:
            self._kubernetes.run(self._kubernetes.get_object(JobObject, self._place(name)))
        return process

    def find(self, run: RunbookRun) -> FoundProcess:
        """The fate of a run's Job: gone only when no pod of it is left at work."""
        if not is_job(run.process):
            return FoundProcess(fate=Fate.UNKNOWN)
        name = run.process.rpartition("/")[2]
        try:
            job = self._kubernetes.run(self._kubernetes.get_object(JobObject, self._place(name)))
        except NotFound:
            job = None
        pods = self._pods(name)
        if any(_phase(pod) not in _ENDED for pod in pods):
            return FoundProcess(fate=Fate.ALIVE)
        if job is None:
            return FoundProcess(fate=Fate.GONE)
        if not pods and not _has_ended(job):
            refusal = self._refusal(name)
            return refusal or FoundProcess(fate=Fate.ALIVE)
        return (
            FoundProcess(fate=Fate.GONE, why=_why(job, pods))
            if _has_ended(job)
            else FoundProcess(fate=Fate.ALIVE)
        )

    def end(self, run: RunbookRun, *, by_force: bool) -> None:
        """Delete the run's Job and its pods; the kubelet ends the process politely, and by force after its grace.

        That is long, for who has something to put back. A process that hangs ends itself before: see ``engine``.
        """
        del by_force
        self._kubernetes.run(self._kubernetes.delete_job(self._place(run.process.rpartition("/")[2])))

    def _place(self, name: str) -> ObjectPlace:
        return ObjectPlace(namespace=self._namespace, name=name)

    def _pods(self, name: str) -> list[PodObject]:
        listed = self._kubernetes.list_objects(PodObject, self._namespace, {"job-name": name})
        return self._kubernetes.run(listed).items

    def _refusal(self, name: str) -> FoundProcess | None:
        """The words of a quota or a policy that refuses the Job's pod. They stand in an event alone."""
        for event in self._kubernetes.run(self._kubernetes.list_objects(EventObject, self._namespace)).items:
            subject = event.involved_object
            if event.reason == "FailedCreate" and subject is not None and subject.name == name:
                words = Words(key="runbooks.outcome.job_refused", values={"words": one_line(event.message)})
                return FoundProcess(fate=Fate.REFUSED, why=words)
        return None


def close() -> None:
    """Close this process's client; the next launcher opens another. Idempotent."""
    if _kubernetes.cache_info().currsize:
        _kubernetes().close()
        _kubernetes.cache_clear()


def job_name(run: RunbookRun) -> str:
    """The name of a run's next Job: one for its plan, one for the run, and one for each time that it goes on."""
    if run.state is RunStage.PLANNING:
        return f"plan-{run.id}"
    return f"run-{run.id}" if run.launch <= 1 else f"run-{run.id}-{run.launch + 1}"


def is_job(process: str) -> bool:
    """Whether a run's process is a Job."""
    return process.startswith(f"{_PREFIX}:")


def gives_backups(template: Mapping[str, Any]) -> bool:
    """Whether a template gives runs a folder for backups: the chart does where a bucket keeps them."""
    variables = template["spec"]["template"]["spec"]["containers"][0].get("env") or ()
    return any(each["name"] == "BACKUP_DIR" for each in variables)


def read_template(path: str) -> Mapping[str, Any]:
    """The Job that every run's is made from. Raises Refused where there is none, or it is not readable."""
    template: Any = {}
    try:
        template = yaml.safe_load(Path(path).read_text(encoding="utf-8")) if path else {}
        has_one = len(template["spec"]["template"]["spec"]["containers"]) == 1
    except (OSError, yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        has_one = False
    if not has_one:
        raise Refused(reason="runner_template")
    found: Mapping[str, Any] = template
    return found


def manifest_of(template: Mapping[str, Any], run: RunbookRun, name: str, process: str) -> dict[str, Any]:
    """The manifest of a run's Job. Nothing but the run's id comes from the run: no word of anybody is in its argv."""
    made: dict[str, Any] = deepcopy(dict(template))
    metadata = made.setdefault("metadata", {})
    metadata["name"] = name
    metadata.setdefault("labels", {})["docuchat.example/run"] = str(run.id)
    # Kubernetes counts from the Job's start, a run from the moment that its image is there and its process begins.
    longest_s = int(rules.START_HOLDS.total_seconds()) + rules.process_s(run) + GRACE_S
    made["spec"] |= {"backoffLimit": 0, "activeDeadlineSeconds": longest_s}
    pod = made["spec"]["template"]["spec"]
    pod["restartPolicy"] = "Never"
    # Told to end, by us or by a node that is emptied, a run may have to replace every pod of DocuChat once more.
    pod["terminationGracePeriodSeconds"] = MENDING_S
    pod["containers"][0]["args"] = ["run", str(run.id), "--process", process]
    return made


@lru_cache(maxsize=1)
def _kubernetes() -> Kubernetes:
    return connect(settings().kubeconfig, settings().kubernetes_timeout_s)


def _phase(pod: PodObject) -> str:
    return pod.status.phase if pod.status else ""


def _has_ended(job: JobObject) -> bool:
    conditions = (job.status.conditions if job.status else None) or ()
    return any(each.type in {"Complete", "Failed"} and each.status == "True" for each in conditions)


def _why(job: JobObject, pods: list[PodObject]) -> Words | None:
    """The words of whoever ended the process: its container's end, else the Job's."""
    for pod in pods:
        for status in (pod.status.container_statuses if pod.status else None) or ():
            ended = status.state.terminated if status.state else None
            if ended is not None and ended.exit_code != 0:
                said = f"{ended.reason} ({ended.exit_code})"
                return Words(key="runbooks.outcome.job_failed", values={"words": one_line(said)})
    for each in (job.status.conditions if job.status else None) or ():
        if each.type == "Failed" and each.status == "True":
            said = f"{each.reason}: {each.message}"
            return Words(key="runbooks.outcome.job_failed", values={"words": one_line(said)})
    return None
