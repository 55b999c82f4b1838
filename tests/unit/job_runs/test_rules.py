"""Who leads, and where a request stands."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from backend.job_runs import rules
from backend.job_runs.types import RequestId, RequestState, RunRequest, SchedulerProcess

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def process(pid: int, seen_s_ago: float, *, is_leader: bool = True) -> SchedulerProcess:
    seen_at = NOW - timedelta(seconds=seen_s_ago)
    return SchedulerProcess(
        id=uuid4(), host="a-pod", pid=pid, is_leader=is_leader, started_at=seen_at, seen_at=seen_at
    )


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        pytest.param([], None, id="nobody"),
        pytest.param([process(1, 3)], 1, id="one"),
        pytest.param([process(1, 20)], 1, id="still within its time"),
        pytest.param([process(1, 21)], None, id="not seen any more"),
        pytest.param([process(1, 1, is_leader=False)], None, id="only a standby"),
        pytest.param([process(1, 8), process(2, 2), process(3, 9)], 2, id="the lead changed hands"),
    ],
)
def test_the_leader_is_who_said_so_last(processes: list[SchedulerProcess], expected: int | None) -> None:
    leader = rules.leader_of(processes, NOW)

    assert (leader.pid if leader else None) == expected


@pytest.mark.parametrize(
    ("asked_s_ago", "taken", "begun", "ended", "expected"),
    [
        pytest.param(5, False, False, False, RequestState.WAITING, id="waits"),
        pytest.param(119, False, False, False, RequestState.WAITING, id="waits to the end"),
        pytest.param(120, False, False, False, RequestState.LAPSED, id="too late"),
        pytest.param(5, False, False, True, RequestState.LAPSED, id="ended by a leader that found it old"),
        pytest.param(500, True, True, False, RequestState.RUNNING, id="at work for long"),
        pytest.param(500, True, True, True, RequestState.ENDED, id="ended"),
        pytest.param(5, True, False, False, RequestState.RUNNING, id="taken, about to begin"),
        pytest.param(5, True, False, True, RequestState.LAPSED, id="taken, and never begun"),
    ],
)
def test_a_request_waits_for_two_minutes_and_no_longer(
    asked_s_ago: float, expected: RequestState, *, taken: bool, begun: bool, ended: bool
) -> None:
    asked_at = NOW - timedelta(seconds=asked_s_ago)
    request = RunRequest(
        id=RequestId(uuid4()),
        job="a_job",
        asked_by="reza@example.com",
        asked_at=asked_at,
        taken_at=asked_at if taken else None,
        run_id=uuid4() if begun else None,
        ended_at=NOW if ended else None,
    )

    assert rules.request_state(request, NOW) == expected
