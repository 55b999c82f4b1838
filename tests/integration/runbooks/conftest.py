"""People, actions and the cluster of these tests."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from backend import config
from backend.actor import Actor, Role
from backend.deploys import service as deploys
from backend.runbooks import service as runs
from backend.runbooks.types import Plan, PlannedChange, Risk, RunbookRun, RunStage, Words
from backend.sandbox.kubernetes.server import running
from runbooks import asking_service, engine, registry
from runbooks.action import Action, ActionParameters, Step, Undo
from runbooks.context import Planning, Running
from runbooks.form_types import RunWish
from runbooks.local_processes import LocalProcesses
from tests import factories
from tests.integration.deploys.conftest import ClusterFile, Site, lines, wanted_workloads
from tests.waiting import until

PROCESS = Actor.process_named("tests")
RUNNER_ACCOUNT = "portal-operator"
WORDS = Words(key="runbooks.outcome.crashed")


@contextmanager
def processes_that_end() -> Iterator[LocalProcesses]:
    """A launcher of processes; what is started meanwhile ends at the end, and none stays behind for the next test."""
    before = {child.pid for child in psutil.Process().children()}
    launcher = LocalProcesses()
    yield launcher
    for child in psutil.Process().children():
        if child.pid not in before:
            with suppress(psutil.NoSuchProcess):
                child.kill()
    until(lambda: launcher.reap() == 0)


class Given(ActionParameters):
    """A target, and nothing else."""

    target: str = "one"


@dataclass
class World:
    """What the action of these tests looks at and changes."""

    value: str = "old"
    steps: tuple[Step[Given], ...] = ()
    undo_steps: tuple[Step[Given], ...] = ()

    def plan(self, _planning: Planning, _given: Given) -> Plan:
        return Plan(
            changes=(PlannedChange(what=WORDS, before=self.value, after="new"),),
            versions={"thing/one": self.value},
            confirmation="one",
        )

    def plan_undo(self, _planning: Planning, _given: Given, done: RunbookRun) -> Plan:
        return Plan(changes=(PlannedChange(what=WORDS, before=self.value, after=str(done.memory["before"])),))

    def write(self, running: Running, _given: Given) -> None:
        running.remember(before=self.value)
        self.value = "new"
        running.output("written")
        running.changed("runbooks.outcome.crashed")

    def write_back(self, running: Running, _given: Given) -> None:
        assert running.undone is not None
        self.value = str(running.undone.memory["before"])


MakeAction = Callable[..., Action[Given]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_action(world: World, monkeypatch: pytest.MonkeyPatch) -> MakeAction:
    """An action that no module holds, known to the registry while the test lasts."""
    known = dict(registry.actions())
    monkeypatch.setattr(registry, "actions", lambda: known)

    def make(risk: Risk = Risk.SAFE, **more: Any) -> Action[Given]:
        values: dict[str, Any] = {
            "name": "change_thing",
            "risk": risk,
            "parameters": Given,
            "targets": lambda given: (f"thing:{given.target}",),
            "plan": world.plan,
            "steps": (Step(name="write", run=world.write),),
            "undo": Undo(
                plan=world.plan_undo,
                steps=(Step(name="write_back", run=world.write_back),),
                holds=timedelta(days=7),
            ),
            "deadline_s": 60,
        }
        action: Action[Given] = Action(**values | more)
        known[action.name] = action
        return action

    return make


@pytest.fixture
def operator(database: str) -> Actor:
    return factories.user(Role.OPERATOR).actor


@pytest.fixture
def approver(database: str) -> Actor:
    return factories.user(Role.APPROVER).actor


def wish(action: str = "change_thing", given: Mapping[str, str] | None = None) -> RunWish:
    return RunWish(action=action, given=given or {}, request_key=uuid4().hex)


def planned(actor: Actor, wanted: RunWish | None = None) -> RunbookRun:
    """A run whose plan was made."""
    run = asking_service.ask(actor, wanted or wish())
    assert engine.work_on(run.id) is RunStage.PLANNED, runs.run(actor, run.id).outcome
    return runs.run(actor, run.id)


def confirmed(actor: Actor, wanted: RunWish | None = None, *, typed: str = "one") -> RunbookRun:
    """A run whose plan was confirmed."""
    run = planned(actor, wanted)
    return runs.confirm(actor, run.id, run.plan_hash, typed)


def ended(actor: Actor, wanted: RunWish | None = None, *, typed: str = "one") -> RunbookRun:
    """A run that was worked on to its end."""
    run = confirmed(actor, wanted, typed=typed)
    engine.work_on(run.id)
    return runs.run(actor, run.id)


@pytest.fixture(scope="session")
def cluster_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterFile]:
    path = tmp_path_factory.mktemp("cluster") / "kubeconfig"
    with running(path) as address:
        yield ClusterFile(address=address, kubeconfig=path)


@pytest.fixture
def site(cluster_file: ClusterFile, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The cluster as on its first day, every rollout done, seen with the web's rights."""
    address = cluster_file.address
    tls = ssl.create_default_context(cafile=str(cluster_file.kubeconfig.parent / "kubernetes.crt"))
    headers = {"authorization": f"Bearer {address.tokens['cluster-admin']}"}
    with httpx.Client(base_url=address.url, headers=headers, verify=tls, timeout=20) as http:
        console = Site(address, http)
        console.console("reset")
        monkeypatch.setenv("KUBECONFIG", str(cluster_file.kubeconfig))
        monkeypatch.setenv("KUBERNETES_RUNNER_ACCOUNT", f"docuchat-runbooks:{RUNNER_ACCOUNT}")
        config.settings.cache_clear()
        until(lambda: lines().keys() >= wanted_workloads(console))
        until(lambda: {one.rollout.state for one in lines().values()} == {"done"})
        yield console
        console.console("trouble", "DELETE")
        deploys.close_cluster(PROCESS)
        config.settings.cache_clear()
