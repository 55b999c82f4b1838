"""A silence, killed and left by Alertmanager at each step: see ``tests/integration/runbooks/failures.py``."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from backend.actor import Role
from backend.alerts import service as alerts
from tests import factories
from tests.conftest import forget_caches
from tests.integration.alerts.conftest import World
from tests.integration.runbooks.failures import (
    Trial,
    actions_of,
    fail_in_every_step,
    survive_every_crash,
    survive_every_kill,
)
from tests.integration.runbooks.front import Front, front
from tests.integration.runbooks.mortal import Mortals


@pytest.fixture
def before(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """An Alertmanager that can be dead, and an alert in it."""
    with front(world.servers[0].url) as server:
        monkeypatch.setenv("ALERTMANAGER_URLS", server.url)
        monkeypatch.setenv("ALERTMANAGER_TIMEOUT_S", "1")
        forget_caches()
        world.fire("HighLatency", service="api")
        world.reconcile()
        yield server


@pytest.fixture
def trial(before: Front, world: World, run_processes: Mortals) -> Trial:
    operator = factories.user(Role.OPERATOR).actor

    def effect() -> object:
        """Every silence there is, ended ones as well."""
        world.reconcile()
        return sorted((each.silence.id, each.silence.state) for each in alerts.silences(operator))

    return Trial(actor=operator, work=run_processes.work, effect=effect)


def given(trial: Trial) -> Mapping[str, str]:
    [found] = alerts.can_be_silenced(trial.actor)
    return {"alert": found.fingerprint, "reason": "a planned restart"}


@pytest.mark.parametrize("action", actions_of("alerts"))
def test_a_run_that_is_killed_in_each_step_goes_on_and_leaves_one_silence(action: str, trial: Trial) -> None:
    survive_every_kill(trial, action, given(trial))


@pytest.mark.parametrize("action", actions_of("alerts"))
def test_a_run_whose_alertmanager_dies_in_a_step_says_so_and_leaves_what_was(
    action: str, trial: Trial, before: Front
) -> None:
    fail_in_every_step(trial, action, given(trial), lambda _dependency, way: setattr(before, "dead", way))


def test_a_silence_is_made_although_postgresql_dies_in_each_step(
    trial: Trial, crash: Callable[[], None]
) -> None:
    survive_every_crash(trial, "silence_alert", given(trial), crash)
