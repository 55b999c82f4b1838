"""Jobs that run as real processes of this machine."""

import json
import os
import signal
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.sandbox.kubernetes.real_containers import RealImage
from backend.sandbox.kubernetes.server import running
from backend.sandbox.processes import Child, Command, free_port, wait_until
from tests.waiting import until

Json = dict[str, Any]
IMAGE = "registry.docuchat.example/docuchat-portal"
HOME = "/namespaces/docuchat-runbooks"
JOBS, PODS, EVENTS = f"/apis/batch/v1{HOME}/jobs", f"/api/v1{HOME}/pods", f"/api/v1{HOME}/events"
PYTHON = RealImage(cwd="/", env={"PATH": os.defpath, "ONLY": "this"}, entrypoint=(sys.executable, "-c"))
# It starts a child in a session of its own, tells both ids, and sleeps; the child does not hear SIGTERM.
FAMILY = """
import os, signal, subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_: print("asked to end", flush=True))
print(os.getpid(), child.pid, flush=True)
while True:
    time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The emulator by an administrator's hands."""

    http: httpx.Client
    kubeconfig: Path

    def start(
        self, code: str, *, pod: Json | None = None, env: list[Json] | None = None, **spec: Any
    ) -> None:
        container = {"name": "run", "image": f"{IMAGE}:0.1.0", "args": [code], "env": env or []}
        shape = {"restartPolicy": "Never", "containers": [container], "terminationGracePeriodSeconds": 1}
        spec = {"backoffLimit": 0, "template": {"spec": shape | (pod or {})}} | spec
        self.http.post(JOBS, json={"metadata": {"name": "run-7"}, "spec": spec}).raise_for_status()

    def pods(self) -> list[Json]:
        return list(self.http.get(PODS).json()["items"])

    def log(self) -> str:
        pods = self.pods()
        answer = self.http.get(f"{PODS}/{pods[0]['metadata']['name']}/log") if pods else None
        return answer.text if answer is not None and answer.is_success else ""

    def result(self) -> str:
        """The reason with which the Job ended, once it has."""
        found = self.http.get(f"{JOBS}/run-7").json().get("status", {}).get("conditions") or [{}]
        return str(found[0].get("reason", ""))

    def delete(self) -> None:
        self.http.delete(f"{JOBS}/run-7", params={"propagationPolicy": "Background"}).raise_for_status()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    path = tmp_path_factory.mktemp("real") / "kubeconfig"
    with running(path, images={IMAGE: PYTHON}) as address:
        tls = ssl.create_default_context(cafile=str(path.parent / "kubernetes.crt"))
        headers = {"authorization": f"Bearer {address.tokens['cluster-admin']}"}
        with httpx.Client(base_url=address.url, headers=headers, verify=tls, timeout=20) as http:
            yield Cluster(http, path)


@pytest.fixture
def cluster(site: Cluster) -> Iterator[Cluster]:
    site.http.post("/sandbox/reset").raise_for_status()
    yield site
    site.http.post("/sandbox/reset").raise_for_status()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def family(cluster: Cluster) -> list[int]:
    """The ids of a family's two processes, once both are there."""
    until(lambda: "deaf" in cluster.log())
    return [int(word) for line in cluster.log().splitlines() for word in line.split() if word.isdecimal()]


