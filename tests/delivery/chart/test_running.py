"""A first install runs: the product's processes start with exactly what the manifests of the documented command give.

No node is here: addresses within the cluster lead to servers on loopback ports, and mounted files lie in a folder.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from backend.sandbox import frontend, neighbours
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import JOBS
from backend.sandbox.kubernetes.server import running
from backend.sandbox.postgres import REPOSITORY, PostgresServer, binaries
from backend.sandbox.processes import Child, Command, accepts, free_port, wait_until
from delivery.chart.containers import Store
from delivery.chart.manifests import PodTemplate, pod_templates
from delivery.chart.rendering import CHART, NAMESPACE
from delivery.dockerfile import stages_of
from runbooks.kubernetes_jobs import read_template
from tests.delivery.chart.conftest import NEWEST, rendered_by
from tests.waiting import PATIENCE_S

IMAGES = stages_of(REPOSITORY / "Dockerfile")
# Paths of the image's own tree, and what its build fills in.
MADE_BY_A_BUILD = re.compile(r"^(PATH|HOME|TMPDIR)|[$][{]")
ADDRESS = re.compile(r"\bdocuchat-([a-z]+)(?:[.]docuchat-prod[.]svc)?:[0-9]+")
NOBODY = 9


@dataclass(slots=True, kw_only=True)
class Node:
    """Starts containers of the release as processes of this machine."""

    folder: Path
    postgres_port: int
    redis_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    jobs_port: int = field(default_factory=free_port)
    store: Store = field(init=False)
    pods: Mapping[str, PodTemplate] = field(init=False)

    def __post_init__(self) -> None:
        manifests = rendered_by(NEWEST, "minimal")
        self.store = Store.of(manifests)
        self.pods = {pod.component: pod for pod in pod_templates(manifests, NAMESPACE)}

    def container(self, part: str, kind: str = "containers") -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.pods[part].spec[kind][0]
        return found

    def environment(self, part: str, kind: str = "containers") -> dict[str, str]:
        """The variables of a container, those of its image included, with addresses and paths of this machine."""
        pod, container = self.pods[part], self.container(part, kind)
        root = self.folder / part
        self.store.mount(pod, container, root)
        mounts = [each["mountPath"] for each in container["volumeMounts"]]
        image = IMAGES["web" if "portal-web" in container["image"] else "jobs"]
        given = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        given |= {
            name: value for name, value in image.env.items() if not MADE_BY_A_BUILD.search(name + value)
        }
        given |= {
            "POSTGRES_TOOLS_DIR": str(binaries()),
            "JOBS_METRICS_PORT": str(self.jobs_port),
            "METRICS_HOLD_S": "0",
        }
        given |= self.store.environment(pod, container)
        here = {name: self._here(value, root, mounts) for name, value in given.items()}
        # In a cluster the account is mounted into the pod.
        return here | {"KUBECONFIG": str(account_file(self.folder / "kubeconfig", JOBS))}

    def _here(self, value: str, root: Path, mounts: list[str]) -> str:
        ports = {"postgresql": self.postgres_port, "redis": self.redis_port, "portal": self.web_port}
        value = ADDRESS.sub(lambda found: f"127.0.0.1:{ports.get(found[1], NOBODY)}", value)
        return f"{root}{value}" if value.startswith(tuple(mounts)) else value

    def process(self, part: str, kind: str = "containers", *arguments: str) -> Child:
        """A container's command, started; what the image is started with where the manifest has no arguments."""
        given = arguments or self.container(part, kind).get("args") or IMAGES["jobs"].command
        command = [sys.executable, "-m", *given]
        log_path = self.folder / f"{part}-{kind}{len(arguments)}.log"
        env = self.environment(part, kind)
        return Child(Command(name=part, argv=command, cwd=REPOSITORY, env=env, log_path=log_path))

    def web(self) -> Child:
        frontend.build("e2e")
        command = frontend.web_command(
            "e2e",
            port=self.web_port,
            log_path=self.folder / "web.log",
            env=self.environment("portal"),
        )
        return Child(command)


