"""Making backups, checking them, and removing those that are past their time."""

from datetime import timedelta

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.backups import repository, rules
from backend.backups.bucket import kept_backups
from backend.backups.types import Backup, BackupOrigin, KnownBackup
from backend.backups.volume import Volume, sha256_of
from backend.clients.postgres_tools import EndCheck, PostgresTools
from backend.config import settings
from backend.db.address import conninfo_of, environment_of
from backend.db.snapshots import DatabaseSnapshot, snapshot
from backend.errors import Refused
from backend.log import get_logger

MOST_KNOWN = 100
LEFTOVER_AGE = timedelta(days=1)

log = get_logger(__name__)


def nothing_to_check() -> None:
    """The check of a caller that never wants a backup to end early."""


def backup(actor: Actor, origin: BackupOrigin, check: EndCheck = nothing_to_check) -> Backup:
    """Dump the database, read the dump to its end, and keep it with its manifest. For processes.

    What is half done is never taken for a backup. ``check`` is called again and again; what it raises ends the backup.

    Raises:
        Refused: there is no folder (``backup_dir_missing``), no space (``backup_no_space``), older programs than the
            server (``backup_tools_old``), or a program failed (``postgres_tool_failed``, ``postgres_tool_ended``).
        Unavailable: the database, the programs or the volume did not answer.
    """
    require_process(actor)
    volume, database = kept_backups(), live_name()
    name = rules.backup_name(database, clock.utc_now())
    try:
        with snapshot(conninfo_of(database_url(), database)) as seen:
            made = _dumped(volume, name, database, origin, seen=seen, check=check)
        volume.keep(made)
    except BaseException:  # a draft that nobody finishes only takes space
        volume.discard(name)
        raise
    repository.insert_backup(made)
    log.info(
        "backup.made",
        backup=name,
        size_bytes=made.size_bytes,
        rows=made.row_count,
        duration_s=round(made.duration.total_seconds(), 3),
    )
    return made


def _dumped(
    volume: Volume, name: str, database: str, origin: BackupOrigin, *, seen: DatabaseSnapshot, check: EndCheck
) -> Backup:
    tools = tools_for(database, check)
    version = tools.version("pg_dump")
    if version < seen.server:
        raise Refused(reason="backup_tools_old", tools=version, server=seen.server)
    # A dump is compressed; one that is larger than the tables is unheard of.
    if volume.free_bytes() < seen.size_bytes:
        raise Refused(
            reason="backup_no_space", needed_mb=in_mb(seen.size_bytes), free_mb=in_mb(volume.free_bytes())
        )
    draft = volume.draft(name)
    tools.dump(draft, seen.id)
    tools.read(draft)
    return Backup(
        name=name,
        database=database,
        origin=origin,
        started_at=seen.at,
        finished_at=clock.utc_now(),
        size_bytes=draft.stat().st_size,
        sha256=sha256_of(draft, check),
        server=seen.server,
        tools=version,
        schema=seen.schema,
        rows=seen.rows,
        database_bytes=seen.size_bytes,
    )


def backups(actor: Actor) -> list[Backup]:
    """The backups on the volume, the newest first. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return [each for each in kept_backups().backups() if each.database == live_name()]


def known_backups(actor: Actor) -> list[KnownBackup]:
    """The backups that were made and not removed since, the newest first, also where the volume cannot be seen.

    For staff and processes.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.known_backups(limit=MOST_KNOWN)


def backup_named(actor: Actor, name: str) -> Backup:
    """The backup of this name on the volume. Raises Refused when there is none. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return kept_backups().backup(name)


def check_backup(actor: Actor, name: str, check: EndCheck = nothing_to_check) -> Backup:
    """Read a backup to its end and compare its checksum; returns it. For staff and processes.

    Raises:
        Refused: there is no such backup (``backup_missing``), or it is not what was written (``backup_damaged``).
    """
    require_role_or_process(actor, *STAFF_ROLES)
    volume = kept_backups()
    known = volume.backup(name)
    path = volume.fetch(name, check)
    if not path.exists() or path.stat().st_size != known.size_bytes or sha256_of(path, check) != known.sha256:
        raise Refused(reason="backup_damaged")
    tools_for(known.database, check).read(path)
    return known


def forget_old(actor: Actor) -> list[str]:
    """Remove the backups that are past their time, and what killed processes left; their names. For processes."""
    require_process(actor)
    volume, now = kept_backups(), clock.utc_now()
    old = [each.name for each in rules.too_old(backups(actor), now, settings().backup_keep_days)]
    left = [name for name in volume.leftovers(now - LEFTOVER_AGE) if rules.database_of(name) == live_name()]
    for name in [*old, *left]:
        volume.discard(name)
        log.info("backup.removed", backup=name)
    repository.mark_removed(old, now)
    return old


def tools_for(database: str, check: EndCheck) -> PostgresTools:
    """PostgreSQL's programs for a database of our server."""
    return PostgresTools(
        settings().postgres_tools_dir,
        environment_of(database_url(), rules.checked_database_name(database)),
        check=check,
    )


def live_name() -> str:
    """The name of the database that the settings lead to."""
    return rules.checked_database_name(settings().database_name)


def database_url() -> str:
    """The address of the settings as libpq reads it. Holds the password: never log it."""
    return f"postgresql://{settings().database_url.get_secret_value().partition('://')[2]}"


def in_mb(size_bytes: int) -> int:
    """A size in whole megabytes, rounded up."""
    return -(-size_bytes // 1_000_000)
