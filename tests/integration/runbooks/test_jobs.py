"""Runs as Jobs of the emulator, whose containers are real processes; each account may do what its Role says."""

import json
import os
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage, Words
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.real_containers import RealImage
from backend.sandbox.kubernetes.server import running
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import Child, Command, accepts, free_port
from runbooks import asking_service, kubernetes_jobs, launching, registry
from runbooks.engine import RUNNER
from runbooks.kubernetes_jobs import KubernetesJobs, job_name
from tests.conftest import forget_caches
from tests.integration.runbooks.conftest import wish
from tests.integration.runbooks.worker import ACTIONS, taken
from tests.waiting import until

IMAGE = "registry.example/docuchat-portal"
HOME = "/namespaces/docuchat-runbooks"
LONGER_THAN_TEMPLATE_S = 2.0
JOBS, PODS = f"/apis/batch/v1{HOME}/jobs", f"/api/v1{HOME}/pods"


@dataclass(frozen=True, slots=True)
class Site:
    """The emulator by an administrator's hands, and the launcher with the jobs' account."""

    http: httpx.Client
    launcher: KubernetesJobs


@pytest.fixture
def site(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    kubeconfig = tmp_path / "kubeconfig"
    image = RealImage(
        cwd=str(REPOSITORY),
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database},
        entrypoint=(sys.executable, "-m", "tests.integration.runbooks.worker"),
    )
    with running(kubeconfig, images={IMAGE: image}) as address:
        _use(kubeconfig, tmp_path, monkeypatch)
        tls = ssl.create_default_context(cafile=str(kubeconfig.parent / "kubernetes.crt"))
        headers = {"authorization": f"Bearer {address.tokens['cluster-admin']}"}
        with httpx.Client(base_url=address.url, headers=headers, verify=tls, timeout=20) as http:
            yield Site(http, KubernetesJobs())
        kubernetes_jobs.close()


