"""Runs as Jobs of the emulator, whose containers are real processes; each account may do what its Role says."""

import json
import os
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.real_containers import RealImage
from backend.sandbox.kubernetes.server import running
from backend.sandbox.postgres import REPOSITORY
from runbooks import asking_service, kubernetes_jobs, launching, registry
from runbooks.engine import RUNNER
from runbooks.kubernetes_jobs import KubernetesJobs, job_name
from tests.conftest import forget_caches
from tests.integration.runbooks.conftest import wish
from tests.integration.runbooks.worker import ACTIONS, taken
from tests.waiting import until

IMAGE = "registry.example/docuchat-portal"
HOME = "/namespaces/docuchat-runbooks"
JOBS, PODS = f"/apis/batch/v1{HOME}/jobs", f"/api/v1{HOME}/pods"


@dataclass(frozen=True, slots=True)
class Site:
    """The emulator by an administrator's hands, and the launcher with the jobs' account."""

    http: httpx.Client
    launcher: KubernetesJobs


@pytest.fixture
def site(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    kubeconfig, template = tmp_path / "kubeconfig", tmp_path / "job.yml"
    container = {"name": "runner", "image": f"{IMAGE}:1", "resources": {"requests": {"cpu": "1m"}}}
    pod = {"serviceAccountName": "portal-operator", "containers": [container]}
    spec = {"template": {"spec": {**pod, "terminationGracePeriodSeconds": 1}}}
    template.write_text(json.dumps({"apiVersion": "batch/v1", "kind": "Job", "spec": spec}))
    image = RealImage(
        cwd=str(REPOSITORY),
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database},
        entrypoint=(sys.executable, "-m", "tests.integration.runbooks.worker"),
    )
    with running(kubeconfig, images={IMAGE: image}) as address:
        monkeypatch.setenv("KUBECONFIG", str(account_file(kubeconfig, "portal-jobs")))
        monkeypatch.setenv("RUNNER_JOB_TEMPLATE", str(template))
        known = {**registry.actions(), **ACTIONS}
        monkeypatch.setattr(registry, "actions", lambda: known)
        forget_caches()
        tls = ssl.create_default_context(cafile=str(kubeconfig.parent / "kubernetes.crt"))
        headers = {"authorization": f"Bearer {address.tokens['cluster-admin']}"}
        with httpx.Client(base_url=address.url, headers=headers, verify=tls, timeout=20) as http:
            yield Site(http, KubernetesJobs())
        kubernetes_jobs.close()


def _until(actor: Actor, site: Site, run: RunbookRun, *states: RunStage) -> RunbookRun:
    def is_there() -> bool:
        launching.supervise(RUNNER, site.launcher)
        return runs.run(actor, run.id).state in states

    until(is_there)
    return runs.run(actor, run.id)


def _started(actor: Actor, site: Site, action: str, folder: Path, **given: str) -> RunbookRun:
    asked = asking_service.ask(actor, wish(action, {"folder": str(folder), **given}))
    planned = _until(actor, site, asked, RunStage.PLANNED)
    return runs.confirm(actor, asked.id, planned.plan_hash)


def test_a_run_is_a_job_named_after_it_and_a_second_start_adopts_it(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site, "take_three", tmp_path)
    name = job_name(runs.run(operator, run.id))
    assert name == f"run-{run.id}"

    assert site.launcher.start(run) == site.launcher.start(run)

    done = _until(operator, site, run, RunStage.SUCCEEDED)
    assert taken(tmp_path) == ["one", "two", "three"]
    assert done.process == f"job:docuchat-runbooks/{name}"


def test_a_killed_job_is_lost_in_the_words_of_its_container(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site, "take_three", tmp_path, dies_in="two")

    lost = _until(operator, site, run, RunStage.LOST)

    assert lost.outcome is not None
    assert lost.outcome.key == "runbooks.outcome.job_failed"
    assert "137" in str(lost.outcome.values["words"])
    runs.go_on(operator, run.id)
    _until(operator, site, run, RunStage.SUCCEEDED)
    assert taken(tmp_path) == ["one", "two", "two", "three"]


def test_a_cancelled_job_is_cancelled_only_when_its_pod_is_gone(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site, "print_on", tmp_path, stubborn="true")
    _until(operator, site, run, RunStage.RUNNING)
    until(lambda: taken(tmp_path) == ["print"])
    runs.cancel(operator, run.id)

    _until(operator, site, run, RunStage.CANCELLED)

    pods = [pod for pod in site.http.get(PODS).json()["items"] if pod["status"]["phase"] == "Running"]
    assert pods == []


def test_a_job_that_a_quota_refuses_ends_the_run_with_those_words(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    quota = {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}
    site.http.post(f"/api/v1{HOME}/resourcequotas", json=quota).raise_for_status()
    asked = asking_service.ask(operator, wish("take_three", {"folder": str(tmp_path)}))

    refused = _until(operator, site, asked, RunStage.FAILED)

    assert refused.outcome is not None
    assert refused.outcome.key == "runbooks.outcome.job_refused"
    assert "exceeded quota: full" in str(refused.outcome.values["words"])
    assert site.http.get(JOBS).json()["items"] == []


def test_a_run_goes_on_while_the_cluster_is_away_and_its_end_is_true(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site, "commit_all", tmp_path)
    _until(operator, site, run, RunStage.RUNNING)
    until(lambda: "commit" in taken(tmp_path))
    site.http.post("/sandbox/trouble", json={"refuses_with": 503}).raise_for_status()

    (tmp_path / "go").touch()

    _until(operator, site, run, RunStage.SUCCEEDED)
    site.http.delete("/sandbox/trouble").raise_for_status()
    assert taken(tmp_path) == ["one", "commit", "three"]


def test_a_cluster_that_is_away_starts_nothing_until_it_is_back(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    site.http.post("/sandbox/trouble", json={"refuses_with": 503}).raise_for_status()
    asked = asking_service.ask(operator, wish("take_three", {"folder": str(tmp_path)}))
    for _ in range(3):
        assert launching.supervise(RUNNER, site.launcher) == 0
    assert runs.run(operator, asked.id).state is RunStage.PLANNING

    site.http.delete("/sandbox/trouble").raise_for_status()

    _until(operator, site, asked, RunStage.PLANNED)
