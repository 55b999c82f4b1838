"""Nouns of acting on workloads: a workload as it is at this moment, and the room that more pods of it need."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.deploys.types import Revision, WorkloadDetail

DATABASE_HEADS = "docuchat-database-heads"
"""Annotation on the template of pods: the heads of the migrations that the image can work with, with commas between.

The first is the one that the image brings. Whoever builds an image knows them; a release that only adds to the schema
names the head before, too, and so can be rolled back.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadNow:
    """A workload as the API server knows it, with the identity that a plan binds.

    ``identity`` changes with the specification and never with the status: a workload that crashes all the time can be
    mended. ``heads`` are the migrations that an image can work with, by the name of the revision; none where it does
    not say.
    """

    detail: WorkloadDetail
    identity: str
    version: str
    is_paused: bool
    restarted_at: str
    heads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    charts: Mapping[str, str] = field(default_factory=dict)

    @property
    def newest(self) -> Revision | None:
        """The newest revision."""
        return next((one for one in self.detail.revisions if one.is_newest), None)

    def numbered(self, number: int) -> Revision | None:
        """The revision with a number."""
        return next((one for one in self.detail.revisions if one.number == number), None)

    def named(self, name: str) -> Revision | None:
        """The revision with a name."""
        return next((one for one in self.detail.revisions if one.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaShortage:
    """The first resource that a quota has too little of, in the cluster's own writing."""

    quota: str
    resource: str
    needed: str
    free: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GPURoom:
    """The GPUs on nodes that take a workload's pods: all of them, and those that no pod of our namespaces holds.

    ``pods`` more find all their GPUs free on one node. ``fitting`` are the names of the nodes, ``others`` the nodes
    with GPUs that do not fit, and why.
    """

    total: int
    free: int
    per_pod: int
    pods: int
    fitting: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
