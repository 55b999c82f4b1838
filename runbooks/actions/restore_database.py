"""Restore the database from a backup: beside the live one, checked, then swapped in. Undone by swapping back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta

from backend.backups import service as backups
from backend.backups.types import BackupOrigin, RestorePlan
from backend.config import settings
from backend.errors import AppError, Refused, Unavailable
from backend.runbooks.types import Plan, PlannedChange, Risk, RunbookRun, Words
from runbooks import books, database_servers
from runbooks.action import Action, ActionParameters, ParameterChoice, Step, Undo
from runbooks.context import Planning, Running

UNDO_HOLDS = timedelta(days=7)


class RestoreParameters(ActionParameters):
    """The backup to go back to."""

    backup: str


def _backups(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    return [
        ParameterChoice(
            value=each.name,
            words=Words(
                key="runbooks.restore_database.choice",
                values={"at": each.started_at, "rows": each.row_count, "kilobytes": each.size_bytes // 1000},
            ),
        )
        for each in backups.known_backups(planning.actor)
    ]


def _plan(planning: Planning, given: RestoreParameters) -> Plan:
    seen = backups.plan_restore(planning.actor, given.backup)
    name = settings().database_name
    return Plan(
        changes=(
            PlannedChange(
                what=Words(key="runbooks.restore_database.database", values={"database": name}),
                before=name,
                after=seen.backup.name,
            ),
        ),
        versions={f"database/{name}": seen.live_version, f"backup/{seen.backup.name}": seen.backup.sha256},
        notes=(*_of_backup(seen), *_of_rows(seen), *books.notes_of(planning, seen.backup.started_at)),
        commands=(
            f"pg_restore --exit-on-error --no-owner --jobs=2 {seen.backup.name}.dump",
            f"ALTER DATABASE {name} RENAME TO …; ALTER DATABASE … RENAME TO {name};",
        ),
        confirmation=name,
    )


def _of_backup(seen: RestorePlan) -> list[Words]:
    notes = [
        _note("of_backup", at=seen.backup.started_at, rows=seen.backup.row_count),
        _note("needs", megabytes=seen.needs_bytes // 1_000_000),
        _note("carried"),
        _note("kept"),
    ]
    if seen.migrates:
        notes.append(_note("migrates", schema=seen.backup.schema))
    if seen.refused_ms is None:
        return [*notes, _note("refuses_first")]
    return [*notes, _note("refuses", milliseconds=seen.refused_ms)]


def _of_rows(seen: RestorePlan) -> list[Words]:
    return [
        _note("rows", table=table, before=before, after=after)
        for table, (before, after) in list(seen.changed_rows.items())[: books.MOST_LISTED]
    ]


def _note(key: str, **values: str | int | date) -> Words:
    return Words(key=f"runbooks.restore_database.{key}", values=values)


def _check(running: Running, given: RestoreParameters) -> None:
    found = backups.check_backup(running.actor, given.backup, running.check)
    running.log("runbooks.restore_database.checked", backup=found.name, rows=found.row_count)


def _save(running: Running, _given: RestoreParameters) -> None:
    made = backups.backup(running.actor, BackupOrigin.SAFETY, running.check_and_tidy)
    running.changed("runbooks.restore_database.saved", backup=made.name)


def _load(running: Running, given: RestoreParameters) -> None:
    found = backups.load(running.actor, given.backup, _short(running.run), running.check_and_tidy)
    running.log("runbooks.restore_database.loaded", rows=found.row_count, schema=found.schema)


@contextmanager
def _given_up(running: Running) -> Iterator[None]:
    """Should the block be refused, or the disk be full, drop the new database; the live one is as it was."""
    try:
        yield
    except (Refused, Unavailable) as wrong:
        if isinstance(wrong, Refused) or wrong.data.get("cause") == "disk_full":
            with running.mending(), suppress(AppError):  # why the restore ends is what is told
                backups.drop_new(running.actor, _short(running.run))
        raise


def _carry(running: Running, given: RestoreParameters) -> None:
    with _given_up(running):
        rows = backups.carry(running.actor, given.backup, _short(running.run))
    running.log("runbooks.restore_database.carried_over", rows=rows.total)


def _swap(running: Running, given: RestoreParameters) -> None:
    books.remember(running, backups.backup_named(running.actor, given.backup).started_at)
    with _given_up(running):
        done = backups.swap(running.actor, given.backup, _short(running.run), _planned_version(running))
    running.changed(
        "runbooks.restore_database.swapped",
        at=done.backup_at,
        kept=done.kept,
        milliseconds=done.refused_ms,
    )


def _planned_version(running: Running) -> str:
    """The live database of the run's plan; empty where the plan is of a version of the portal that bound none.

    A run that goes on makes no new plan; meanwhile another restore may have brought another live database.
    """
    assert running.run.plan is not None
    return running.run.plan.versions.get(f"database/{settings().database_name}", "")


def _prove(running: Running, _given: RestoreParameters) -> None:
    def swap_back() -> None:
        backups.undo(running.actor, _short(running.run), running.run.id.hex[8:16])
        running.changed("runbooks.restore_database.swapped_back")

    database_servers.prove(running, swap_back)


def _short(run: RunbookRun) -> str:
    return run.id.hex[:8]


def _plan_undo(planning: Planning, _given: RestoreParameters, done: RunbookRun) -> Plan:
    restore = backups.undoable(planning.actor, _short(done))
    name = settings().database_name
    return Plan(
        changes=(
            PlannedChange(
                what=Words(key="runbooks.restore_database.database", values={"database": name}),
                before=restore.backup,
                after=restore.kept,
            ),
        ),
        versions={f"database/{name}": backups.live_version(planning.actor)},
        notes=(_note("undo_carries"), *books.notes_of(planning, restore.swapped_at)),
        confirmation=name,
    )


def _swap_back(running: Running, _given: RestoreParameters) -> None:
    assert running.undone is not None
    run = _short(running.undone)
    known = {each.run: each for each in backups.restores(running.actor)}
    if run in known:
        books.remember(running, known[run].swapped_at)
    rows = backups.undo(running.actor, run, _short(running.run), _planned_version(running))
    running.changed("runbooks.restore_database.undone", rows=rows.total)


def _prove_undone(running: Running, _given: RestoreParameters) -> None:
    running.log("runbooks.restore_database.proved", entries=backups.smoke_test(running.actor))


ACTION = Action(
    name="restore_database",
    risk=Risk.DANGEROUS,
    parameters=RestoreParameters,
    choices={"backup": _backups},
    targets=lambda _given: (f"db:{settings().database_name}", "billing"),
    plan=_plan,
    steps=(
        Step(name="check", run=_check),
        Step(name="save", run=_save),
        Step(name="load", run=_load),
        Step(name="carry", run=_carry),
        Step(name="swap", run=_swap, is_cancellable=False),
        Step(name="prove", run=_prove, is_cancellable=False),
        Step(name="book", run=books.book_again),
    ),
    undo=Undo(
        plan=_plan_undo,
        steps=(
            Step(name="swap_back", run=_swap_back, is_cancellable=False),
            Step(name="prove_undone", run=_prove_undone, is_cancellable=False),
            Step(name="book", run=books.book_again),
        ),
        holds=UNDO_HOLDS,
    ),
    deadline_s=6 * 3600,
    uses_backups=True,
)