def test_a_command_runs_with_its_own_environment_and_its_output_is_the_log(cluster: Cluster) -> None:
    secret = {"metadata": {"name": "run-7"}, "stringData": {"value": "hush; echo $HOME"}}
    cluster.http.post(f"/api/v1{HOME}/secrets", json=secret).raise_for_status()
    env = [
        {"name": "GIVEN", "valueFrom": {"secretKeyRef": {"name": "run-7", "key": "value"}}},
        {"name": "PLACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ]
    code = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.exit(3)"

    cluster.start(code, env=env, pod={"serviceAccountName": "portal-operator"})

    until(cluster.result)
    told = json.loads(cluster.log())
    account = told.pop("KUBECONFIG")
    uid = cluster.pods()[0]["metadata"]["uid"]
    assert {key: told[key] for key in told if not key.startswith("LC_")} == {
        "PATH": os.defpath,
        "ONLY": "this",
        "GIVEN": "hush; echo $HOME",
        "PLACE": "docuchat-runbooks",
        "SANDBOX_POD_UID": uid,
    }
    assert json.loads(Path(account).read_text())["current-context"] == "portal-operator"
    ended = cluster.pods()[0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert cluster.result() == "BackoffLimitExceeded"


def test_a_pod_is_gone_only_when_its_process_and_all_that_it_started_are(cluster: Cluster) -> None:
    cluster.start(FAMILY, pod={"terminationGracePeriodSeconds": 3})
    pids = family(cluster)

    cluster.delete()

    until(lambda: "asked to end" in cluster.log())
    until(lambda: not cluster.pods())
    assert not any(map(is_alive, pids))


def test_a_job_past_its_deadline_ends_with_its_process(cluster: Cluster) -> None:
    cluster.start(FAMILY, activeDeadlineSeconds=600)
    pids = family(cluster)

    cluster.http.post("/sandbox/clock", json={"advance_s": 600}).raise_for_status()

    until(lambda: not cluster.pods())

    assert cluster.result() == "DeadlineExceeded"
    assert not any(map(is_alive, pids))


def test_a_process_that_ends_takes_along_what_it_left_behind(cluster: Cluster) -> None:
    leaves = (
        "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid, flush=True)"
    )

    cluster.start(leaves)

    until(lambda: cluster.result() == "CompletionsReached")
    assert not is_alive(int(cluster.log()))


def test_a_command_that_is_not_there_ends_the_pod_with_that_reason(cluster: Cluster) -> None:
    nothing = {"name": "run", "image": IMAGE, "command": ["/nowhere/python"]}

    cluster.start("", pod={"containers": [nothing]})

    until(cluster.result)
    ended = cluster.pods()[0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")


def forbid_by_quota(cluster: Cluster) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    cluster.http.post(f"/api/v1{HOME}/resourcequotas", json=quota).raise_for_status()


def forbid_by_policy(cluster: Cluster) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    headers = {"content-type": "application/merge-patch+json"}
    home = f"/api/v1{HOME}"
    cluster.http.patch(home, json={"metadata": {"labels": labels}}, headers=headers).raise_for_status()


@pytest.mark.parametrize(
    ("forbid", "words"),
    [
        pytest.param(forbid_by_quota, "exceeded quota: none", id="quota"),
        pytest.param(forbid_by_policy, 'violates PodSecurity "restricted:latest"', id="policy"),
    ],
)
def test_a_job_whose_pod_is_refused_says_so_in_an_event_and_starts_nothing(
    cluster: Cluster, forbid: Callable[[Cluster], None], words: str
) -> None:
    forbid(cluster)

    cluster.start("print('ran')")

    def refusals() -> list[str]:
        events = cluster.http.get(EVENTS).json()["items"]
        return [one["message"] for one in events if one["reason"] == "FailedCreate"]

    until(refusals)
    assert words in refusals()[0]
    assert not cluster.pods()


def test_other_images_and_workloads_are_played_as_before(cluster: Cluster) -> None:
    container = {"name": "run", "image": "registry.docuchat.example/docuchat:1", "args": ["no such program"]}

    cluster.start("", pod={"containers": [container]})

    until(lambda: cluster.result() == "CompletionsReached")
    assert "step 10 of 10" in cluster.log()


def test_a_killed_emulator_takes_its_processes_along(tmp_path: Path) -> None:
    images = tmp_path / "images.json"
    images.write_text(json.dumps({IMAGE: {"cwd": "/", "env": {}, "entrypoint": [sys.executable, "-c"]}}))
    path, port = tmp_path / "kubeconfig", free_port()
    options = ["--port", str(port), "--kubeconfig", str(path), "--images", str(images)]
    argv = [sys.executable, "-m", "backend.sandbox.kubernetes", *options]
    emulator = Child(Command(name="kubernetes", argv=argv, log_path=tmp_path / "log"))
    try:
        wait_until(lambda: "emulator on" in emulator.log_tail(), child=emulator)
        config = json.loads(path.read_text())
        token = next(one["user"]["token"] for one in config["users"] if one["name"] == "cluster-admin")
        tls = ssl.create_default_context(cafile=str(tmp_path / "kubernetes.crt"))
        headers = {"authorization": f"Bearer {token}"}
        url = config["clusters"][0]["cluster"]["server"]
        transport = httpx.HTTPTransport(verify=tls, retries=5)
        with httpx.Client(base_url=url, headers=headers, transport=transport) as http:
            cluster = Cluster(http, path)
            cluster.start("import os, time; print(os.getpid(), 'deaf', flush=True); time.sleep(600)")
            pids = family(cluster)
            os.kill(emulator.pid, signal.SIGKILL)
            until(lambda: not any(map(is_alive, pids)))
    finally:
        emulator.stop()
