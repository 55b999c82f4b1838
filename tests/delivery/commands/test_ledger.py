"""The ledger is told the beginning and the end of a deployment, in messages that its door takes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from backend.deploys.ledger_rules import cause_of
from backend.deploys.ledger_types import DeployRecord, RolloutTrace
from delivery import ledger
from delivery.chart.rendering import NAMESPACE, render
from portal.http.deployments import PostedDeployment, to_new
from tests.delivery.stand_in_portal import Portal, stand_in_portal

BEGAN = datetime(2026, 11, 28, 10, 0, 0, 123, tzinfo=UTC)
SHA, COMMITTED = "3f1c2a9" + "0" * 33, "2026-11-28T08:12:00+03:30"
ENV = {
    "VERSION": "v1.42.0",
    "WEB_DIGEST": "sha256:" + "a" * 64,
    "GITHUB_RUN_ID": "18211",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/portal",
    "GITHUB_REF_NAME": "v1.42.0",
    "GITHUB_ACTOR": "sara",
}


@pytest.fixture
def portal() -> Iterator[Portal]:
    with stand_in_portal() as running:
        yield running


def test_both_messages_are_what_the_door_takes_and_agree() -> None:
    first = ledger.begun(ENV, BEGAN, SHA, COMMITTED)
    outcomes = {"UPGRADE": "success", "SMOKE": "success", "ROLLBACK": "skipped"}
    last = ledger.ended(first, {**ENV, **outcomes}, BEGAN + timedelta(minutes=3))

    begun = PostedDeployment.model_validate_json(json.dumps(first))
    ended = PostedDeployment.model_validate_json(json.dumps(last))
    assert (begun.key, begun.version, begun.result) == ("run-18211-2", "1.42.0", "running")
    assert begun.ci_run == "https://github.com/acme/portal/actions/runs/18211"
    assert (ended.result, ended.smoke_test) == ("succeeded", "passed")
    told_anew = {"result", "finished_at", "smoke_test"}
    assert ended.model_dump(exclude=told_anew) == begun.model_dump(exclude=told_anew)


def test_a_pipelines_deployment_is_the_cause_of_the_rollout_of_each_of_its_workloads() -> None:
    told = PostedDeployment.model_validate_json(json.dumps(ledger.begun(ENV, BEGAN, SHA, COMMITTED)))
    known = DeployRecord(id=uuid4(), told=to_new(told), received_at=BEGAN, changed_at=BEGAN)
    digests = {"docuchat-portal": ENV["WEB_DIGEST"], "docuchat-jobs": "sha256:" + "b" * 64}

    for workload, digest in digests.items():
        rollout = RolloutTrace(
            namespace=NAMESPACE,
            workload=workload,
            began_at=BEGAN + timedelta(minutes=1),
            images=(f"ghcr.io/acme/portal@{digest}",),
            version="0.1.0",
        )
        assert cause_of(rollout, [known]) == known


def test_a_deployment_by_hand_is_told_without_what_only_a_pipeline_knows() -> None:
    first = ledger.begun({"VERSION": "1.42.0"}, BEGAN, "", "")
    assert PostedDeployment.model_validate_json(json.dumps(first)).key == "by-hand-20261128T100000Z"


def test_the_ledger_is_told_of_workloads_that_the_chart_has() -> None:
    told = ledger.begun(ENV, BEGAN, SHA, COMMITTED)
    deployments = {each["metadata"]["name"] for each in render("helm4") if each["kind"] == "Deployment"}

    assert told["namespace"] == NAMESPACE
    assert set(told["workloads"]) <= deployments
    assert {"docuchat-portal", "docuchat-jobs"} <= set(told["workloads"])


@pytest.mark.parametrize(
    ("upgrade", "smoke", "rollback", "result", "smoke_test"),
    [
        ("success", "success", "skipped", "succeeded", "passed"),
        ("success", "failure", "success", "rolled_back", "failed"),
        ("success", "failure", "failure", "failed", "failed"),
        ("failure", "skipped", "skipped", "failed", "skipped"),
        ("cancelled", "skipped", "skipped", "cancelled", "skipped"),
        ("success", "cancelled", "skipped", "cancelled", "skipped"),
        ("", "", "", "failed", "skipped"),
    ],
)
def test_the_result_is_what_the_steps_say(
    upgrade: str, smoke: str, rollback: str, result: str, smoke_test: str
) -> None:
    assert ledger.result(upgrade, smoke, rollback) == {"result": result, "smoke_test": smoke_test}


def test_a_door_that_is_busy_is_asked_again_and_one_that_refuses_is_not(portal: Portal) -> None:
    message = ledger.begun(ENV, BEGAN, SHA, COMMITTED)

    portal.refuses = [503, 502]
    assert ledger.post(portal.url, "the-token", message, pause_s=0) == ""
    assert portal.told == [message]
    assert portal.tokens == ["Bearer the-token"]

    portal.refuses = [409, 503]
    assert "answered 409" in ledger.post(portal.url, "the-token", message, pause_s=0)
    assert portal.refuses == [503]
    assert "cannot be reached" in ledger.post("http://127.0.0.1:9", "the-token", message, pause_s=0)


def test_the_end_makes_up_for_a_beginning_that_did_not_arrive(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**ENV, "PORTAL_URL": portal.url, "DEPLOYMENTS_TOKEN": "the-token"}.items():
        monkeypatch.setenv(name, value)

    assert ledger.main(["end"]) == 1, "no beginning is known"
    portal.refuses = [401]
    assert ledger.main(["begin"]) == 1
    assert ledger.main(["end"]) == 0
    assert [each["result"] for each in portal.told] == ["failed"]
    monkeypatch.setenv("PORTAL_URL", "")
    assert ledger.main(["end"]) == 2
