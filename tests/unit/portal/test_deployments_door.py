"""The body of the deployments door: what fits, what becomes of it, and what is refused at the edge."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from backend.deploys.ledger_types import DeployResult, NewDeploy, SmokeTest
from portal.http.deployments import PostedDeployment, to_new

ROOT = Path(__file__).parents[3]
POSTED: dict[str, Any] = {
    "key": "run-1",
    "service": "docuchat-api",
    "version": "1.42.0",
    "started_at": "2026-11-28T13:30:00+03:30",
}
FULL = POSTED | {
    "environment": "staging",
    "namespace": "docuchat",
    "workloads": ["docuchat-worker", "docuchat-api", "docuchat-api"],
    "image_digest": "sha256:" + "a1" * 32,
    "commit_sha": "a1b2c3d",
    "branch": "feature/سلام",
    "author": "Sara <sara@example.ir>",
    "ci_run": "https://ci.example.ir/runs/7",
    "committed_at": "2026-11-28T09:00:00Z",
    "finished_at": "2026-11-28T10:05:00.25Z",
    "result": "rolled_back",
    "smoke_test": "failed",
}
STARTED = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


def test_a_short_body_and_one_with_nulls_are_a_deployment_that_runs() -> None:
    nulls = dict.fromkeys(FULL.keys() - POSTED.keys() - {"environment", "workloads", "result"})

    told = [to_new(PostedDeployment.model_validate_json(json.dumps(POSTED | more))) for more in ({}, nulls)]

    expected = NewDeploy(key="run-1", service="docuchat-api", version="1.42.0", started_at=STARTED)
    assert told == [expected, expected]


def test_the_message_in_the_documentation_fits() -> None:
    [example] = re.findall(r"--data '(\{.*?\})'", (ROOT / "docs/operation.md").read_text(), re.DOTALL)

    told = to_new(PostedDeployment.model_validate_json(example))

    assert (told.service, told.workloads, told.result) == (
        "docuchat-api",
        ("docuchat-api",),
        DeployResult.RUNNING,
    )


def test_a_full_body_is_told_whole_and_its_workloads_once() -> None:
    told = to_new(PostedDeployment.model_validate_json(json.dumps(FULL)))

    assert told.workloads == ("docuchat-api", "docuchat-worker")
    assert (told.result, told.smoke_test) == (DeployResult.ROLLED_BACK, SmokeTest.FAILED)
    assert told.finished_at == datetime(2026, 11, 28, 10, 5, 0, 250_000, tzinfo=UTC)
    same = {"author", "branch", "ci_run", "commit_sha", "environment", "image_digest", "namespace"}
    assert {name: getattr(told, name) for name in same} == {name: FULL[name] for name in same}


@pytest.mark.parametrize(
    ("changed", "at", "code"),
    [
        pytest.param({"started_at": 1_764_000_000}, "started_at", "value_error", id="a number is no time"),
        pytest.param({"started_at": "1764000000"}, "started_at", "value_error", id="nor as text"),
        pytest.param({"started_at": "2026-11-28T10:00:00"}, "started_at", "value_error", id="no zone"),
        pytest.param(
            {"started_at": "2026-02-30T10:00:00Z"}, "started_at", "datetime_from_date_parsing", id="no day"
        ),
        pytest.param({"finised_at": "x"}, "finised_at", "extra_forbidden", id="a misspelt field"),
        pytest.param({"result": "okay"}, "result", "enum", id="no result"),
        pytest.param({"ci_run": "javascript:alert(1)"}, "ci_run", "string_pattern_mismatch", id="a script"),
        pytest.param({"key": "a\nb"}, "key", "string_pattern_mismatch", id="a control character"),
        pytest.param({"key": "a\n"}, "key", "string_pattern_mismatch", id="one at the end"),
        pytest.param({"version": "<script>"}, "version", "string_pattern_mismatch", id="markup"),
        pytest.param({"workloads": ["x"] * 21}, "workloads", "too_long", id="many workloads"),
        pytest.param({"author": "x" * 201}, "author", "string_too_long", id="a long name"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_at_the_edge(changed: dict[str, Any], at: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PostedDeployment.model_validate_json(json.dumps(POSTED | changed))

    [fault] = refused.value.errors()
    assert (fault["loc"], fault["type"]) == ((at,), code)
