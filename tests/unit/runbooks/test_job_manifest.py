"""The manifest of a run's Job: the time that Kubernetes leaves its process."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from backend.runbooks import rules
from backend.runbooks.types import RunStage
from runbooks.kubernetes_jobs import GRACE_S, manifest_of

TEMPLATE: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "runner"}]}}}}
AT = datetime(2026, 11, 27, 23, 0, tzinfo=UTC)
LONG_S = 4 * 3600
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
