"""Rules of scheduled jobs: who leads, and where a request for a run stands."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from backend.job_runs.types import JobRun, RequestState, RunRequest, SchedulerProcess

# Who starts a run when no person asks for it.
SCHEDULER = "scheduler"
COMMAND = "command"
INTERRUPTED = "interrupted"
"""Outcome of a run whose process ended before it did."""

# A process tells of itself every five seconds; three in a row may be lost.
SEEN_WITHIN = timedelta(seconds=20)
# A job that ends its process each time would end every process that leads.
MOST_TRIES = 3
REQUEST_HOLDS = timedelta(minutes=2)
REQUEST_IS_NEWS = timedelta(minutes=15)
# A command ends its run on record unless it is killed. None takes hours; one that does is right again at its end.
COMMAND_HOLDS = timedelta(hours=6)


def was_missed(tries: Sequence[JobRun]) -> bool:
    """Whether none of these runs did what is due: each was interrupted, and not for the third time."""
    return len(tries) < MOST_TRIES and all(each.outcome == INTERRUPTED for each in tries)


def is_alive(process: SchedulerProcess, now: datetime) -> bool:
    """Whether a process told of itself lately."""
    return now - process.seen_at <= SEEN_WITHIN


def leader_of(processes: Iterable[SchedulerProcess], now: datetime) -> SchedulerProcess | None:
    """The process that leads, or None. While the lead changes hands two may say so; the one seen last is believed."""
    leading = [each for each in processes if each.is_leader and is_alive(each, now)]
    return max(leading, key=lambda each: each.seen_at, default=None)


def request_state(request: RunRequest, now: datetime) -> RequestState:
    """State of a request. One that nobody began within two minutes has lapsed: its moment is over."""
    if request.taken_at is not None and request.ended_at is None:
        return RequestState.RUNNING
    if request.run_id is not None:
        return RequestState.ENDED
    is_open = request.ended_at is None and now - request.asked_at < REQUEST_HOLDS
    return RequestState.WAITING if is_open else RequestState.LAPSED


def is_old_news(request: RunRequest, now: datetime) -> bool:
    """Whether what came of a request need not be told any more."""
    return now - (request.ended_at or request.asked_at) > REQUEST_IS_NEWS
