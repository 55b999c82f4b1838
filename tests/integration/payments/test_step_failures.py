"""Payments asked about, killed and left by the gateway at each step: see ``tests/integration/runbooks/failures.py``."""

from collections.abc import Callable

import pytest

from backend.actor import Role
from backend.config import settings
from backend.payments import service as payments
from tests import factories
from tests.integration.payments.payer import Payer, attempt_of, ledger_of, track_of
from tests.integration.payments.test_recheck_payments import undecided
from tests.integration.runbooks.failures import (
    Trial,
    actions_of,
    fail_in_every_step,
    survive_every_crash,
    survive_every_kill,
)
from tests.integration.runbooks.front import Way, front
from tests.integration.runbooks.mortal import Mortals


@pytest.fixture
def trial(payer: Payer, run_processes: Mortals) -> Trial:
    """Two payments that were paid, of which nobody heard."""
    found = undecided(payer, 2)
    for each in found:
        payer.bank.act(track_of(each), "status", status=1)

    def effect() -> object:
        """The money that came in, and what is still undecided."""
        return ledger_of(payer.tenant.id), [attempt_of(each).state for each in found]

    operator = factories.user(Role.OPERATOR).actor
    return Trial(actor=operator, work=run_processes.work, effect=effect)


@pytest.mark.parametrize("action", actions_of("payments"))
def test_a_run_that_is_killed_in_each_step_goes_on_and_books_no_money_twice(
    action: str, trial: Trial
) -> None:
    survive_every_kill(trial, action, {})

    assert payments.undecided(trial.actor) == []


@pytest.mark.parametrize("action", actions_of("payments"))
def test_a_run_whose_gateway_dies_in_a_step_says_so_and_books_nothing(
    action: str, trial: Trial, payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with front(payer.bank.url) as before:
        monkeypatch.setenv("ZIBAL_URL", before.url)
        settings.cache_clear()
        fail_in_every_step(
            trial,
            action,
            {},
            lambda _dependency, way: setattr(before, "dead", way),
            ways=(Way.DROPS, Way.BROKEN),
        )


def test_payments_are_asked_about_although_postgresql_dies_in_each_step(
    trial: Trial, crash: Callable[[], None]
) -> None:
    survive_every_crash(trial, "recheck_payments", {}, crash)
