"""The key of the model provider is rotated under questions, and not one is lost."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from backend import config
from backend.actor import Actor
from backend.errors import Conflict
from backend.run_inputs import service as run_inputs
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from backend.sandbox.kubernetes.workloads import OPENAI_KEY
from backend.sandbox.openai import application as provider
from backend.sandbox.openai_keys import ADMIN_KEY, PROJECT, SERVICE_ACCOUNT
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from runbooks import engine
from tests.integration.portal.canaries import tables
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
from tests.integration.rotations.world import World, ask, visited
from tests.waiting import until

MOST = timedelta(minutes=5)


@pytest.fixture
def openai_url() -> Iterator[str]:
    """A provider that takes no key but that of the first day."""
    with serving(provider(valid_keys=[OPENAI_KEY]), free_port()) as url:
        yield url


@pytest.fixture(autouse=True)
def _settings(openai_url: str, runner: World, monkeypatch: pytest.MonkeyPatch) -> None:
    del runner
    monkeypatch.setenv("OPENAI_BASE_URL", f"{openai_url}/v1")
    monkeypatch.setenv("OPENAI_KEY_QUIET_S", "1")
    config.settings.cache_clear()


@pytest.fixture
def has_admin_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", ADMIN_KEY)
    monkeypatch.setenv("OPENAI_PROJECT_ID", PROJECT)
    monkeypatch.setenv("OPENAI_SERVICE_ACCOUNT_ID", SERVICE_ACCOUNT)
    config.settings.cache_clear()


def keys_at(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/sandbox/keys").json()
    return found


def key_of(world: World) -> str:
    return world.secret("docuchat-openai")["value"]


@pytest.mark.usefixtures("has_admin_key")
def test_a_made_key_replaces_the_old_one_and_no_question_is_lost(
    runner: World, operator: Actor, openai_url: str
) -> None:
    with visited(runner.docuchat_url, ask, per_s=20) as answers:
        run = ended(operator, "rotate_openai_key")

    assert run.state is RunStage.SUCCEEDED, why(run)
    told = keys_at(openai_url)
    assert (set(answers), told["refused"]) == ({200}, 0)
    by_value = {key["value"]: key for key in told["keys"]}
    assert by_value[OPENAI_KEY]["is_deleted"]
    assert not by_value[key_of(runner)]["is_deleted"]
    assert run.ended_at is not None
    assert run.started_at is not None
    assert run.ended_at - run.started_at < MOST
    wanted = {"docuchat-api": 3, "docuchat-worker": 2, "docuchat-ingest": 1, "docuchat-portal": 2}
    assert run.memory["least_available"] == wanted
    stored = "".join(tables().values())
    assert not [key for key in by_value if key in stored]
    said = "\n".join(results(run))
    assert all(words in said for words in ("The provider made", "3 of 3 pods", "last use", "was withdrawn"))


def test_a_pasted_key_that_is_dead_changes_nothing(runner: World, operator: Actor, openai_url: str) -> None:
    name = run_inputs.keep(operator, "sk-dead-and-never-known")
    before = runner.cluster.cluster.store.get("secrets", "docuchat", "docuchat-openai")

    run = ended(operator, "rotate_openai_key", new_key=name)

    assert run.state is RunStage.FAILED
    assert "refuses the new key" in why(run)
    assert runner.cluster.cluster.store.get("secrets", "docuchat", "docuchat-openai") == before
    assert keys_at(openai_url)["refused"] == 1
    assert "restarted" not in run.memory
    assert inputs_in(runner) == []


def test_a_pasted_key_is_used_and_deleted_and_the_old_one_is_left_to_a_person(
    runner: World, operator: Actor, openai_url: str
) -> None:
    httpx.post(f"{openai_url}/sandbox/keys", json={"value": "sk-pasted-by-sara"}).raise_for_status()
    name = run_inputs.keep(operator, "sk-pasted-by-sara")

    run = ended(operator, "rotate_openai_key", new_key=name)

    assert run.state is RunStage.SUCCEEDED, why(run)
    assert key_of(runner) == "sk-pasted-by-sara"
    assert inputs_in(runner) == []
    assert any("by hand" in line for line in results(run))
    assert not any(key["is_deleted"] for key in keys_at(openai_url)["keys"])


@pytest.mark.usefixtures("has_admin_key")
def test_pods_that_do_not_start_get_the_old_key_back_and_the_new_one_is_said_to_be_valid(
    runner: World, operator: Actor, openai_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.control("faults", workload="docuchat-worker", fault="CreateContainerConfigError")
    monkeypatch.setattr("runbooks.rotation.STUCK_S", 0.0)
    monkeypatch.setattr("runbooks.rotation.ROLLOUT_S", 4.0)

    with visited(runner.docuchat_url, ask, per_s=20) as answers:
        run = ended(operator, "rotate_openai_key")

    assert run.state is RunStage.FAILED
    assert "docuchat-worker" in why(run)
    assert (key_of(runner), set(answers)) == (OPENAI_KEY, {200})
    told = results(run)
    assert any("not every pod was replaced again" in line for line in told)
    assert any("docuchat-worker do not start" in line for line in told)
    assert any("still valid" in line for line in told)


@pytest.mark.usefixtures("has_admin_key")
@pytest.mark.parametrize("step", ["obtain", "write", "roll_out", "withdraw"])
def test_a_run_that_died_in_any_step_goes_on_to_the_same_end(
    runner: World, operator: Actor, openai_url: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_openai_key")
    work_until_killed(run, step, monkeypatch)

    again = gone_on(operator, run)

    assert again.state is RunStage.SUCCEEDED, why(again)
    valid = [key["value"] for key in keys_at(openai_url)["keys"] if not key["is_deleted"]]
    assert valid == [key_of(runner)]
    assert valid != [OPENAI_KEY]


def test_without_a_key_and_without_the_admin_api_there_is_no_plan(operator: Actor) -> None:
    run = planned(operator, "rotate_openai_key")

    assert run.state is RunStage.FAILED
    assert "No new key was handed in" in why(run)


def inputs_in(world: World) -> list[str]:
    found = world.cluster.cluster.store.listed("secrets", f"{world.cluster.namespace}-runbooks")
    return [one["metadata"]["name"] for one in found]


@pytest.mark.usefixtures("has_admin_key")
def test_a_cancellation_in_the_middle_gives_the_old_key_back(
    runner: World, operator: Actor, openai_url: str
) -> None:
    runner.control("faults", workload="docuchat-worker", fault="ReadinessFailing")
    run = confirmed(operator, "rotate_openai_key")
    working = threading.Thread(target=engine.work_on, args=[run.id])
    working.start()
    until(lambda: runs.run(operator, run.id).memory.get("restarted"))

    runs.cancel(operator, run.id)
    until(lambda: key_of(runner) == OPENAI_KEY)
    runner.end("faults")
    working.join()

    stopped = runs.run(operator, run.id)
    assert stopped.stopped_at is not None
    assert any("old value back" in line for line in results(stopped))
    valid = [key["value"] for key in keys_at(openai_url)["keys"] if not key["is_deleted"]]
    assert valid == [OPENAI_KEY]
    assert any("was withdrawn" in line for line in results(stopped))


@pytest.mark.usefixtures("has_admin_key")
def test_an_api_server_that_is_away_in_the_middle_stops_nothing(runner: World, operator: Actor) -> None:
    run = confirmed(operator, "rotate_openai_key")
    working = threading.Thread(target=engine.work_on, args=[run.id])
    working.start()
    until(lambda: runs.run(operator, run.id).memory.get("restarted"))
    runner.control("trouble", is_dead=True)
    until(lambda: any("rotation.waits" in line.text for line in runs.lines(operator, run.id)))
    runner.end("trouble")
    working.join()

    done = runs.run(operator, run.id)
    assert done.state is RunStage.SUCCEEDED, why(done)
    assert key_of(runner) != OPENAI_KEY


@pytest.mark.usefixtures("has_admin_key")
def test_a_cluster_that_changed_since_the_plan_is_left_as_it_is(
    runner: World, operator: Actor, openai_url: str
) -> None:
    run = confirmed(operator, "rotate_openai_key")
    runner.restart("docuchat-api", "somebody-else")

    engine.work_on(run.id)

    refused = runs.run(operator, run.id)
    assert refused.state is RunStage.FAILED
    assert "no longer what the plan says" in why(refused)
    assert key_of(runner) == OPENAI_KEY
    assert len(keys_at(openai_url)["keys"]) == 1


@pytest.mark.usefixtures("has_admin_key")
def test_an_old_key_that_somebody_still_uses_is_not_withdrawn(
    runner: World, operator: Actor, openai_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbooks.actions.rotate_openai_key.LONGEST_QUIET", timedelta(seconds=2))
    run = confirmed(operator, "rotate_openai_key")

    async def with_the_old_key(client: httpx.AsyncClient) -> int:
        headers = {"authorization": f"Bearer {OPENAI_KEY}"}
        body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "ping"}]}
        return (await client.post("/v1/chat/completions", json=body, headers=headers)).status_code

    with visited(openai_url, with_the_old_key, per_s=5) as answers:
        engine.work_on(run.id)

    refused = runs.run(operator, run.id)
    assert "somebody uses the old one" in why(refused)
    assert set(answers) == {200}
    assert key_of(runner) != OPENAI_KEY


@pytest.mark.usefixtures("has_admin_key")
def test_a_run_that_died_while_it_put_the_old_key_back_withdraws_no_key_that_is_in_use(
    runner: World, operator: Actor, openai_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.control("faults", workload="docuchat-worker", fault="CreateContainerConfigError")
    run = confirmed(operator, "rotate_openai_key")
    with monkeypatch.context() as hasty:
        hasty.setattr("runbooks.rotation.STUCK_S", 0.0)
        work_until_put_back_is_killed(run, monkeypatch)
    runner.end("faults")

    gone = found_dead(operator, run)

    assert gone.state is RunStage.FAILED
    assert "died while it put back" in why(gone)
    with pytest.raises(Conflict):
        runs.go_on(operator, run.id)
    assert key_of(runner) == OPENAI_KEY
    assert OPENAI_KEY in valid_keys(openai_url)
    assert any("made the key" in line for line in results(gone))


@pytest.mark.usefixtures("has_admin_key")
def test_an_old_key_that_was_written_back_by_hand_is_not_withdrawn(
    runner: World, operator: Actor, openai_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_openai_key")
    work_until_killed(run, "roll_out", monkeypatch)
    runner.put_secret("docuchat-openai", value=OPENAI_KEY)

    again = gone_on(operator, run)

    assert again.state is RunStage.FAILED
    assert "holds the key that was to be withdrawn" in why(again)
    assert OPENAI_KEY in valid_keys(openai_url)
    assert not any("Withdraw it by hand" in line for line in results(again))


@pytest.mark.usefixtures("has_admin_key")
@pytest.mark.parametrize("step", ["obtain", "test_key", "write"])
def test_a_cancellation_between_two_steps_leaves_the_old_key_alone(
    runner: World, operator: Actor, openai_url: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_openai_key")

    stopped = cancelled_after(operator, run, step, monkeypatch)

    assert stopped.stopped_at is not None
    assert key_of(runner) == OPENAI_KEY
    assert valid_keys(openai_url) == [OPENAI_KEY]
    assert any("was withdrawn" in line for line in results(stopped))


def test_a_cancellation_before_the_first_write_forgets_the_pasted_key(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = run_inputs.keep(operator, "sk-pasted-by-sara")
    run = confirmed(operator, "rotate_openai_key", new_key=name)

    cancelled_after(operator, run, "obtain", monkeypatch)

    assert inputs_in(runner) == []
    assert key_of(runner) == OPENAI_KEY


@pytest.mark.usefixtures("has_admin_key")
def test_a_cancellation_after_the_rollout_tells_that_the_old_key_is_valid(
    runner: World, operator: Actor, openai_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_openai_key")

    stopped = cancelled_after(operator, run, "roll_out", monkeypatch)

    assert any("still valid" in line for line in results(stopped))
    assert key_of(runner) != OPENAI_KEY
    assert len(valid_keys(openai_url)) == 2


def valid_keys(url: str) -> list[str]:
    return [key["value"] for key in keys_at(url)["keys"] if not key["is_deleted"]]
