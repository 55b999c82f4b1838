"""Rules of runs on schedule: which night is asked for late, or again. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from backend.runbooks.types import RunbookRun, RunStage

# Longer than what holds the database longest, a backup or a drill; after it the next night is near.
ASKED_AGAIN_WITHIN = timedelta(hours=6)
_HELD = "error.conflict.run_locked"


def is_wanted(asked: Sequence[RunbookRun], now: datetime) -> bool:
    """Whether an action is to be asked for, by the runs of it since its moment, the oldest first.

    It is where there is none, and where the newest one did nothing because another run held its target: again and again
    for six hours after the first one, and then no more. However else one ended, people look at it.
    """
    if not asked:
        return True
    newest = asked[-1]
    was_held = newest.state is RunStage.FAILED and newest.outcome is not None and newest.outcome.key == _HELD
    return was_held and now - asked[0].requested_at < ASKED_AGAIN_WITHIN
