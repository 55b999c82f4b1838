"""An emulator: its store, its controllers, and its API server's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from backend.sandbox.kubernetes.access import Access
from backend.sandbox.kubernetes.claims import ClaimController, SnapshotController
from backend.sandbox.kubernetes.containers import Runtime, Timings
from backend.sandbox.kubernetes.crowd import Churn
from backend.sandbox.kubernetes.daemonsets import DaemonSetController
from backend.sandbox.kubernetes.deployments import DeploymentController
from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.faults import PodFaults
from backend.sandbox.kubernetes.garbage import GarbageCollector
from backend.sandbox.kubernetes.jobs import JobController
from backend.sandbox.kubernetes.kubelet import Kubelet
from backend.sandbox.kubernetes.lists import Lists
from backend.sandbox.kubernetes.logs import Logs
from backend.sandbox.kubernetes.loop import ControlLoop
from backend.sandbox.kubernetes.quotas import QuotaController
from backend.sandbox.kubernetes.real_containers import RealContainers, RealImage
from backend.sandbox.kubernetes.replicasets import ReplicaSetController
from backend.sandbox.kubernetes.scheduler import Scheduler
from backend.sandbox.kubernetes.selectors import Fits
from backend.sandbox.kubernetes.services import Services
from backend.sandbox.kubernetes.statefulsets import StatefulSetController
from backend.sandbox.kubernetes.store import Change, Store, is_going, key_of
from backend.sandbox.kubernetes.trouble import Trouble
from backend.sandbox.kubernetes.volumes import Volumes
from backend.sandbox.kubernetes.workloads import RUNBOOKS_SUFFIX, create_docuchat


@dataclass(slots=True, kw_only=True)
class Cluster:
    """An emulator with its controllers."""

    store: Store
    loop: ControlLoop
    events: Recorder
    faults: PodFaults
    scheduler: Scheduler
    kubelet: Kubelet
    garbage: GarbageCollector
    lists: Lists
    trouble: Trouble
    access: Access
    churn: Churn
    tokens: dict[str, str]
    namespace: str
    services: Services
    volumes: Volumes

    @classmethod
    def begin(
        cls,
        *,
        tokens: dict[str, str],
        namespace: str,
        timings: Timings,
        images: Mapping[str, RealImage],
        kubeconfig: Path | None,
        volumes: Path | None = None,
    ) -> Self:
        """A cluster with DocuChat in it, on its first day."""
        store, faults = Store(), PodFaults()
        loop, events, garbage = ControlLoop(store), Recorder(store), GarbageCollector(store)
        storage = Volumes(store=store, root=volumes)
        scheduler = Scheduler(store, events, faults, storage)
        real = RealContainers(store, images, kubeconfig, storage, wake=lambda pod: loop.look_at("pods", pod))
        runtime = Runtime(store=store, events=events, faults=faults, logs=Logs(), timings=timings, real=real)
        kubelet = Kubelet(store=store, events=events, scheduler=scheduler, runtime=runtime)
        loop.register("deployments", DeploymentController(store, events).sync)
        loop.register("replicasets", ReplicaSetController(store, events).sync)
        loop.register("statefulsets", StatefulSetController(store, events).sync)
        loop.register("daemonsets", DaemonSetController(store, events).sync)
        loop.register("jobs", JobController(store, events).sync)
        loop.register("persistentvolumeclaims", ClaimController(store, events, storage).sync)
        loop.register("volumesnapshots", SnapshotController(store, storage, real).sync)
        services = Services(store, serves=any(one.probe for one in images.values()))
        loop.register("services", services.sync)
        loop.register("resourcequotas", QuotaController(store).sync)
        loop.register("pods", kubelet.sync)
        access = Access(home=namespace, runbooks=namespace + RUNBOOKS_SUFFIX)
        cluster = cls(
            store=store, loop=loop, events=events, faults=faults, scheduler=scheduler, kubelet=kubelet,
            garbage=garbage, lists=Lists(store), trouble=Trouble(), churn=Churn(store, kubelet),
            tokens=tokens, namespace=namespace, access=access, services=services, volumes=storage,
        )  # fmt: skip
        store.listeners.append(cluster._follow)
        create_docuchat(store, namespace)
        return cluster

    def reset(self) -> None:
        """As on the first day; whoever watches is told that its version is too old."""
        self.churn.set_rate(0)
        self.trouble.end()
        self.trouble.calls.clear()
        self.faults.rules.clear()
        self.access.denied.clear()
        self.kubelet.runtime.failing_jobs.clear()
        self.end()
        self.kubelet.forget()
        self.volumes.drop_all()
        self.scheduler.forget()
        self.events.forget()
        self.lists.forget()
        self.store.clear()
        self.loop.forget()
        create_docuchat(self.store, self.namespace)

    def end(self) -> None:
        """End everything that runs for real."""
        self.kubelet.runtime.real.end_all()
        self.services.end_all()

    def poke(self) -> None:
        """Have every pod looked at: a fault came or went."""
        for pod in self.store.listed("pods"):
            self.kubelet.poke(pod)
            self.loop.look_at("pods", (pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def _follow(self, change: Change) -> None:
        """Have objects looked at that depend on another one without being made by it."""
        if change.plural == "nodes":
            self._look_at("daemonsets", "")
        if change.plural == "nodes" or (change.plural, change.type) == ("pods", "DELETED"):
            # There may be room now for those that wait for a node.
            self._look_at("pods", "", lambda one: not one["spec"].get("nodeName"))
        if change.plural == "persistentvolumeclaims":
            self._look_at(
                "pods", change.object["metadata"]["namespace"], lambda one: not one["spec"].get("nodeName")
            )
        if change.plural == "pods":
            self._look_at("resourcequotas", change.object["metadata"]["namespace"])
            self._look_at("persistentvolumeclaims", change.object["metadata"]["namespace"], is_going)

    def _look_at(self, plural: str, namespace: str, fits: Fits = bool) -> None:
        for one in self.store.listed(plural, namespace, fits):
            self.loop.look_at(plural, key_of(one))
