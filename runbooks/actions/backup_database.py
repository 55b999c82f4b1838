"""Back up the database: a dump, read to its end, with its checksum and the number of rows; old ones are removed."""

from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.config import settings
from backend.runbooks import service as runs
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks.action import Action, ActionParameters, Step
from runbooks.context import Planning, Running
from runbooks.database_servers import short, short_of

# Its runs leave a database that they need to go on.
_RESTORE = "restore_database"
_MAKERS = frozenset({_RESTORE, "restore_drill"})


class BackupParameters(ActionParameters):
    """Nothing is to be chosen."""


def _plan(planning: Planning, _given: BackupParameters) -> Plan:
    backups.backups(planning.actor)  # refused where there is no folder for them
    what = Words(key="runbooks.backup_database.backup", values={"days": settings().backup_keep_days})
    return Plan(
        changes=(PlannedChange(what=what, before="", after=settings().database_name),),
        commands=("pg_dump --format=custom --file=… && pg_restore --file=/dev/null …",),
    )


def _back_up(running: Running, _given: BackupParameters) -> None:
    origin = BackupOrigin.NIGHTLY if running.run.scheduled_at else BackupOrigin.ASKED
    made = backups.backup(running.actor, origin, running.check_and_tidy)
    running.remember(backup=made.name)
    running.changed(
        "runbooks.backup_database.made",
        backup=made.name,
        rows=made.row_count,
        kilobytes=-(-made.size_bytes // 1000),
        seconds=round(made.duration.total_seconds()),
    )


def _forget(running: Running, _given: BackupParameters) -> None:
    for name in backups.forget_old(running.actor):
        running.changed("runbooks.backup_database.removed", backup=name)
    known = [short_of(each) for each in runs.ids_of(running.actor, _MAKERS)]
    going_on = [short(each) for each in runs.continuable(running.actor, _RESTORE)]
    forgotten = backups.forget_kept(running.actor, known, going_on)
    for name in forgotten.dropped:
        running.changed("runbooks.backup_database.dropped", database=name)
    for name in forgotten.refused:
        running.changed("runbooks.backup_database.not_dropped", database=name)
    for name in forgotten.unknown:
        running.log("runbooks.backup_database.not_known", database=name)


ACTION = Action(
    name="backup_database",
    risk=Risk.SAFE,
    parameters=BackupParameters,
    targets=lambda _given: (f"db:{settings().database_name}",),
    plan=_plan,
    steps=(Step(name="back_up", run=_back_up), Step(name="forget", run=_forget)),
    deadline_s=4 * 3600,
    uses_backups=True,
)
