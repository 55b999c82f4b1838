"""A restore from a snapshot, killed at each step and left by all that it asks at each step: see ``failures``."""

from functools import partial
from pathlib import Path

import pytest

from backend.actor import Actor
from backend.audit import service as audit
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import RUNNER
from tests.integration.runbooks.failures import (
    Plague,
    Trial,
    actions_of,
    survive_every_crash,
    survive_every_kill,
    survive_every_plague,
)
from tests.integration.runbooks.mortal import Mortals
from tests.integration.snapshots.world import CLAIMS, SERVER, SERVICES, SETS, World

VALUES = {
    "runbooks.database_servers.AGAIN_S": 0.05,
    "runbooks.actions.restore_from_snapshot.POLL_S": 0.1,
    "runbooks.engine.AGAIN_S": 0.05,
    "runbooks.patience.AGAIN_S": 0.05,
    "runbooks.log_writer.STORE_EVERY_S": 0.01,
}
AWAY = ["drop", "drop", 500, 503]
[ACTION] = actions_of("snapshots")
GIVEN = {"snapshot": "nightly"}


@pytest.fixture
def trial(portal: World, operator: Actor, approver: Actor, kubeconfig: Path, run_processes: Mortals) -> Trial:
    """What it takes to try out the action."""
    portal.snapshot("nightly")
    environment = {"KUBECONFIG": str(account_file(kubeconfig, RUNNER))}
    return Trial(
        actor=operator,
        approver=approver,
        work=partial(run_processes.work, environment=environment, values=VALUES),
        effect=lambda: (portal.names(SETS), portal.names(CLAIMS), portal.get(f"{SERVICES}/{SERVER}")["spec"]),
    )


def test_it_is_killed_at_each_step_and_goes_on_to_the_same_end(trial: Trial) -> None:
    survive_every_kill(trial, ACTION, GIVEN)

    assert audit.verify(trial.actor).is_intact


def test_a_cluster_that_is_away_in_each_step_is_waited_for(trial: Trial, portal: World) -> None:
    def strike(_step: str, _dependency: str) -> None:
        portal.console("trouble", plagued=RUNNER, plagues=AWAY)

    def is_over() -> bool:
        return bool(portal.get("/sandbox/trouble")["plagues"] == [])

    survive_every_plague(trial, ACTION, GIVEN, Plague(strike=strike, is_over=is_over))


def test_a_database_that_dies_in_each_step_is_waited_for(trial: Trial, portal: World) -> None:
    survive_every_crash(trial, ACTION, GIVEN, portal.crash)

    assert audit.verify(trial.actor).is_intact
