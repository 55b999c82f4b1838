"""The changing calls of our client, with the rights of production where they matter."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.clients.kubernetes import Kubernetes, connect
from backend.clients.kubernetes_calls import ObjectPlace
from backend.clients.kubernetes_changes import RESTARTED_AT
from backend.clients.kubernetes_objects import (
    DaemonSetObject,
    DeploymentObject,
    JobObject,
    PodObject,
    ReplicaSetObject,
    StatefulSetObject,
)
from backend.clients.kubernetes_targets import QuotaObject
from backend.errors import Conflict, NotFound, Refused, Unavailable
from backend.sandbox.kubernetes.access import write_kubeconfig
from backend.sandbox.kubernetes.server import Address
from backend.sandbox.kubernetes.workloads import OPENAI_KEY
from tests.integration.kubernetes.conftest import API, condition, settle
from tests.waiting import until

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
WORKER = ObjectPlace(namespace="docuchat", name="docuchat-api")
OPENAI = ObjectPlace(namespace="docuchat", name="docuchat-openai")
JOB = ObjectPlace(namespace="docuchat", name="run-7")
Connect = Callable[[str], Kubernetes]


@pytest.fixture
def as_account(cluster: Address, tmp_path: Path) -> Iterator[Connect]:
    made: list[Kubernetes] = []

    def connected(account: str) -> Kubernetes:
        path, tokens = tmp_path / account, {token: name for name, token in cluster.tokens.items()}
        write_kubeconfig(path, server=cluster.url, namespace="docuchat", tokens=tokens, account=account)
        made.append(connect(str(path), 5))
        return made[-1]

    yield connected
    for client in made:
        client.close()


@pytest.fixture
def client(as_account: Connect) -> Kubernetes:
    return as_account("cluster-admin")


def deployment(client: Kubernetes) -> DeploymentObject:
    return client.run(client.get_object(DeploymentObject, WORKER))


def job(*command: str) -> dict[str, Any]:
    container = {
        "name": "run",
        "image": "registry.docuchat.example/docuchat-portal:0.1.0",
        "command": command,
    }
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"metadata": {"name": JOB.name}, "spec": {"backoffLimit": 0, "template": template}}


def changes(client: Kubernetes, *, version: str, dry_run: bool) -> dict[str, Callable[[], object]]:
    run = client.run
    return {
        "restart": lambda: run(
            client.restart(DeploymentObject, WORKER, NOW, version=version, dry_run=dry_run)
        ),
        "pause": lambda: run(client.set_paused(WORKER, is_paused=True, version=version, dry_run=dry_run)),
        "scale": lambda: run(
            client.patch_scale(DeploymentObject, WORKER, 5, version=version, dry_run=dry_run)
        ),
        "roll back": lambda: run(
            client.roll_back(WORKER, first_revision(client), version=version, dry_run=dry_run)
        ),
    }


def first_revision(client: Kubernetes) -> str:
    """The name of the ReplicaSet of the first revision."""
    found = client.run(client.list_objects(ReplicaSetObject, "docuchat")).items
    return next(
        one.metadata.name
        for one in found
        if WORKER.name in {who.name for who in one.metadata.owner_references or ()}
        and (one.metadata.annotations or {})["deployment.kubernetes.io/revision"] == "1"
    )


@pytest.mark.parametrize("change", ["restart", "pause", "scale", "roll back"])
def test_a_change_for_another_version_is_refused_dry_and_wet_and_a_dry_run_keeps_nothing(
    client: Kubernetes, admin: API, change: str
) -> None:
    settle(admin)
    admin.set_image("docuchat-api", "2.14.4")
    until(lambda: condition(settle(admin), "Progressing").get("reason") == "NewReplicaSetAvailable")
    seen = deployment(client)
    admin.patch("deployments", "docuchat-api", {"metadata": {"labels": {"moved": "yes"}}})
    before = admin.get("deployments", "docuchat-api")

    for dry_run in (True, False):
        with pytest.raises(Conflict):
            changes(client, version=seen.metadata.resourceVersion, dry_run=dry_run)[change]()
    changes(client, version=before["metadata"]["resourceVersion"], dry_run=True)[change]()

    assert admin.get("deployments", "docuchat-api") == before
    changes(client, version=before["metadata"]["resourceVersion"], dry_run=False)[change]()
    assert admin.get("deployments", "docuchat-api")["spec"] != before["spec"]


def test_a_restart_replaces_every_pod_of_each_kind_of_workload(client: Kubernetes, admin: API) -> None:
    settle(admin)
    wanted: list[tuple[Any, str, str]] = [
        (DeploymentObject, "deployments", "docuchat-api"),
        (StatefulSetObject, "statefulsets", "docuchat-redis"),
        (DaemonSetObject, "daemonsets", "docuchat-log-agent"),
    ]
    until(lambda: all(admin.pods_of(name) for _, _, name in wanted))
    old = {pod["metadata"]["uid"] for _, _, name in wanted for pod in admin.pods_of(name)}
    for kind, plural, name in wanted:
        client.run(client.restart(kind, ObjectPlace(namespace="docuchat", name=name), NOW, dry_run=False))
        template = admin.get(plural, name)["spec"]["template"]["metadata"]
        assert template["annotations"][RESTARTED_AT] == "2026-11-28T12:00:00+00:00"

    until(lambda: not old & {pod["metadata"]["uid"] for pod in admin.items("pods")})


def test_a_rollback_brings_the_template_of_before_with_its_values_and_no_other(
    client: Kubernetes, admin: API
) -> None:
    first = settle(admin)["spec"]["template"]
    admin.set_image("docuchat-api", "2.14.4")
    settle(admin)
    was = first_revision(client)

    client.run(client.roll_back(WORKER, was, dry_run=False))

    after = settle(admin)
    assert after["spec"]["template"] == first
    assert after["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    with pytest.raises(NotFound):
        client.run(
            client.roll_back(ObjectPlace(namespace="docuchat", name="docuchat-worker"), was, dry_run=False)
        )


def test_a_scale_is_written_by_its_subresource_alone(as_account: Connect) -> None:
    runner = as_account("portal-operator")

    scaled = runner.run(runner.patch_scale(DeploymentObject, WORKER, 4, dry_run=False))

    assert scaled.replicas == 4
    assert deployment(runner).spec.replicas == 4  # type: ignore[union-attr] - the API fills it in


def test_a_job_is_created_once_adopted_read_and_ended_with_its_pods(client: Kubernetes, admin: API) -> None:
    run = client.run
    run(client.create_job("docuchat", job("true"), dry_run=True))
    with pytest.raises(NotFound):
        run(client.get_object(JobObject, JOB))
    made = run(client.create_job("docuchat", job("true")))

    with pytest.raises(Conflict):
        run(client.create_job("docuchat", job("true")))
    assert run(client.get_object(JobObject, JOB)).metadata.uid == made.metadata.uid
    labels = {"job-name": JOB.name}
    until(lambda: run(client.list_objects(PodObject, "docuchat", labels)).items)
    run(client.delete_job(JOB))
    until(lambda: not run(client.list_objects(PodObject, "docuchat", labels)).items)
    run(client.delete_job(JOB))


def test_a_secret_is_written_by_who_may_not_read_it_and_its_values_are_never_answered(
    as_account: Connect, admin: API
) -> None:
    runner, root = as_account("portal-operator"), as_account("cluster-admin")
    version = runner.run(runner.secret_version(OPENAI))

    runner.run(runner.patch_secret(OPENAI, {"next": "sk-canary"}, version=version, dry_run=False))

    assert root.run(root.read_secret(OPENAI)) == {"value": OPENAI_KEY, "next": "sk-canary"}
    with pytest.raises(Conflict):
        runner.run(runner.patch_secret(OPENAI, {"next": "late"}, version=version, dry_run=False))
    with pytest.raises(Refused) as unread:
        runner.run(runner.read_secret(OPENAI))
    assert unread.value.data["verb"] == "get"
    runner.run(runner.patch_secret(OPENAI, {}, removed=["next"], dry_run=False))
    assert root.run(root.read_secret(OPENAI)) == {"value": OPENAI_KEY}


def test_a_secret_is_made_labelled_read_and_removed(client: Kubernetes) -> None:
    at, run = ObjectPlace(namespace="docuchat-runbooks", name="run-7"), client.run

    run(client.create_secret(at, {"value": "hush"}, labels={"run": "7"}))

    assert run(client.read_secret(at)) == {"value": "hush"}
    with pytest.raises(Conflict):
        run(client.create_secret(at, {"value": "other"}))
    with pytest.raises(Refused) as refused:
        run(client.patch_secret(at, {"hush!": "hush"}, dry_run=False))
    assert refused.value.data["reason"] == "kubernetes_rejected"
    assert "hush" not in str(refused.value)
    run(client.delete_secret(at))
    run(client.delete_secret(at))
    with pytest.raises(NotFound):
        run(client.read_secret(at))


def test_nodes_tell_their_room_and_taints_and_a_quota_what_is_used(client: Kubernetes, admin: API) -> None:
    quota = {"metadata": {"name": "gpus"}, "spec": {"hard": {"requests.nvidia.com/gpu": "2"}}}
    admin.http.post("/api/v1/namespaces/docuchat/resourcequotas", json=quota).raise_for_status()

    nodes = {one.metadata.name: one for one in client.run(client.list_nodes())}
    quotas = client.run(client.list_objects(QuotaObject, "docuchat")).items

    gpu = nodes["node-gpu-1"]
    assert gpu.status.allocatable["nvidia.com/gpu"] == "1"  # type: ignore[union-attr, index] - the API fills it in
    assert [one.key for one in gpu.spec.taints or ()] == ["nvidia.com/gpu"]  # type: ignore[union-attr] - the API fills it in
    assert quotas[0].status.hard == {"requests.nvidia.com/gpu": "2"}  # type: ignore[union-attr] - the API fills it in


def test_a_change_that_is_not_answered_in_time_is_told_as_unknown(
    client: Kubernetes, cluster: Address
) -> None:
    client.timeout_s = 0.2
    httpx.post(f"{cluster.url}/sandbox/trouble", json={"delay_s": 5}).raise_for_status()

    with pytest.raises(Unavailable) as late:
        client.run(client.set_paused(WORKER, is_paused=True, dry_run=False))

    assert late.value.data["cause"] == "timeout"
