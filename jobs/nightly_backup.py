"""02:00 Asia/Tehran: ask for a backup of the database. 04:00: ask for a drill that restores it. Runs do the work."""

from datetime import datetime, time

from backend import clock
from backend.actor import Actor
from backend.backups import service as backups
from backend.config import settings
from backend.job_runs import service as job_runs
from backend.runbooks import service as runs
from jobs.nights import last_due
from runbooks import asking_service

NAME = "nightly_backup"
DRILL_NAME = "nightly_drill"
AT = time(2, 0)
DRILL_AT = time(4, 0)

_BACKUP = "backup_database"
_DRILL = "restore_drill"


def run(actor: Actor) -> str:
    """Enqueue the night's backup; a further one where that was asked for already, at most one a minute.

    Nothing where backups are switched off.
    """
    return _ask(actor, _BACKUP, AT)


def drill(actor: Actor) -> str:
    """Enqueue the night's drill; a further one where that was asked for already, at most one a minute.

    Nothing where backups are switched off.
    """
    return _ask(actor, _DRILL, DRILL_AT)


def was_missed(actor: Actor) -> bool:
    """Whether nobody asked for the night's backup, or its target was held then and is free now.

    A first start has missed none: a new database has nothing to lose before its first night.
    """
    return _was_missed(actor, _BACKUP, AT)


def was_drill_missed(actor: Actor) -> bool:
    """The same of the night's drill. It needs a backup, and waits for the night's own where that comes late."""
    has_backup = backups.health(actor).backup_at is not None
    return has_backup and not _is_backup_coming(actor) and _was_missed(actor, _DRILL, DRILL_AT)


def _is_backup_coming(actor: Actor) -> bool:
    asked = runs.scheduled_since(actor, _BACKUP, last_due(AT, clock.utc_now()))
    if any(not each.is_ended for each in asked):
        return True
    return was_missed(actor) and not job_runs.is_paused(actor, NAME)


def _was_missed(actor: Actor, action: str, at: time) -> bool:
    if not settings().backups_enabled:
        return False
    due = last_due(at, clock.utc_now())
    return job_runs.was_led_before(actor, due) and asking_service.was_missed(actor, action, {}, due)


def _ask(actor: Actor, action: str, at: time) -> str:
    if not settings().backups_enabled:
        return "0 asked"
    asking_service.ask_scheduled(actor, action, {}, _moment(actor, action, at))
    return "1 asked"


def _moment(actor: Actor, action: str, at: time) -> datetime:
    now = clock.utc_now()
    due = last_due(at, now)
    return now.replace(second=0, microsecond=0) if runs.scheduled_since(actor, action, due) else due
