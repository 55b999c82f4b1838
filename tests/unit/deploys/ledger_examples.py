"""A deployment for tests, and the moments around it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from backend.deploys.ledger_types import DeployRecord, DeployResult, NewDeploy

START = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
DIGEST = "sha256:" + "a1" * 32
RUNNING = NewDeploy(
    key="run-1",
    service="docuchat-api",
    version="1.42.0",
    started_at=START,
    namespace="docuchat",
    workloads=("docuchat-api",),
)
DONE = replace(RUNNING, result=DeployResult.SUCCEEDED, finished_at=START + timedelta(minutes=5))


def at(minutes: float) -> datetime:
    """A moment some minutes after the start."""
    return START + timedelta(minutes=minutes)


def record(told: NewDeploy = DONE, **changed: Any) -> DeployRecord:
    """A deployment in the ledger."""
    return DeployRecord(id=uuid4(), told=replace(told, **changed), received_at=START, changed_at=START)
