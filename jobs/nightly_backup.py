"""02:00 Asia/Tehran: ask for a backup of the database. 04:00: ask for a drill that restores it. Runs do the work."""

from backend import clock
from backend.actor import Actor
from runbooks import asking_service

NAME = "nightly_backup"
DRILL_NAME = "nightly_drill"


def run(actor: Actor) -> str:
    """Enqueue a backup; within the same minute a second time enqueues nothing."""
    return _ask(actor, "backup_database")


def drill(actor: Actor) -> str:
    """Enqueue a drill; within the same minute a second time enqueues nothing."""
    return _ask(actor, "restore_drill")


def _ask(actor: Actor, action: str) -> str:
    asking_service.ask_scheduled(actor, action, {}, clock.utc_now().replace(second=0, microsecond=0))
    return "1 asked"
