"""Billing, killed and left by Prometheus at each step: see ``tests/integration/runbooks/failures.py``."""

from collections.abc import Callable

import pytest

from backend.actor import Role
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import Past
from tests.integration.invoices.rows import counts
from tests.integration.runbooks.failures import (
    Trial,
    actions_of,
    fail_in_every_step,
    survive_every_crash,
    survive_every_kill,
)
from tests.integration.runbooks.front import front
from tests.integration.runbooks.mortal import Mortals


@pytest.fixture
def trial(measured: Past, run_processes: Mortals) -> Trial:
    """A company that used tokens on the last two days."""
    factories.tenant("alpha", billed_from=measured.day_before_yesterday)
    operator = factories.user(Role.OPERATOR).actor
    return Trial(actor=operator, work=run_processes.work, effect=lambda: _issued(counts()))


def _issued(rows: dict[str, int]) -> object:
    return {name: rows[name] for name in ("tenant_invoice", "invoice_line", "invoice_number", "outbox_mail")}


@pytest.mark.parametrize("action", actions_of("invoices"))
def test_a_run_that_is_killed_in_each_step_goes_on_and_bills_each_day_once(action: str, trial: Trial) -> None:
    survive_every_kill(trial, action, {})

    assert counts()["tenant_invoice"] == 2


@pytest.mark.parametrize("action", actions_of("invoices"))
def test_a_run_whose_prometheus_dies_in_a_step_says_so_and_bills_nothing(
    action: str, trial: Trial, measured: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    with front(measured.prometheus.url) as before:
        monkeypatch.setenv("PROMETHEUS_URL", before.url)
        monkeypatch.setenv("PROMETHEUS_TIMEOUT_S", "1")
        forget_caches()
        fail_in_every_step(trial, action, {}, lambda _dependency, way: setattr(before, "dead", way))
        forget_caches()


def test_every_day_is_billed_once_although_postgresql_dies_in_each_step(
    trial: Trial, crash: Callable[[], None]
) -> None:
    survive_every_crash(trial, "run_billing", {}, crash)

    assert counts()["tenant_invoice"] == 2
