"""Restoring a backup: into a new database, checked, with what must not be lost carried over, then swapped in by name.

Each function is one step, may be repeated after its process died, and the live database is as it was until the swap.
``run`` names a restore by eight hexadecimal digits.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from backend import clock
from backend.actor import OPERATOR_ROLES, Actor, require_process, require_role_or_process
from backend.audit import service as audit
from backend.backups import backup_service, repository, rules
from backend.backups.backup_service import database_url, live_name, nothing_to_check
from backend.backups.bucket import kept_backups
from backend.backups.carried_rows import LAST_MARGIN, MARGIN, carry_between
from backend.backups.carried_tables import CACHES, RESTORED
from backend.backups.types import Backup, CarriedRows, DatabaseRestore, ForgottenDatabases, RestorePlan
from backend.clients.postgres_tools import EndCheck
from backend.config import settings
from backend.db import engine, migrate
from backend.db.address import conninfo_of, url_of
from backend.db.carrying import Carrying
from backend.db.databases import MaintenanceConnection, NameSwap
from backend.db.locks import LockNumber
from backend.db.snapshots import analyze, rows_of, schema_of
from backend.errors import Conflict, NotFound, Refused
from backend.log import get_logger

WORKERS = 2
# A dump's rows take about this many times its tables' size while they are loaded and indexed.
SPACE_FACTOR = 2
SWAP_TRIES = 3
Note = Callable[[Carrying, int], None]
"""Notes a swap in the database that is about to be live; told how many milliseconds the live one has refused so far."""

log = get_logger(__name__)


def plan_restore(actor: Actor, name: str) -> RestorePlan:
    """The effects of a restore of this backup; changes nothing. For operators and processes.

    Raises:
        Refused: there is no such backup, its schema is newer than this version (``backup_schema_newer``), the live
            schema is not this version's (``live_schema``), our account lacks a right (``restore_rights``), or the
            server lacks space (``restore_no_space``).
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    backup = kept_backups().backup(name)
    live = live_name()
    with maintenance() as server:
        rights, free = server.rights(live), server.free_bytes()
        live_version = _version(server, live)
        needs = SPACE_FACTOR * max(backup.database_bytes, server.size_bytes(live))
    if not (rights.owns and rights.may_create):
        raise Refused(reason="restore_rights", database=live)
    if free is not None and free < needs:
        raise Refused(
            reason="restore_no_space",
            needed_mb=backup_service.in_mb(needs),
            free_mb=backup_service.in_mb(free),
        )
    _check_schemas(backup, schema_of(_to(live)))
    now = rows_of(_to(live))
    differs = {
        table: counts
        for table, counts in rules.differing_tables(now, backup.rows).items()
        if table in RESTORED - CACHES or table.startswith("meter_reading")
    }
    return RestorePlan(
        backup=backup,
        changed_rows=differs,
        needs_bytes=needs,
        free_bytes=free,
        migrates=backup.schema != migrate.newest_known(),
        refused_ms=repository.longest_refusal_ms(),
        live_version=live_version,
    )


def _version(server: MaintenanceConnection, live: str) -> str:
    """The live database as a plan names it: every restore brings another one, and every migration another schema."""
    return f"{server.number_of(live)}:{migrate.newest_known()}"


def live_version(actor: Actor) -> str:
    """The live database as a plan binds it: it changes with every restore, and with its schema. For processes."""
    require_process(actor)
    with maintenance() as server:
        return _version(server, live_name())


def _check_schemas(backup: Backup, live_schema: str) -> None:
    if live_schema != migrate.newest_known():
        raise Refused(reason="live_schema", schema=live_schema, known=migrate.newest_known())
    if not migrate.is_known(backup.schema):
        raise Refused(reason="backup_schema_newer", schema=backup.schema, known=migrate.newest_known())