def _use(kubeconfig: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process launch Jobs with the account of the jobs, for the actions of these tests."""
    container = {"name": "runner", "image": f"{IMAGE}:1", "resources": {"requests": {"cpu": "1m"}}}
    pod = {"serviceAccountName": "portal-operator", "containers": [container]}
    spec = {"template": {"spec": {**pod, "terminationGracePeriodSeconds": 1}}}
    template = folder / "job.yml"
    template.write_text(json.dumps({"apiVersion": "batch/v1", "kind": "Job", "spec": spec}))
    monkeypatch.setenv("KUBECONFIG", str(account_file(kubeconfig, "portal-jobs")))
    monkeypatch.setenv("RUNNER_JOB_TEMPLATE", str(template))
    known = {**registry.actions(), **ACTIONS}
    monkeypatch.setattr(registry, "actions", lambda: known)
    forget_caches()


def _until(actor: Actor, launcher: KubernetesJobs, run: RunbookRun, *states: RunStage) -> RunbookRun:
    def is_there() -> bool:
        launching.supervise(RUNNER, launcher)
        return runs.run(actor, run.id).state in states

    until(is_there)
    return runs.run(actor, run.id)


def _started(actor: Actor, launcher: KubernetesJobs, action: str, folder: Path, **given: str) -> RunbookRun:
    asked = asking_service.ask(actor, wish(action, {"folder": str(folder), **given}))
    planned = _until(actor, launcher, asked, RunStage.PLANNED)
    return runs.confirm(actor, asked.id, planned.plan_hash)


def test_a_run_is_a_job_named_after_it_and_a_second_start_adopts_it(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site.launcher, "take_three", tmp_path)
    name = job_name(runs.run(operator, run.id))
    assert name == f"run-{run.id}"

    assert site.launcher.start(run) == site.launcher.start(run)

    done = _until(operator, site.launcher, run, RunStage.SUCCEEDED)
    assert taken(tmp_path) == ["one", "two", "three"]
    assert done.process == f"job:docuchat-runbooks/{name}"


def test_a_killed_job_is_lost_in_the_words_of_its_container(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site.launcher, "take_three", tmp_path, dies_in="two")

    lost = _until(operator, site.launcher, run, RunStage.LOST)

    assert lost.outcome is not None
    assert lost.outcome.key == "runbooks.outcome.job_failed"
    assert "137" in str(lost.outcome.values["words"])
    runs.go_on(operator, run.id)
    _until(operator, site.launcher, run, RunStage.SUCCEEDED)
    assert taken(tmp_path) == ["one", "two", "two", "three"]


def test_a_run_whose_pod_is_evicted_has_the_time_to_put_back_what_it_changed(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site.launcher, "mend_cancelled", tmp_path)
    _until(operator, site.launcher, run, RunStage.RUNNING)
    until(lambda: taken(tmp_path) == ["print"])
    [pod] = site.http.get(PODS, params={"labelSelector": f"job-name=run-{run.id}"}).json()["items"]

    site.http.delete(f"{PODS}/{pod['metadata']['name']}").raise_for_status()

    until(lambda: "mend" in taken(tmp_path))
    time.sleep(LONGER_THAN_TEMPLATE_S)
    (tmp_path / "go").touch()
    gone = _until(operator, site.launcher, run, RunStage.FAILED)
    assert gone.outcome == Words(key="runbooks.outcome.told_to_end")
    assert taken(tmp_path) == ["print", "mend", "mended"]


def test_a_cancelled_job_that_hangs_ends_itself_and_is_cancelled_only_when_its_pod_is_gone(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site.launcher, "print_on", tmp_path, stubborn="true")
    _until(operator, site.launcher, run, RunStage.RUNNING)
    until(lambda: taken(tmp_path) == ["print"])
    runs.cancel(operator, run.id)

    _until(operator, site.launcher, run, RunStage.CANCELLED)

    pods = [pod for pod in site.http.get(PODS).json()["items"] if pod["status"]["phase"] == "Running"]
    assert pods == []


def test_a_job_that_hangs_while_it_puts_something_back_ends_itself_when_its_time_for_that_is_over(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site.launcher, "mend_on", tmp_path)
    _until(operator, site.launcher, run, RunStage.RUNNING)
    until(lambda: taken(tmp_path) == ["mend"])

    ended = _until(operator, site.launcher, run, RunStage.FAILED)

    assert ended.outcome == Words(key="runbooks.outcome.died_mending")


def test_a_job_that_a_quota_refuses_ends_the_run_with_those_words(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    quota = {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}
    site.http.post(f"/api/v1{HOME}/resourcequotas", json=quota).raise_for_status()
    asked = asking_service.ask(operator, wish("take_three", {"folder": str(tmp_path)}))

    refused = _until(operator, site.launcher, asked, RunStage.FAILED)

    assert refused.outcome is not None
    assert refused.outcome.key == "runbooks.outcome.job_refused"
    assert "exceeded quota: full" in str(refused.outcome.values["words"])
    assert site.http.get(JOBS).json()["items"] == []


def test_a_run_goes_on_while_the_cluster_is_away_and_its_end_is_true(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    run = _started(operator, site.launcher, "commit_all", tmp_path)
    _until(operator, site.launcher, run, RunStage.RUNNING)
    until(lambda: "commit" in taken(tmp_path))
    site.http.post("/sandbox/trouble", json={"refuses_with": 503}).raise_for_status()

    (tmp_path / "go").touch()

    _until(operator, site.launcher, run, RunStage.SUCCEEDED)
    site.http.delete("/sandbox/trouble").raise_for_status()
    assert taken(tmp_path) == ["one", "commit", "three"]


class Emulator:
    """The emulator in a process of its own, which may be killed; its port and its accounts stay."""

    def __init__(self, folder: Path, database: str) -> None:
        self.kubeconfig, self._folder, self._port = folder / "kubeconfig", folder, free_port()
        image = {
            "cwd": str(REPOSITORY),
            "env": {"PATH": os.environ["PATH"], "DATABASE_URL": database},
            "entrypoint": [sys.executable, "-m", "tests.integration.runbooks.worker"],
        }
        (folder / "images.json").write_text(json.dumps({IMAGE: image}))
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        argv = [sys.executable, "-m", "backend.sandbox.kubernetes", "--port", str(self._port)]
        argv += ["--kubeconfig", str(self.kubeconfig), "--images", str(self._folder / "images.json")]
        log_path = self._folder / "emulator.log"
        self.child = Child(Command(name="kubernetes", argv=argv, cwd=REPOSITORY, log_path=log_path))
        until(lambda: accepts(self._port))

    def kill(self) -> None:
        """End it without a word."""
        self.child.process.kill()
        self.child.process.wait()


def _processes_of(run: RunbookRun) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if str(run.id) in (each.info["cmdline"] or ())]


@pytest.fixture
def emulator(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    made = Emulator(tmp_path, database)
    _use(made.kubeconfig, tmp_path, monkeypatch)
    yield made
    kubernetes_jobs.close()
    made.child.stop()


def test_a_run_whose_cluster_dies_in_a_step_is_lost_and_goes_on_from_there(
    operator: Actor, emulator: Emulator, tmp_path: Path
) -> None:
    launcher = KubernetesJobs()
    run = _started(operator, launcher, "talk_three", tmp_path)

    def is_in(step: str, times: int) -> bool:
        launching.supervise(RUNNER, launcher)
        return taken(tmp_path).count(step) == times

    for step in ("one", "two", "three"):
        until(lambda step=step: is_in(step, 1))
        emulator.kill()
        until(lambda: not _processes_of(run))
        launching.supervise(RUNNER, launcher)
        assert runs.run(operator, run.id).state is RunStage.RUNNING
        emulator.start()

        lost = _until(operator, launcher, run, RunStage.LOST)

        assert lost.outcome == Words(key="runbooks.outcome.process_gone")
        runs.go_on(operator, run.id)
        until(lambda step=step: is_in(step, 2))
        (tmp_path / f"go-{step}").touch()
    _until(operator, launcher, run, RunStage.SUCCEEDED)
    assert taken(tmp_path) == ["one", "one", "two", "two", "three", "three"]
    numbers = [line.number for line in runs.lines(operator, run.id)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_cluster_that_is_away_starts_nothing_until_it_is_back(
    operator: Actor, site: Site, tmp_path: Path
) -> None:
    site.http.post("/sandbox/trouble", json={"refuses_with": 503}).raise_for_status()
    asked = asking_service.ask(operator, wish("take_three", {"folder": str(tmp_path)}))
    for _ in range(3):
        assert launching.supervise(RUNNER, site.launcher) == 0
    assert runs.run(operator, asked.id).state is RunStage.PLANNING

    site.http.delete("/sandbox/trouble").raise_for_status()

    _until(operator, site.launcher, asked, RunStage.PLANNED)
