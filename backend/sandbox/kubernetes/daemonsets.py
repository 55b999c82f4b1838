"""The daemon set controller: one pod on each node that fits."""

from backend.sandbox.kubernetes.deployments import share
from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.pods import end_pod, is_active, is_available, is_ready, try_make_pod
from backend.sandbox.kubernetes.scheduler import tolerates_taints
from backend.sandbox.kubernetes.statefulsets import REVISION_LABEL, revision_of
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, is_going

_COMPONENT = "daemonset-controller"
_RETRY_S = 3.0


class DaemonSetController:
    """Gives each node its pod, and replaces those of an older revision a few at a time."""

    def __init__(self, store: Store, events: Recorder) -> None:
        """Work on a store."""
        self._store, self._events = store, events

    def sync(self, key: ObjectKey) -> float | None:
        """A step; the seconds until the set wants to be looked at again."""
        subject = self._store.find("daemonsets", key)
        if subject is None or is_going(subject):
            return None
        revision = revision_of(self._store, subject).rpartition("-")[2]
        nodes = [
            one["metadata"]["name"] for one in self._store.listed("nodes") if self._belongs(subject, one)
        ]
        refusal = self._fill(subject, nodes, revision)
        self._replace(subject, len(nodes), revision)
        self._report(subject, nodes, revision)
        wait_s = subject["spec"].get("minReadySeconds", 0)
        return _RETRY_S if refusal else wait_s or None

    def _belongs(self, subject: Object, node: Object) -> bool:
        template = subject["spec"]["template"]
        wanted = template["spec"].get("nodeSelector", {})
        labels = node["metadata"].get("labels", {})
        return wanted.items() <= labels.items() and tolerates_taints(template, node)

    def _fill(self, subject: Object, nodes: list[str], revision: str) -> str:
        pods = [one for one in self._store.owned("pods", subject) if is_active(one)]
        taken = {one["spec"].get("nodeName") for one in pods}
        for pod in pods:
            if pod["spec"].get("nodeName") not in nodes:
                self._end(subject, pod)
        for node in nodes:
            if node in taken:
                continue
            labels = {REVISION_LABEL: revision, "pod-template-generation": "1"}
            pod_or_none, refusal = try_make_pod(self._store, subject, labels=labels, spec={"nodeName": node})
            if pod_or_none is None:
                self._events.warn(subject, "FailedCreate", f"Error creating: {refusal}", component=_COMPONENT)
                return refusal
            text = f"Created pod: {pod_or_none['metadata']['name']}"
            self._events.normal(subject, "SuccessfulCreate", text, component=_COMPONENT)
        return ""

    def _replace(self, subject: Object, wanted: int, revision: str) -> None:
        strategy = subject["spec"].get("updateStrategy", {})
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        pods = [one for one in self._store.owned("pods", subject) if is_active(one)]
        rolling = strategy.get("rollingUpdate") or {}
        most = max(1, share(rolling.get("maxUnavailable", 1), wanted, rounds_up=True))
        missing = wanted - sum(map(is_ready, pods))
        old = [one for one in pods if one["metadata"]["labels"].get(REVISION_LABEL) != revision]
        for pod in sorted(old, key=is_ready):
            if is_ready(pod):
                if missing >= most:
                    return
                missing += 1
            self._end(subject, pod)

    def _end(self, subject: Object, pod: Object) -> None:
        end_pod(self._store, pod)
        text = f"Deleted pod: {pod['metadata']['name']}"
        self._events.normal(subject, "SuccessfulDelete", text, component=_COMPONENT)

    def _report(self, subject: Object, nodes: list[str], revision: str) -> None:
        pods = [one for one in self._store.owned("pods", subject) if is_active(one)]
        wait_s = subject["spec"].get("minReadySeconds", 0)
        available = sum(is_available(self._store, one, wait_s) for one in pods)
        updated = sum(one["metadata"]["labels"].get(REVISION_LABEL) == revision for one in pods)
        figures = {
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
        }
        status = {
            "observedGeneration": subject["metadata"]["generation"],
            "desiredNumberScheduled": len(nodes),
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "numberReady": sum(map(is_ready, pods)),
        }
        self._store.put_status(
            "daemonsets", subject, status | {name: value for name, value in figures.items() if value}
        )