def load(actor: Actor, name: str, run: str, check: EndCheck = nothing_to_check) -> Backup:
    """Restore a backup into the run's new database, count its rows, migrate it, and give it the live one's settings.

    A database that an earlier try left is dropped first. For processes.

    Raises:
        Refused: rows are missing (``restore_rows_differ``), or a program failed; the new database is dropped again.
        Conflict: another restore is at work (``restore_running``).
    """
    require_process(actor)
    backup = kept_backups().backup(name)
    live = live_name()
    _check_schemas(backup, schema_of(_to(live)))
    with only_restore() as server:
        fill(server, backup, rules.new_name(live, run), check)
        server.copy_settings(live, rules.new_name(live, run))
    log.info("restore.loaded", backup=name, run=run, rows=backup.row_count)
    return backup


def fill(server: MaintenanceConnection, backup: Backup, target: str, check: EndCheck) -> None:
    """Create a database and restore a backup into it, checked and migrated; where that fails it is dropped again."""
    try:
        server.drop(target)
        server.create_like(target, live_name())
        backup_service.tools_for(target, check).restore(
            kept_backups().fetch(backup.name, check), workers=WORKERS
        )
        analyze(_to(target))
        _compare(backup, target)
        check()
        migrate.upgrade(url_of(database_url(), target))
    except BaseException:
        server.drop(target)
        raise


def _compare(backup: Backup, target: str) -> None:
    if differs := rules.differing_tables(backup.rows, rows_of(_to(target))):
        table, (expected, found) = next(iter(differs.items()))
        raise Refused(reason="restore_rows_differ", table=table, expected=expected, found=found)
    if schema_of(_to(target)) != backup.schema:
        raise Refused(reason="backup_damaged")


def carry(actor: Actor, name: str, run: str) -> CarriedRows:
    """Carry over what must not be lost, while everybody works on; the swap carries the rest. For processes.

    Raises:
        Refused: the live audit trail does not go on where the backup's ends (``audit_differs``).
    """
    require_process(actor)
    backup, live = kept_backups().backup(name), live_name()
    with only_restore(), Carrying(_to(live), _to(rules.new_name(live, run))) as carrying:
        return carry_between(carrying, backup.started_at - MARGIN)


def drop_new(actor: Actor, run: str) -> None:
    """Drop the database that a restore loaded and will not swap in: it only takes space. For processes. Idempotent."""
    require_process(actor)
    with only_restore() as server:
        server.drop(rules.new_name(live_name(), run))


def swap(actor: Actor, name: str, run: str, planned_version: str = "") -> DatabaseRestore:
    """Make the run's new database the live one, and keep the one before for a week. For processes.

    Everybody is cut off for the moment in which what was written last is carried over. All or nothing, also where
    this process is killed. A swap that was done already is only returned. With ``planned_version`` only the live
    database that the plan was made for is replaced.

    Raises:
        Conflict: the live database is another one than the plan's (``restore_live_differs``).
        Refused: others are connected whom our account cannot cut off (``database_in_use``), the server is too busy
            (``swap_too_slow``), or as ``carry``.
    """
    require_process(actor)
    backup, live = kept_backups().backup(name), live_name()
    names = NameSwap(live=live, incoming=rules.new_name(live, run), kept=rules.kept_name(live, run))

    def done(refused_ms: int) -> DatabaseRestore:
        return DatabaseRestore(
            run=run,
            backup=name,
            backup_at=backup.started_at,
            kept=names.kept,
            swapped_at=clock.utc_now(),
            refused_ms=refused_ms,
        )

    def note(carrying: Carrying, refused_ms: int) -> None:
        repository.note_restore_at(carrying, done(refused_ms))

    with only_restore() as server:
        if names.kept not in server.names():
            _require_planned(server, live, planned_version)
            refused_ms = _swap(server, names, backup.started_at - MARGIN, note)
            repository.note_refusal(run, refused_ms)
            log.info("restore.swapped", backup=name, run=run, refused_ms=refused_ms, kept=names.kept)
    repository.insert_restore(done(0))  # only where a process of an earlier version swapped, and died
    stored = repository.restore(run)
    assert stored is not None
    return stored


