"""Nouns of the ledger of deployments."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

# The environment that DORA's figures are about.
PRODUCTION = "production"


class DeployResult(StrEnum):
    """Result of a deployment, as its sender tells it. A rollback by hand is a deployment of its own."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"


class SmokeTest(StrEnum):
    """Result of the test that runs against the new version after a deployment."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeploy:
    """A deployment as its sender tells it now. An empty text says that the sender does not tell.

    ``key`` names the deployment, and each message about it carries the same one. ``workloads`` are names of
    Deployments, StatefulSets and DaemonSets in ``namespace``.
    """

    key: str
    service: str
    version: str
    started_at: datetime
    environment: str = PRODUCTION
    namespace: str = ""
    workloads: tuple[str, ...] = ()
    image_digest: str = ""
    commit_sha: str = ""
    branch: str = ""
    author: str = ""
    ci_run: str = ""
    committed_at: datetime | None = None
    finished_at: datetime | None = None
    result: DeployResult = DeployResult.RUNNING
    smoke_test: SmokeTest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployRecord:
    """A deployment in the ledger: all that its sender has told so far."""

    id: UUID
    told: NewDeploy
    received_at: datetime
    changed_at: datetime

    @property
    def length(self) -> timedelta | None:
        """Time from the start to the end; None while it runs."""
        return self.told.finished_at - self.told.started_at if self.told.finished_at else None

    @property
    def is_failure(self) -> bool:
        """Whether it is a failed change: it failed, was rolled back, or its smoke test failed."""
        failed = {DeployResult.FAILED, DeployResult.ROLLED_BACK}
        return self.told.result in failed or self.told.smoke_test == SmokeTest.FAILED

    @property
    def is_success(self) -> bool:
        """Whether it brought the new version, and no smoke test failed."""
        return self.told.result == DeployResult.SUCCEEDED and not self.is_failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutTrace:
    """A rollout as the cluster shows it: what is known of the pods that it made, and when it began.

    ``images`` are references with tag or digest, ``version`` is the label ``app.kubernetes.io/version``.
    """

    namespace: str
    workload: str
    began_at: datetime
    images: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployFilter:
    """A narrowed list of deployments; an empty text narrows nothing."""

    service: str = ""
    author: str = ""
    environment: str = ""
    result: DeployResult | None = None
    deploy_id: UUID | None = None


class DeployPage(NamedTuple):
    """A page of deployments, the newest start first, and how many there are in all."""

    rows: list[DeployRecord]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFigures:
    """DORA's four figures of a period; None where the ledger holds too little for one.

    ``days`` is the part of the period that the ledger has seen. Each ``*_count`` is the number of deployments that
    its figure is made of.
    """

    days: float
    success_count: int
    deploys_per_day: float | None
    lead_count: int
    lead_time: timedelta | None
    finished_count: int
    failure_count: int
    failure_share: float | None
    restore_count: int
    unrestored_count: int
    time_to_restore: timedelta | None
