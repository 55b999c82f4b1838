"""An emulator: its store and its controllers."""

from dataclasses import dataclass

from backend.sandbox.kubernetes.pods import Kubelet
from backend.sandbox.kubernetes.store import Store
from backend.sandbox.kubernetes.workloads import create_docuchat

# A quarter of a second costs 3 % of a core while nothing happens.
TICK_S = 0.25


@dataclass(slots=True)
class Cluster:
    """An emulator with its controllers."""

    store: Store
    kubelet: Kubelet
    tokens: dict[str, str]
    namespace: str
    tick_s: float = TICK_S

    def reset(self) -> None:
        """As on the first day; whoever watches is told that its version is too old."""
        self.store.clear()
        self.kubelet.stuck.clear()
        self.kubelet.failing_jobs.clear()
        create_docuchat(self.store, self.namespace)