def _require_planned(server: MaintenanceConnection, live: str, planned_version: str) -> None:
    if planned_version not in {"", _version(server, live)}:
        raise Conflict(reason="restore_live_differs")


def _swap(server: MaintenanceConnection, names: NameSwap, since: datetime, note: Note) -> int:
    for tried in range(SWAP_TRIES):
        try:
            return _try_swap(server, names, since, note)
        except Refused as refused:
            if refused.data.get("reason") != "swap_too_slow" or tried == SWAP_TRIES - 1:
                raise
    raise AssertionError


def _try_swap(server: MaintenanceConnection, names: NameSwap, since: datetime, note: Note) -> int:
    with Carrying(_to(names.live), _to(names.incoming)) as carrying:
        began = clock.utc_now()
        carry_between(carrying, since)
        refuses_since = time.monotonic()

        def last() -> None:
            carry_between(carrying, began - LAST_MARGIN)
            # What the swap changes is known with it: this process may die before its next statement.
            note(carrying, round((time.monotonic() - refuses_since) * 1000))
            carrying.close()

        seconds = server.swap(names, carrying.pids, last)
    engine.dispose()
    return round(seconds * 1000)


def smoke_test(actor: Actor) -> int:
    """Prove that the live database answers, has this version's schema and an intact audit trail; its entries.

    For processes. Raises Refused with ``smoke_test_schema`` or ``smoke_test_audit`` when something of it is not so.
    """
    require_process(actor)
    if (schema := schema_of(_to(live_name()))) != migrate.newest_known():
        raise Refused(reason="smoke_test_schema", schema=schema, known=migrate.newest_known())
    verified = audit.verify(actor)
    if not verified.is_intact:
        raise Refused(reason="smoke_test_audit", entry=verified.broken_at or 0)
    return verified.entries


def undo(actor: Actor, run: str, undo_run: str, planned_version: str = "") -> CarriedRows:
    """Swap back to the database that a restore replaced; what must not be lost is carried back. For processes.

    The database that the restore had brought is kept under the name of ``undo_run``. An undo that was done is harmless.
    With ``planned_version`` only the live database that the plan was made for is replaced.

    Raises:
        NotFound: there is no such restore.
        Conflict: the live database is another one than the plan's (``restore_live_differs``).
        Refused: the database before is gone (``undo_too_late``), a newer restore stands (``undo_not_newest``), or as
            ``swap``.
    """
    require_process(actor)
    live = live_name()
    names = NameSwap(live=live, incoming=rules.kept_name(live, run), kept=rules.kept_name(live, undo_run))

    def note(carrying: Carrying, _refused_ms: int) -> None:
        repository.note_undone_at(carrying, run, names.kept, clock.utc_now())

    with only_restore() as server:
        known = server.names()
        if names.kept in known:
            # Only where a process of an earlier version swapped back, and died.
            repository.mark_undone(run, names.kept, clock.utc_now())
            return CarriedRows(by_table={})
        restore = _undoable(run, is_kept=names.incoming in known)
        server.open(names.incoming)
        try:
            migrate.upgrade(url_of(database_url(), names.incoming))
            with Carrying(_to(live), _to(names.incoming)) as carrying:
                rows = carry_between(carrying, restore.swapped_at - MARGIN)
            _require_planned(server, live, planned_version)
            refused_ms = _swap(server, names, restore.swapped_at - MARGIN, note)
        except BaseException:
            if names.incoming in server.names():
                server.close(names.incoming)
            raise
    log.info("restore.undone", run=run, refused_ms=refused_ms, kept=names.kept)
    return rows


