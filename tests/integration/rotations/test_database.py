"""The login of DocuChat's database changes while pods keep sessions and open new ones, and not one is refused."""

import psycopg
import pytest

from backend import config
from backend.actor import Actor
from backend.db import login_roles
from backend.errors import Conflict, Refused
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from tests.integration.portal.canaries import tables
from tests.integration.rotations.conftest import FIRST
from tests.integration.rotations.runs import (
    cancelled_after,
    confirmed,
    ended,
    found_dead,
    gone_on,
    planned,
    results,
    why,
    work_until_killed,
    work_until_put_back_is_killed,
)
from tests.integration.rotations.world import World, query, visited


@pytest.fixture
def database_url(admin_url: str) -> str:
    return f"postgresql://{admin_url.rpartition('@')[2]}"


@pytest.fixture(autouse=True)
def _settings(runner: World, admin_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    del runner
    monkeypatch.setenv("DOCUCHAT_DATABASE_ADMIN_URL", admin_url)
    monkeypatch.setattr("runbooks.actions.rotate_database_password.QUIET_S", 0.5)
    config.settings.cache_clear()


def logs_in(admin_url: str, login: str, password: str) -> bool:
    try:
        login_roles.try_login(admin_url, login, password)
    except Refused:
        return False
    return True


def test_logins_take_turns_and_no_connection_is_refused(
    runner: World, operator: Actor, admin_url: str
) -> None:
    with visited(runner.docuchat_url, query, per_s=20) as answers:
        there = ended(operator, "rotate_database_password")
        second = runner.secret("docuchat-database")
        back = ended(operator, "rotate_database_password")

    assert (there.state, back.state) == (RunStage.SUCCEEDED, RunStage.SUCCEEDED), (why(there), why(back))
    assert set(answers) == {200}
    third = runner.secret("docuchat-database")
    assert (second["username"], third["username"]) == ("docuchat_b", "docuchat_a")
    assert not logs_in(admin_url, "docuchat_b", second["password"])
    assert not logs_in(admin_url, "docuchat_a", FIRST)
    assert logs_in(admin_url, "docuchat_a", third["password"])
    assert there.memory["least_available"] == {
        "docuchat-api": 3,
        "docuchat-worker": 2,
        "docuchat-ingest": 1,
    }
    assert any("let in no more" in line for line in results(there))
    stored = "".join(tables().values())
    assert not [one for one in (FIRST, second["password"], third["password"]) if one in stored]


def test_pods_that_do_not_start_get_the_old_login_back_and_the_new_one_is_said_to_be_open(
    runner: World, operator: Actor, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runner.secret("docuchat-database")
    runner.control("faults", workload="docuchat-worker", fault="CrashLoopBackOff")
    monkeypatch.setattr("runbooks.rotation.STUCK_S", 0.0)
    monkeypatch.setattr("runbooks.rotation.ROLLOUT_S", 3.0)

    run = ended(operator, "rotate_database_password")

    assert run.state is RunStage.FAILED
    assert runner.secret("docuchat-database") == before
    assert logs_in(admin_url, "docuchat_a", FIRST)
    assert any("docuchat_b is still let in" in line for line in results(run))


@pytest.mark.parametrize("step", ["enable", "write", "disable"])
def test_a_run_that_died_goes_on_to_the_same_end(
    runner: World, operator: Actor, admin_url: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_database_password")
    work_until_killed(run, step, monkeypatch)

    again = gone_on(operator, run)

    now = runner.secret("docuchat-database")
    assert again.state is RunStage.SUCCEEDED, why(again)
    assert now["username"] == "docuchat_b"
    assert logs_in(admin_url, "docuchat_b", now["password"])
    assert not logs_in(admin_url, "docuchat_a", FIRST)


def test_what_cannot_take_turns_is_refused_in_the_plan(
    runner: World, operator: Actor, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    login_roles.enable_login(admin_url, "docuchat_b", "somebody-uses-it")
    with psycopg.connect(login_roles.with_login(admin_url, "docuchat_b", "somebody-uses-it")):
        in_use = planned(operator, "rotate_database_password")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("ALTER ROLE docuchat_b RESET role")
    differs = planned(operator, "rotate_database_password")
    runner.put_secret("docuchat-database", username="somebody")
    stranger = planned(operator, "rotate_database_password")
    monkeypatch.setenv("DOCUCHAT_DATABASE_ADMIN_URL", "")
    config.settings.cache_clear()
    runner.put_secret("docuchat-database", username="docuchat_a")
    no_admin = planned(operator, "rotate_database_password")

    assert "open sessions already" in why(in_use)
    assert "cannot stand in" in why(differs)
    assert "names none of the logins" in why(stranger)
    assert "no address of an administrator" in why(no_admin)


def test_a_run_that_died_while_it_put_the_old_login_back_shuts_no_login_that_is_in_use(
    runner: World, operator: Actor, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.control("faults", workload="docuchat-worker", fault="CrashLoopBackOff")
    run = confirmed(operator, "rotate_database_password")
    with monkeypatch.context() as hasty:
        hasty.setattr("runbooks.rotation.STUCK_S", 0.0)
        work_until_put_back_is_killed(run, monkeypatch)
    runner.end("faults")

    gone = found_dead(operator, run)

    assert gone.state is RunStage.FAILED
    assert "died while it put back" in why(gone)
    with pytest.raises(Conflict):
        runs.go_on(operator, run.id)
    assert runner.secret("docuchat-database")["username"] == "docuchat_a"
    assert logs_in(admin_url, "docuchat_a", FIRST)


def test_an_old_login_that_was_written_back_by_hand_is_not_shut(
    runner: World, operator: Actor, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_database_password")
    work_until_killed(run, "roll_out", monkeypatch)
    runner.put_secret("docuchat-database", username="docuchat_a", password=FIRST)

    again = gone_on(operator, run)

    assert again.state is RunStage.FAILED
    assert "names the login that was to be shut" in why(again)
    assert logs_in(admin_url, "docuchat_a", FIRST)


@pytest.mark.parametrize("step", ["enable", "write"])
def test_a_cancellation_between_two_steps_leaves_the_old_login_alone(
    runner: World, operator: Actor, admin_url: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_database_password")

    stopped = cancelled_after(operator, run, step, monkeypatch)

    assert stopped.stopped_at is not None
    assert runner.secret("docuchat-database")["username"] == "docuchat_a"
    assert logs_in(admin_url, "docuchat_a", FIRST)
    assert not login_roles.login_role(admin_url, "docuchat_b").can_login
    assert any("docuchat_b is let in no more" in line for line in results(stopped))


def test_a_cancellation_after_the_rollout_tells_that_the_old_login_is_open(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_database_password")

    stopped = cancelled_after(operator, run, "roll_out", monkeypatch)

    assert any("docuchat_a is still let in" in line for line in results(stopped))
    assert runner.secret("docuchat-database")["username"] == "docuchat_b"
