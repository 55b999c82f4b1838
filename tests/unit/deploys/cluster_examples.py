"""Workloads and pods as the view knows them, in as few words as a test needs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from backend.deploys.cluster_types import NotedEvent, Workload
from backend.deploys.image_rules import parse_image
from backend.deploys.types import (
    Condition,
    ContainerPhase,
    ContainerTemplate,
    Pod,
    PodContainer,
    PodId,
    Termination,
    WorkloadId,
    WorkloadKind,
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BORN = NOW - timedelta(minutes=5)
IMAGE = "registry.example/docuchat:2.15.0"


def workload(kind: WorkloadKind = WorkloadKind.DEPLOYMENT, **given: Any) -> Workload:
    usual: dict[str, Any] = {
        "id": WorkloadId(namespace="docuchat", kind=kind, name="api"),
        "uid": "uid-api",
        "created_at": BORN,
        "generation": 2,
        "observed_generation": 2,
        "replicas": None if kind is WorkloadKind.DAEMON_SET else 3,
        "strategy": "RollingUpdate",
    }
    return Workload(**usual | given)


def template(name: str = "api", **given: Any) -> ContainerTemplate:
    return ContainerTemplate(**{"name": name, "image": parse_image(IMAGE)} | given)


def container(phase: ContainerPhase = ContainerPhase.WAITING, **given: Any) -> PodContainer:
    return PodContainer(**{"template": template(), "phase": phase} | given)


def waiting(reason: str, message: str = "", **given: Any) -> PodContainer:
    return container(reason=reason, message=message, **given)


def ended(exit_code: int, reason: str = "Error", **given: Any) -> Termination:
    return Termination(exit_code=exit_code, reason=reason, **given)


def pod(name: str, *containers: PodContainer, **given: Any) -> Pod:
    usual: dict[str, Any] = {
        "id": PodId(namespace="docuchat", name=name),
        "uid": f"uid-{name}",
        "created_at": BORN,
        "phase": "Running",
        "containers": containers or (container(ContainerPhase.RUNNING, is_ready=True),),
    }
    return Pod(**usual | given)


def ready_pod(name: str, **given: Any) -> Pod:
    return pod(name, conditions=(Condition(type="Ready", status="True", since=BORN),), **given)


def event(reason: str, message: str, name: str = "api-1", **given: Any) -> NotedEvent:
    usual: dict[str, Any] = {
        "namespace": "docuchat",
        "key": f"{name}.{reason}",
        "kind": "Pod",
        "name": name,
        "reason": reason,
        "message": message,
        "is_warning": True,
        "count": 1,
        "first_at": NOW - timedelta(minutes=1),
        "last_at": NOW,
    }
    return NotedEvent(**usual | given)
