"""Nouns of rollouts that a run begins: the workloads that use a Secret, and how far their new pods are."""

from dataclasses import dataclass

from backend.deploys.types import WorkloadKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretUser:
    """A workload whose pods read a Secret. ``is_settled``: no rollout of it is under way, and it is not paused."""

    kind: WorkloadKind
    name: str
    uid: str
    generation: int
    replicas: int
    is_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutProgress:
    """A rollout as far as it is, and the fewest pods that were available at any time since it began.

    ``failure`` is what the cluster says of a rollout that does not come to its end.
    """

    name: str
    wanted: int
    least_available: int
    words: str = ""
    is_done: bool = False
    failure: str = ""
