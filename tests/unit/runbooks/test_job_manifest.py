"""The manifest of a run's Job: the time that Kubernetes leaves its process."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backend.runbooks import rules
from backend.runbooks.types import RunStage
from runbooks import registry, rotation
from runbooks.kubernetes_jobs import GRACE_S, give_time_to_put_back, manifest_of

TEMPLATE: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "runner"}]}}}}
AT = datetime(2026, 11, 27, 23, 0, tzinfo=UTC)
LONG_S = 4 * 3600
ROTATIONS = {
    "rotate_openai_key",
    "rotate_database_password",
    "rotate_jwt_secret",
    "retire_jwt_keys",
    "rotate_metrics_token",
}
BEFORE_AND_AFTER_S = int(rules.START_HOLDS.total_seconds()) + GRACE_S


@pytest.mark.parametrize(
    ("stage", "scheduled_at", "work_s"),
    [
        pytest.param(RunStage.PLANNING, None, rules.PLAN_DEADLINE_S, id="a person's plan"),
        pytest.param(RunStage.QUEUED, None, LONG_S, id="a person's steps"),
        pytest.param(RunStage.PLANNING, AT, rules.PLAN_DEADLINE_S + LONG_S, id="both on schedule"),
        pytest.param(RunStage.QUEUED, AT, LONG_S, id="the steps of a scheduled run that goes on"),
    ],
)
def test_a_job_may_pull_its_image_and_do_all_that_its_process_does_before_kubernetes_ends_it(
    stage: RunStage, scheduled_at: datetime | None, work_s: int
) -> None:
    run: Any = SimpleNamespace(id="id", state=stage, deadline_s=LONG_S, scheduled_at=scheduled_at)
    run.planned_at = None if stage is RunStage.PLANNING else AT

    made = manifest_of(TEMPLATE, run, "job", "job:runs/job")

    assert made["spec"]["activeDeadlineSeconds"] == BEFORE_AND_AFTER_S + work_s


def test_the_pod_of_a_rotation_has_the_time_to_put_the_old_value_back_after_it_was_told_to_end() -> None:
    run: Any = SimpleNamespace(id="id", state=RunStage.QUEUED, deadline_s=LONG_S, scheduled_at=None)
    made = manifest_of(TEMPLATE, run, "job", "job:runs/job")

    give_time_to_put_back(made)

    pod = made["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > rotation.ROLLOUT_S + rotation.PATIENCE_S
    assert rules.MENDING_HOLDS.total_seconds() < GRACE_S
    assert {name for name, action in registry.actions().items() if action.puts_back} == ROTATIONS


@pytest.mark.parametrize(
    ("launch", "passed", "stopped_at", "may"),
    [
        pytest.param(2, timedelta(0), None, True, id="at it"),
        pytest.param(2, rules.MENDING_HOLDS, None, False, id="too long"),
        pytest.param(1, timedelta(0), None, False, id="a process of before"),
        pytest.param(2, timedelta(0), AT, False, id="done"),
    ],
)
def test_a_process_may_mend_for_its_time_and_no_longer(
    launch: int, passed: timedelta, stopped_at: datetime | None, may: bool
) -> None:
    memory = {rules.MENDING: rules.mending(launch, AT)}
    run: Any = SimpleNamespace(launch=2, memory=memory, stopped_at=stopped_at)

    assert rules.may_mend(run, AT + passed) is may