@pytest.fixture(scope="module")
def node(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    node = Node(folder=folder, postgres_port=postgres_server.port)
    with redis(node), running(folder / "kubeconfig", namespace=NAMESPACE):
        yield node
    with psycopg.connect(postgres_server.url(), autocommit=True) as superuser:
        superuser.execute("DROP DATABASE IF EXISTS portal WITH (FORCE)")
        superuser.execute("DROP ROLE IF EXISTS portal")


@contextmanager
def redis(node: Node) -> Iterator[None]:
    """The Redis of the release, with its own configuration."""
    node.environment("redis")
    configuration = node.folder / "redis" / node.container("redis")["args"][1].lstrip("/")
    argv = [
        str(neighbours.redis_server()),
        str(configuration),
        "--port",
        str(node.redis_port),
        "--bind",
        "127.0.0.1",
    ]
    child = Child(
        Command(
            name="redis",
            argv=argv,
            cwd=node.folder,
            env=neighbours.environment(),
            log_path=node.folder / "redis.log",
        )
    )
    try:
        wait_until(lambda: accepts(node.redis_port), child=child)
        yield
    finally:
        child.stop()


def first_start(node: Node, postgres: PostgresServer) -> None:
    """Run what the image of PostgreSQL runs once, as the image does."""
    script = node.store.texts["ConfigMap", NAMESPACE, "docuchat-postgresql"]["10-portal.sql"]
    env = node.store.environment(node.pods["postgresql"], node.container("postgresql"))
    subprocess.run(
        [binaries() / "psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", postgres.url()],
        input=script, text=True, check=True, env={"PATH": "/usr/bin:/bin", "PORTAL_PASSWORD": env["PORTAL_PASSWORD"]},
    )  # fmt: skip


def test_a_first_install_runs(node: Node, postgres_server: PostgresServer) -> None:
    migrations = node.process("portal", "initContainers")
    # PostgreSQL starts beside the pods of the portal, and is ready some time later.
    first_start(node, postgres_server)
    assert migrations.process.wait(PATIENCE_S) == 0, migrations.log_tail()
    with children(node) as (web, jobs):
        url = f"http://127.0.0.1:{node.web_port}"
        wait_until(lambda: answers(f"{url}/readyz"), child=web, timeout_s=90)
        wait_until(lambda: answers(f"http://127.0.0.1:{node.jobs_port}/healthz"), child=jobs, timeout_s=60)

        asked = helm_test(node)
        jobs_token = node.environment("jobs")["METRICS_TOKEN"]
        scraped = httpx.get(
            f"http://127.0.0.1:{node.jobs_port}/api/v1/metrics",
            headers={"authorization": f"Bearer {jobs_token}"},
        )
        billing = node.process("billing")
        for job in ("nightly_backup", "nightly_drill"):
            night = node.process("jobs", "containers", "jobs", "run", job)
            assert night.process.wait(PATIENCE_S) == 0, night.log_tail()
            wait_until(partial(has_done, postgres_server, job), child=jobs, timeout_s=PATIENCE_S)

        assert asked.returncode == 0, asked.stderr
        assert scraped.status_code == HTTPStatus.OK
        assert billing.process.wait(PATIENCE_S) == 0, billing.log_tail()
    assert read_template(node.environment("jobs")["RUNNER_JOB_TEMPLATE"])["kind"] == "Job"


def has_done(postgres: PostgresServer, job: str) -> bool:
    """Whether the run that a nightly job asked for did what it was asked for. Raises AssertionError where it failed."""
    action = {"nightly_backup": "backup_database", "nightly_drill": "restore_drill"}[job]
    query = "SELECT state, outcome::text FROM runbook_run WHERE action = %s"
    with psycopg.connect(postgres.url("portal")) as connection:
        state, outcome = connection.execute(query, [action]).fetchone() or ("", "")
    assert state not in {"refused", "failed", "lost"}, outcome
    return str(state) == "succeeded"


@contextmanager
def children(node: Node) -> Iterator[tuple[Child, Child]]:
    started = [node.web(), node.process("jobs")]
    try:
        yield started[0], started[1]
    finally:
        for child in started:
            child.stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def helm_test(node: Node) -> subprocess.CompletedProcess[str]:
    """What `helm test` runs."""
    return subprocess.run(
        [sys.executable, CHART / "files" / "tests" / "portal.py"],
        env=node.environment("tests"), capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
