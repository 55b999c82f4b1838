"""The key of login tokens is rotated under 50 logins a second, and not one token is refused."""

import json
from collections.abc import Mapping
from datetime import datetime

import httpx
import pytest

from backend import config
from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from backend.sandbox.docuchat_tokens import issue
from runbooks import engine, jwt_rules
from tests.integration.rotations.runs import (
    after_each_write,
    before_first_bound_write,
    cancelled_after,
    confirmed,
    ended,
    found_dead,
    gone_on,
    planned,
    results,
    why,
    work_until_killed,
)
from tests.integration.rotations.world import World, jwt_keys, log_in_and_verify, visited
from tests.waiting import until


def set_token_life(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    monkeypatch.setenv("DOCUCHAT_TOKEN_LIFE_S", str(seconds))
    monkeypatch.setattr(jwt_rules, "SKEW", jwt_rules.SKEW * 0)
    config.settings.cache_clear()


def test_three_steps_under_load_refuse_nobody(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_token_life(monkeypatch, 0)
    old = jwt_keys(runner)

    with visited(runner.docuchat_url, log_in_and_verify) as answers:
        run = ended(operator, "rotate_jwt_secret")

    assert run.state is RunStage.SUCCEEDED, why(run)
    assert set(answers) == {200}
    kept = jwt_keys(runner)
    assert list(kept) == [runner.secret("docuchat-jwt")["signing-kid"]]
    assert not set(kept) & set(old)
    assert run.memory["least_available"] == {"docuchat-api": 3}
    assert any("3 of 3 pods or more" in line for line in results(run))
    stolen = issue("sara", old, "k1")
    answer = httpx.get(f"{runner.docuchat_url}/verify", headers={"authorization": f"Bearer {stolen}"})
    assert answer.status_code == 401


def test_long_tokens_end_the_run_with_both_keys_and_the_old_one_is_retired_later(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_token_life(monkeypatch, 86_400)
    run = ended(operator, "rotate_jwt_secret")

    early = planned(operator, "retire_jwt_keys")
    set_token_life(monkeypatch, 0)
    retired = ended(operator, "retire_jwt_keys")
    again = planned(operator, "retire_jwt_keys")

    assert (run.state, early.state, retired.state) == (
        RunStage.SUCCEEDED,
        RunStage.FAILED,
        RunStage.SUCCEEDED,
    )
    assert "valid until" in why(early)
    assert early.outcome is not None
    assert isinstance(early.outcome.values["at"], datetime)
    assert list(jwt_keys(runner)) == [runner.secret("docuchat-jwt")["signing-kid"]]
    assert "one key only" in why(again)


def test_pods_that_do_not_start_with_the_new_key_put_the_old_ones_back(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runner.secret("docuchat-jwt")
    runner.control("faults", workload="docuchat-api", fault="CrashLoopBackOff")
    monkeypatch.setattr("runbooks.rotation.STUCK_S", 0.0)
    monkeypatch.setattr("runbooks.rotation.ROLLOUT_S", 3.0)

    with visited(runner.docuchat_url, log_in_and_verify) as answers:
        run = ended(operator, "rotate_jwt_secret")

    assert run.state is RunStage.FAILED
    assert "do not start" in why(run)
    assert any("old value back" in line for line in results(run))
    assert runner.secret("docuchat-jwt") == before
    assert set(answers) == {200}


@pytest.mark.parametrize("step", ["add", "sign"])
def test_a_run_that_died_goes_on_and_still_refuses_nobody(
    runner: World, operator: Actor, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_token_life(monkeypatch, 0)
    run = confirmed(operator, "rotate_jwt_secret")

    with visited(runner.docuchat_url, log_in_and_verify, per_s=20) as answers:
        work_until_killed(run, step, monkeypatch)
        again = gone_on(operator, run)

    assert again.state is RunStage.SUCCEEDED, why(again)
    assert set(answers) == {200}
    assert (
        list(jwt_keys(runner)) == [runner.secret("docuchat-jwt")["signing-kid"]] == [again.memory["new_kid"]]
    )


LONG_AGO = "2026-01-01T00:00:00+00:00"


def test_keys_of_a_rotation_that_died_while_it_changed_the_signing_one_are_not_retired(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.put_secret("docuchat-jwt", signing_since=LONG_AGO)
    run = confirmed(operator, "rotate_jwt_secret")

    def die_when_it_signs(values: Mapping[str, str], _version: str) -> None:
        if jwt_rules.SIGNING in values:
            raise KeyboardInterrupt

    with after_each_write(die_when_it_signs, monkeypatch), pytest.raises(KeyboardInterrupt):
        engine.work_on(run.id)
    found_dead(operator, run)

    retired = planned(operator, "retire_jwt_keys")

    assert retired.state is RunStage.FAILED
    assert "does not tell since when" in why(retired)


def test_keys_of_a_rotation_that_took_the_new_signing_key_back_are_not_retired(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.put_secret("docuchat-jwt", signing_since=LONG_AGO)
    signing = runner.secret("docuchat-jwt")["signing-kid"]
    monkeypatch.setattr("runbooks.rotation.STUCK_S", 0.0)
    run = confirmed(operator, "rotate_jwt_secret")

    def break_pods(values: Mapping[str, str], version: str) -> None:
        if version and jwt_rules.SIGNING in values:
            runner.control("faults", workload="docuchat-api", fault="CrashLoopBackOff")
        elif jwt_rules.SIGNING in values:
            runner.end("faults")

    with after_each_write(break_pods, monkeypatch):
        engine.work_on(run.id)
    until(lambda: runner.is_rolled_out("docuchat-api"))

    retired = planned(operator, "retire_jwt_keys")

    assert runner.secret("docuchat-jwt")["signing-kid"] == signing
    assert len(jwt_keys(runner)) == 2
    assert "does not tell since when" in why(retired)


@pytest.mark.parametrize("step", ["sign", "wait", "drop"])
def test_a_lost_rotation_does_not_go_on_over_a_later_one(
    runner: World, operator: Actor, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_token_life(monkeypatch, 0)
    lost = found_dead(operator, killed(confirmed(operator, "rotate_jwt_secret"), step, monkeypatch))
    later = ended(operator, "rotate_jwt_secret")
    assert later.state is RunStage.SUCCEEDED, why(later)
    kept, generation = runner.secret("docuchat-jwt"), runner.generation("docuchat-api")

    again = gone_on(operator, lost)

    assert again.state is RunStage.FAILED
    assert "rotated again" in why(again)
    assert runner.secret("docuchat-jwt") == kept
    assert runner.generation("docuchat-api") == generation


@pytest.mark.parametrize("step", ["sign", "wait", "drop"])
def test_a_lost_rotation_leaves_the_key_whose_tokens_a_later_cancelled_one_made_old(
    runner: World, operator: Actor, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_token_life(monkeypatch, 0)
    lost = found_dead(operator, killed(confirmed(operator, "rotate_jwt_secret"), step, monkeypatch))
    set_token_life(monkeypatch, 5)
    later = cancelled_before_it_waits(operator, monkeypatch)
    assert later.state is RunStage.CANCELLED, why(later)
    kept = jwt_keys(runner)
    assert {lost.memory["new_kid"], later.memory["new_kid"]} <= set(kept)

    again = gone_on(operator, lost)

    assert again.state is RunStage.FAILED
    assert "rotated again" in why(again)
    assert jwt_keys(runner) == kept


def test_a_lost_retirement_leaves_the_key_whose_tokens_a_later_rotation_made_old(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = json.dumps({**jwt_keys(runner), "20260101-old": "an old key that signs no more"})
    runner.put_secret("docuchat-jwt", keys=keys, signing_since=LONG_AGO)
    lost = confirmed(operator, "retire_jwt_keys")
    with before_first_bound_write(die, monkeypatch), pytest.raises(KeyboardInterrupt):
        engine.work_on(lost.id)
    found_dead(operator, lost)
    set_token_life(monkeypatch, 600)
    cancelled_before_it_waits(operator, monkeypatch)
    kept = jwt_keys(runner)

    again = gone_on(operator, lost)

    assert again.state is RunStage.FAILED
    assert "valid until" in why(again)
    assert jwt_keys(runner) == kept


def test_a_key_that_somebody_adds_before_the_first_write_is_kept_and_no_pod_is_replaced(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_jwt_secret")
    generation = runner.generation("docuchat-api")

    def add_a_key() -> None:
        runner.put_secret("docuchat-jwt", keys=json.dumps({**jwt_keys(runner), "x": "somebody else's"}))

    with before_first_bound_write(add_a_key, monkeypatch):
        engine.work_on(run.id)

    failed = runs.run(operator, run.id)
    assert failed.outcome is not None
    assert (failed.state, failed.outcome.key.split(".")[1]) == (RunStage.FAILED, "conflict")
    assert "x" in jwt_keys(runner)
    assert runner.generation("docuchat-api") == generation


def die() -> None:
    raise KeyboardInterrupt


def killed(run: RunbookRun, step: str, monkeypatch: pytest.MonkeyPatch) -> RunbookRun:
    work_until_killed(run, step, monkeypatch)
    return run


def cancelled_before_it_waits(operator: Actor, monkeypatch: pytest.MonkeyPatch) -> RunbookRun:
    run = confirmed(operator, "rotate_jwt_secret")
    return found_dead(operator, cancelled_after(operator, run, "sign", monkeypatch))
