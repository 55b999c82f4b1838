"""The manifest of a run's Job: the time that Kubernetes leaves its process."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backend.runbooks import rules
from backend.runbooks.types import RunStage
from runbooks import rotation
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


def test_the_pod_of_a_run_has_the_time_to_put_the_old_value_back_after_it_was_told_to_end() -> None:
    planned_at = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
    run: Any = SimpleNamespace(
        id="id", state=RunStage.QUEUED, planned_at=planned_at, deadline_s=LONG_S, scheduled_at=None
    )

    pod = manifest_of(TEMPLATE, run, "job", "job:runs/job")["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] > rotation.ROLLOUT_S + rotation.PATIENCE_S
    assert rules.MENDING_HOLDS.total_seconds() < GRACE_S


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
    run = _mending(rules.mending(launch, AT), stopped_at)

    assert rules.may_mend(run, AT + passed) is may


@pytest.mark.parametrize(
    ("noted", "is_at_it", "breaks_off"),
    [
        pytest.param(rules.mending(2, AT), True, True, id="puts back"),
        pytest.param(rules.mending(2, AT, goes_on=True), True, False, id="takes away what is made anew"),
        pytest.param(rules.mended(2, AT), False, False, id="has put back"),
        pytest.param(rules.mending(1, AT), False, False, id="a process of before"),
    ],
)
def test_a_run_whose_process_dies_may_go_on_unless_it_was_putting_something_back(
    noted: Any, is_at_it: bool, breaks_off: bool
) -> None:
    run = _mending(noted)

    assert (rules.is_at_mending(run), rules.has_begun_to_mend(run)) == (is_at_it, breaks_off)


def _mending(noted: Any, stopped_at: datetime | None = None) -> Any:
    memory = {rules.MENDING: noted}
    return SimpleNamespace(launch=2, memory=memory, stopped_at=stopped_at, is_ended=False)
