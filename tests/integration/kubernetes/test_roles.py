"""Who may do what: the web, the jobs and the runner, each no more than it needs."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from backend.clients.kubernetes import Kubernetes, connect
from backend.clients.kubernetes_calls import ObjectPlace
from backend.clients.kubernetes_objects import EventObject, JobObject, PodObject
from backend.errors import Refused
from backend.sandbox.kubernetes.access import account_file, write_kubeconfigs
from backend.sandbox.kubernetes.server import Address

RUNBOOKS = "docuchat-runbooks"
VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
KINDS = (
    ("", "pods"),
    ("", "pods/log"),
    ("", "events"),
    ("", "secrets"),
    ("", "configmaps"),
    ("", "nodes"),
    ("", "resourcequotas"),
    ("apps", "deployments"),
    ("apps", "deployments/scale"),
    ("batch", "jobs"),
)


@pytest.fixture
def files(cluster: Address, tmp_path: Path) -> Path:
    tokens = {token: name for name, token in cluster.tokens.items()}
    path = tmp_path / "kubeconfig"
    write_kubeconfigs(path, server=cluster.url, namespace="docuchat", tokens=tokens)
    return path


@pytest.fixture
def jobs(files: Path) -> Iterator[Kubernetes]:
    client = connect(str(account_file(files, "portal-jobs")), 5)
    yield client
    client.close()


def test_the_jobs_account_starts_and_ends_runs_and_may_nothing_else(cluster: Address) -> None:
    headers = {"authorization": f"Bearer {cluster.tokens['portal-jobs']}"}
    allowed = set()
    with httpx.Client(base_url=cluster.url, headers=headers) as http:
        for namespace in ("docuchat", RUNBOOKS, "kube-system", ""):
            for group, kind in KINDS:
                resource, _, below = kind.partition("/")
                for verb in VERBS:
                    wanted = {"verb": verb, "group": group, "resource": resource, "subresource": below}
                    spec = {"resourceAttributes": wanted | {"namespace": namespace}}
                    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
                    answer = http.post(path, json={"spec": spec})
                    if answer.json()["status"]["allowed"]:
                        allowed.add((namespace, kind, verb))

    assert allowed == {
        *((RUNBOOKS, "jobs", verb) for verb in ("create", "delete", "get", "list", "watch")),
        *((RUNBOOKS, "pods", verb) for verb in ("get", "list", "watch")),
        *((RUNBOOKS, "events", verb) for verb in ("get", "list", "watch")),
        (RUNBOOKS, "pods/log", "get"),
        (RUNBOOKS, "secrets", "delete"),
    }


def test_each_account_has_a_file_and_a_refusal_names_the_missing_verb(files: Path, jobs: Kubernetes) -> None:
    for account in ("portal-viewer", "portal-jobs", "portal-operator", "cluster-admin"):
        assert orjson.loads(account_file(files, account).read_bytes())["current-context"] == account
    for kind in (JobObject, PodObject, EventObject):
        jobs.run(jobs.list_objects(kind, RUNBOOKS))

    with pytest.raises(Refused) as refused:
        jobs.run(jobs.read_secret(ObjectPlace(namespace=RUNBOOKS, name="run-7")))

    expected = {"verb": "get", "resource": "secrets", "namespace": RUNBOOKS}
    assert refused.value.data == {"reason": "kubernetes_forbidden", **expected}