def undoable(actor: Actor, run: str) -> DatabaseRestore:
    """The restore of a run, if it can be undone now. For operators and processes.

    Raises:
        NotFound: there is no such restore.
        Refused: the database before is gone (``undo_too_late``), or a newer restore stands (``undo_not_newest``).
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    with maintenance() as server:
        return _undoable(run, is_kept=rules.kept_name(live_name(), run) in server.names())


def _undoable(run: str, *, is_kept: bool) -> DatabaseRestore:
    restore = repository.restore(run)
    if restore is None:
        raise NotFound
    if restore.undone_at is None:
        _require_newest(run, restore.swapped_at)
    if not is_kept or restore.undone_at is not None:
        raise Refused(reason="undo_too_late")
    return restore


def require_newest(actor: Actor, run: str, since: datetime) -> None:
    """Let pass where no restore that was made after another one stands. For operators and processes.

    To go back to what was live before the other one would silently take the newer one back, too.

    Raises:
        Refused: one stands (``undo_not_newest``).
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    _require_newest(run, since)


def _require_newest(run: str, since: datetime) -> None:
    for each in repository.restores(limit=1000):
        if each.undone_at is None and each.run != run and each.swapped_at > since:
            raise Refused(reason="undo_not_newest", backup=each.backup, at=each.swapped_at, number=each.run)


def restores(actor: Actor, limit: int = 20) -> list[DatabaseRestore]:
    """The newest restores first. For operators and processes."""
    require_role_or_process(actor, *OPERATOR_ROLES)
    return repository.restores(limit)


def forget_kept(
    actor: Actor, known: Collection[str] = (), going_on: Collection[str] = ()
) -> ForgottenDatabases:
    """Drop the databases that restores and undos replaced more than a week ago, and what failed runs left.

    For processes. ``known`` are the runs of this installation: what others made stays. ``going_on`` are the restores
    among them that may still go on: what they have loaded stays, too.
    """
    require_process(actor)
    now, live = clock.utc_now(), live_name()
    dropped: list[str] = []
    refused: list[str] = []
    with only_restore() as server:
        made = {name: run for name in server.names() if (run := rules.maker_of(live, name))}
        # The rows of another installation, whose backup was restored here, name databases of that one.
        kept = {
            name: (each.run, since)
            for each in repository.restores(limit=1000)
            for name, since in each.kept_since.items()
            if name in made
        }
        loaded = {name: run for name, run in made.items() if name != rules.kept_name(live, run)}
        old = [name for name, (_, since) in kept.items() if now - since > timedelta(days=rules.UNDO_DAYS)]
        left = [name for name, run in loaded.items() if run in known and run not in going_on]
        for name in (*old, *left):
            (dropped if _is_dropped(server, name) else refused).append(name)
            if name in kept and name in dropped:
                repository.mark_dropped(kept[name][0], now)
    return ForgottenDatabases(
        dropped=tuple(dropped),
        refused=tuple(refused),
        unknown=tuple(
            name
            for name, run in made.items()
            if (run not in {*known, *going_on} if name in loaded else name not in kept)
        ),
    )


def _is_dropped(server: MaintenanceConnection, name: str) -> bool:
    try:
        server.drop(name)
    except Refused as refused:  # the backup that was made before is no worse for it
        log.warning("restore.not_dropped", database=name, said=refused.data.get("said"))
        return False
    return True


@contextmanager
def only_restore() -> Iterator[MaintenanceConnection]:
    """A connection beside the live database, held by one restore at a time.

    Raises:
        Conflict: another restore is at work (``restore_running``).
    """
    with maintenance() as server:
        if not server.lock(LockNumber.RESTORE):
            raise Conflict(reason="restore_running")
        yield server


def maintenance() -> MaintenanceConnection:
    """A connection to the maintenance database."""
    return MaintenanceConnection(_to(settings().maintenance_database))


def _to(database: str) -> str:
    return conninfo_of(database_url(), rules.checked_database_name(database))
