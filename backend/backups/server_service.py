"""Moving to another server of the same database: checked, with what must not be lost carried over, then left for it.

Each function is one step and may be repeated after its process died. Both servers are named by their own addresses,
because the name in the settings leads from one to the other meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from backend import clock
from backend.actor import Actor, require_process
from backend.audit import service as audit
from backend.backups import repository
from backend.backups.backup_service import database_url, live_name
from backend.backups.carried_rows import LAST_MARGIN, MARGIN, carry_between
from backend.backups.types import CarriedRows, CheckedServer, DatabaseRestore, ServerMove
from backend.config import settings
from backend.db import engine, migrate
from backend.db.address import conninfo_of, url_of
from backend.db.carrying import Carrying
from backend.db.connecting import Cause
from backend.db.databases import OPENS_AFTER_S, MaintenanceConnection
from backend.db.locks import LockNumber
from backend.db.snapshots import rows_of, schema_of
from backend.errors import Conflict, Refused, Unavailable
from backend.log import get_logger
from backend.server_address import ServerAddress

# The server opens a database again by itself, so what is done while it is closed must fit well before.
CARRIED_WITHIN = timedelta(seconds=OPENS_AFTER_S / 4)

log = get_logger(__name__)


def check_server(actor: Actor, at: ServerAddress) -> CheckedServer:
    """Read the database of another server whole, bring its schema to this version's, and verify its audit trail.

    For processes.

    Raises:
        Refused: its schema is newer than this version (``snapshot_schema_newer``), or its audit trail is broken
            (``snapshot_audit_broken``).
        Unavailable: it does not let us in.
    """
    require_process(actor)
    database, live = conninfo_of(database_url(), live_name(), at), url_of(database_url(), live_name(), at)
    schema = schema_of(database)
    if not migrate.is_known(schema):
        raise Refused(reason="snapshot_schema_newer", schema=schema, known=migrate.newest_known())
    rows = rows_of(database)
    migrate.upgrade(live)
    with engine.reading_at(live):
        verified = audit.verify(actor)
    if not verified.is_intact:
        raise Refused(reason="snapshot_audit_broken", entry=verified.broken_at or 0)
    return CheckedServer(schema=schema, rows=rows, entries=verified.entries)


def carry_to_server(actor: Actor, move: ServerMove) -> CarriedRows:
    """Carry over what must not be lost, while everybody works on. For processes. Raises Refused as ``carry``."""
    require_process(actor)
    with _only_move(move) as (_, carrying):
        return carry_between(carrying, move.since - MARGIN)


def leave_server(actor: Actor, move: ServerMove, lead: Callable[[], None]) -> int:
    """Leave a server for another one; the milliseconds in which the database refused everybody. For processes.

    Everybody is cut off, what was written last is carried over, then ``lead`` leads newcomers to the other server. The
    database of the server that is left stays closed, and is kept. Where ``lead`` fails everybody stays.

    Raises:
        Refused: as ``swap``.
    """
    require_process(actor)
    with _only_move(move) as (server, carrying):
        began = clock.utc_now()
        carry_between(carrying, move.since - MARGIN)

        def last() -> None:
            closed_at = clock.utc_now()
            carry_between(carrying, began - LAST_MARGIN)
            _note_at(carrying, move, closed_at)
            if clock.utc_now() - closed_at > CARRIED_WITHIN:
                raise Refused(reason="swap_too_slow")
            lead()

        refused_ms = round(server.leave(live_name(), carrying.pids[:1], last) * 1000)
    engine.dispose()
    log.info("server.left", run=move.run, snapshot=move.snapshot, refused_ms=refused_ms)
    return refused_ms


def _note_at(carrying: Carrying, move: ServerMove, closed_at: datetime) -> None:
    """Note the move where everybody is about to be led: this process may die before its next statement."""
    now = clock.utc_now()
    if move.takes_back:
        repository.note_undone_at(carrying, move.takes_back, "", now)
    else:
        refused_ms = round((now - closed_at).total_seconds() * 1000)
        repository.note_restore_at(carrying, _restore_of(move, now, refused_ms))


def _restore_of(move: ServerMove, now: datetime, refused_ms: int) -> DatabaseRestore:
    return DatabaseRestore(
        run=move.run,
        backup=move.snapshot,
        backup_at=move.since,
        kept="",
        swapped_at=now,
        refused_ms=refused_ms,
    )


def note_move(actor: Actor, move: ServerMove, refused_ms: int | None) -> None:
    """Note a restore from a snapshot, and how long the database refused, if that is known. For processes; idempotent.

    Who leads everybody to the other server has noted it there; but people may have led them.
    """
    require_process(actor)
    repository.insert_restore(_restore_of(move, clock.utc_now(), 0))
    if refused_ms is not None:
        repository.note_refusal(move.run, refused_ms)


def note_moved_back(actor: Actor, run: str) -> None:
    """Note that everybody was led back from where a restore from a snapshot had led them. For processes; idempotent."""
    require_process(actor)
    repository.mark_undone(run, "", clock.utc_now())


def longest_refusal_ms(actor: Actor) -> int | None:
    """The longest time that the database refused in the last restores; None before the first. For processes."""
    require_process(actor)
    return repository.longest_refusal_ms()


def close_server(actor: Actor, move: ServerMove) -> bool:
    """Close a server that newcomers are not led to any more, and carry over what was still written there.

    For processes; idempotent. Returns False where the other server was written to already: what was written here
    last cannot be joined to that, and is only here.
    """
    require_process(actor)
    try:
        with _only_move(move) as (server, carrying):
            server.shut(live_name(), carrying.pids[:1])
            try:
                carry_between(carrying, move.since - MARGIN)
            except Refused:
                return False
    except Unavailable as refused:
        if refused.data.get("cause") != Cause.SWAPPED:  # else it was closed before
            raise
    return True


def open_server(actor: Actor, at: ServerAddress) -> None:
    """Let the database of a server accept connections again. For processes."""
    require_process(actor)
    with _maintenance(at) as server:
        server.open(live_name())


def shut_server(actor: Actor, at: ServerAddress) -> None:
    """Let the database of a server accept no connections, of nobody. For processes."""
    require_process(actor)
    with _maintenance(at) as server:
        server.shut(live_name())


@contextmanager
def _only_move(move: ServerMove) -> Iterator[tuple[MaintenanceConnection, Carrying]]:
    url, name = database_url(), live_name()
    with _maintenance(move.source) as server:
        if not server.lock(LockNumber.RESTORE):
            raise Conflict(reason="restore_running")
        with Carrying(conninfo_of(url, name, move.source), conninfo_of(url, name, move.target)) as carrying:
            yield server, carrying


def _maintenance(at: ServerAddress) -> MaintenanceConnection:
    return MaintenanceConnection(conninfo_of(database_url(), settings().maintenance_database, at))
