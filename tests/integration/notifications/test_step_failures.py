"""The retry of mails, killed at each step: see ``tests/integration/runbooks/failures.py``."""

from collections.abc import Callable

import pytest

from backend.actor import Role
from backend.notifications import service as notifications
from tests import factories
from tests.integration.notifications.conftest import PostOffice
from tests.integration.notifications.test_retry_mails import given_up
from tests.integration.notifications.test_sending import SENDER
from tests.integration.runbooks.failures import Trial, actions_of, survive_every_crash, survive_every_kill
from tests.integration.runbooks.mortal import Mortals

KEYS = ["invoice_issued:1", "invoice_issued:2"]


@pytest.fixture
def trial(office: PostOffice, run_processes: Mortals) -> Trial:
    """Two mails that were given up."""
    given_up(office, 1, 2)

    def effect() -> object:
        """What became of the mails, after the sending job came by."""
        notifications.send_due(SENDER, 10)
        return notifications.counts(SENDER, KEYS)

    return Trial(
        actor=factories.user(Role.OPERATOR).actor,
        work=lambda *run: run_processes.work(*run, values={"runbooks.actions.retry_mails.WATCH_S": 0}),
        effect=effect,
    )


@pytest.mark.parametrize("action", actions_of("notifications"))
def test_a_run_that_is_killed_in_each_step_goes_on_and_sends_no_mail_twice(
    action: str, trial: Trial, office: PostOffice
) -> None:
    survive_every_kill(trial, action, {})

    assert len(office.messages) == len(KEYS)


def test_mails_are_retried_although_postgresql_dies_in_each_step(
    trial: Trial, crash: Callable[[], None]
) -> None:
    survive_every_crash(trial, "retry_mails", {}, crash)
