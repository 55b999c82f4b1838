"""Actions on workloads, killed at each step and left by the cluster at each step: see ``failures``."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from backend.actor import Actor
from backend.sandbox.kubernetes.access import account_file
from tests.integration.deploys.conftest import ClusterFile, Site, lines
from tests.integration.runbooks.conftest import RUNNER_ACCOUNT
from tests.integration.runbooks.failures import (
    Plague,
    Trial,
    actions_of,
    survive_every_crash,
    survive_every_kill,
    survive_every_plague,
)
from tests.integration.runbooks.mortal import Mortals
from tests.integration.runbooks.test_workload_actions import API, GPU, WORKER, object_of, set_image
from tests.waiting import until

FRONTEND = "Deployment/docuchat/docuchat-frontend"
GIVEN = {
    "restart_workload": {"workload": API},
    "scale_workload": {"workload": API, "replicas": "4"},
    "scale_gpu": {"workload": GPU, "replicas": "0"},
    "rollback_deployment": {"workload": WORKER, "revision": "1"},
    "pause_rollout": {"workload": API},
    "resume_rollout": {"workload": FRONTEND},
}
# Every way in which a cluster can be away: it drops a connection, says that it is not able to, or nothing at all.
AWAY = ["drop", "drop", 500, 503]
SILENT_S = 1.5


VALUES = {
    "runbooks.rollouts.AGAIN_S": 0.05,
    "runbooks.rollouts.POLL_S": 0.1,
    "runbooks.log_writer.STORE_EVERY_S": 0.01,
}


def _pause(site: Site) -> None:
    site.change("docuchat-frontend", spec={"paused": True})
    until(lambda: lines()["docuchat-frontend"].rollout.state == "paused")


PREPARED: Mapping[str, Callable[[Site], None]] = {
    "rollback_deployment": lambda site: set_image(site, "docuchat-worker", "2.14.4"),
    "resume_rollout": _pause,
}


@pytest.fixture
def trial(
    site: Site, cluster_file: ClusterFile, operator: Actor, run_processes: Mortals
) -> Callable[[str], Trial]:
    """What it takes to try out an action that is possible."""
    account = account_file(Path(cluster_file.kubeconfig), RUNNER_ACCOUNT)
    environment = {"KUBECONFIG": str(account), "KUBERNETES_TIMEOUT_S": "1"}

    def made(action: str) -> Trial:
        PREPARED.get(action, lambda _site: None)(site)
        return Trial(
            actor=operator,
            work=partial(run_processes.work, environment=environment, values=VALUES),
            effect=lambda: _effect(site, GIVEN[action]["workload"]),
        )

    return made


def _effect(site: Site, workload: str) -> object:
    """What is wanted of a workload, and how often that was changed."""
    found = object_of(site, workload)
    return found["spec"], found["metadata"]["generation"]


@pytest.mark.parametrize("action", actions_of("runbooks"))
def test_a_run_that_is_killed_in_each_step_goes_on_to_the_same_end(
    action: str, trial: Callable[[str], Trial]
) -> None:
    survive_every_kill(trial(action), action, GIVEN[action])


@pytest.mark.parametrize("action", actions_of("runbooks"))
def test_a_cluster_that_is_away_in_each_step_is_waited_for(
    action: str, trial: Callable[[str], Trial], site: Site
) -> None:
    def strike(step: str, _dependency: str) -> None:
        plagues = AWAY if step == "watch" else [*AWAY, SILENT_S]
        site.console("trouble", plagued=RUNNER_ACCOUNT, plagues=plagues)

    def is_over() -> bool:
        return site.console("trouble", "GET")["plagues"] == []

    survive_every_plague(trial(action), action, GIVEN[action], Plague(strike=strike, is_over=is_over))


def test_a_workload_is_restarted_once_although_postgresql_dies_in_each_step(
    trial: Callable[[str], Trial], crash: Callable[[], None], site: Site
) -> None:
    generation = object_of(site, API)["metadata"]["generation"]

    survive_every_crash(trial("restart_workload"), "restart_workload", GIVEN["restart_workload"], crash)

    assert object_of(site, API)["metadata"]["generation"] == generation + 1
