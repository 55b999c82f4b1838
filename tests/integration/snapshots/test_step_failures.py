"""A restore from a snapshot, and its undo, are killed in each step and go on to the same end: see ``failures``."""

from functools import partial
from pathlib import Path

from backend.actor import Role
from backend.audit import service as audit
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import RUNNER
from tests import factories
from tests.integration.runbooks.failures import Trial, actions_of, survive_every_kill
from tests.integration.runbooks.mortal import Mortals
from tests.integration.snapshots.world import CLAIMS, SERVER, SERVICES, SETS, World

VALUES = {
    "runbooks.database_servers.AGAIN_S": 0.05,
    "runbooks.actions.restore_from_snapshot.POLL_S": 0.1,
    "runbooks.log_writer.STORE_EVERY_S": 0.01,
}


def test_it_is_killed_at_each_step_and_goes_on_to_the_same_end(
    portal: World, kubeconfig: Path, run_processes: Mortals
) -> None:
    portal.snapshot("nightly")
    work = partial(
        run_processes.work,
        environment={"KUBECONFIG": str(account_file(kubeconfig, RUNNER))},
        values=VALUES,
    )
    trial = Trial(
        actor=factories.user(Role.OPERATOR).actor,
        approver=factories.user(Role.APPROVER).actor,
        work=work,
        effect=lambda: (portal.names(SETS), portal.names(CLAIMS), portal.get(f"{SERVICES}/{SERVER}")["spec"]),
    )

    for action in actions_of("snapshots"):
        survive_every_kill(trial, action, {"snapshot": "nightly"})

    assert audit.verify(trial.actor).is_intact
