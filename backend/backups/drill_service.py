"""Restore drills: the newest backup is restored into a throw-away database and counted, so that it is known to work."""

from datetime import datetime

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.audit import service as audit
from backend.backups import backup_service, repository, restore_service, rules
from backend.backups.backup_service import live_name, nothing_to_check
from backend.backups.types import Backup, BackupHealth, RestoreDrill
from backend.clients.postgres_tools import EndCheck
from backend.config import settings
from backend.errors import AppError, Refused
from backend.log import get_logger

log = get_logger(__name__)


def drill(actor: Actor, run: str, check: EndCheck = nothing_to_check) -> RestoreDrill:
    """Restore the newest backup into a database of its own, count its rows, and drop it again. For processes.

    What was found is stored, also where the drill failed: then ``error`` names the reason, and ``failure`` is it.

    Raises:
        Conflict: a restore is at work (``restore_running``).
    """
    require_process(actor)
    started_at = clock.utc_now()
    backup, error, failure = None, "", None
    try:
        backup = newest(actor)
        _try_out(actor, backup, run, check)
    except AppError as failed:
        if failed.data.get("reason") == "restore_running":
            raise
        error, failure = failed.reason_key, failed
        log.error("drill.failed", backup=backup.name if backup else "", reason=error, detail=str(failed))  # noqa: TRY400 - the trace would say no more
    done = RestoreDrill(
        run=run,
        backup=backup.name if backup else "",
        started_at=started_at,
        finished_at=clock.utc_now(),
        row_count=backup.row_count if backup and not error else 0,
        error=error,
        failure=failure,
    )
    repository.store_drill(done)
    if not error:
        log.info("drill.passed", backup=done.backup, duration_s=round(done.duration.total_seconds(), 3))
    return done


def newest(actor: Actor) -> Backup:
    """The newest backup. Raises Refused when there is none (``backup_none``). For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    found = backup_service.backups(actor)
    if not found:
        raise Refused(reason="backup_none")
    return found[0]


def _try_out(actor: Actor, backup: Backup, run: str, check: EndCheck) -> None:
    backup_service.check_backup(actor, backup.name, check)
    target = rules.drill_name(live_name(), run)
    with restore_service.only_restore() as server:
        restore_service.fill(server, backup, target, check)
        server.drop(target)


def health(actor: Actor) -> BackupHealth:
    """The newest backup and the newest drill, for the overview and the metrics. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.health(_expected_since(actor))


def _expected_since(actor: Actor) -> datetime | None:
    # A new installation has its first night to come, so nothing is missing yet.
    return (audit.began_at(actor) or clock.utc_now()) if settings().backups_enabled else None
