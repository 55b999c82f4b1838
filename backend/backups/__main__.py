"""``python -m backend.backups``: backups by hand, also with the portal down."""

import argparse
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress

from backend.backups import service
from backend.backups.types import BackupOrigin
from backend.command_line import CLI, obey
from backend.errors import AppError
from backend.i18n.errors import sentence_of
from backend.log import configure_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.backups", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the backups, the newest first").set_defaults(run=_list)
    commands.add_parser("create", help="make a backup and read it to its end").set_defaults(run=_create)
    check = commands.add_parser("check", help="compare a backup with its checksum and read it to its end")
    check.add_argument("name")
    check.set_defaults(run=_check)
    drill = commands.add_parser("drill", help="restore the newest backup into a throw-away database")
    drill.set_defaults(run=_drill)
    restore = commands.add_parser("restore", help="restore a backup, and keep the database before for a week")
    restore.add_argument("name")
    restore.set_defaults(run=_restore)
    undo = commands.add_parser("undo", help="make the database before a restore live again")
    undo.add_argument("run_number", metavar="restore")
    undo.set_defaults(run=_undo)
    return parser


def _list(_chosen: argparse.Namespace) -> None:
    for each in service.backups(CLI):
        print(
            f"{each.name}  {each.started_at:%Y-%m-%d %H:%M} UTC  {each.size_bytes:,} bytes"
            f"  {each.row_count:,} rows  schema {each.schema}  {each.origin}"
        )


def _create(_chosen: argparse.Namespace) -> None:
    made = service.backup(CLI, BackupOrigin.ASKED)
    print(f"{made.name}: {made.row_count:,} rows, {made.size_bytes:,} bytes, read to its end.")


def _check(chosen: argparse.Namespace) -> None:
    found = service.check_backup(CLI, chosen.name)
    print(f"{found.name} is whole: {found.row_count:,} rows.")


def _drill(_chosen: argparse.Namespace) -> int:
    done = service.drill(CLI, secrets.token_hex(4))
    if done.failure is not None:
        why = sentence_of(done.failure)
        print(f"The drill of {done.backup or 'the newest backup'} failed. {why}", file=sys.stderr)
        return 1
    print(f"{done.backup} was restored: {done.row_count:,} rows in {done.duration.total_seconds():.1f} s.")
    return 0


def _restore(chosen: argparse.Namespace) -> None:
    run = secrets.token_hex(4)
    service.check_backup(CLI, chosen.name)
    service.plan_restore(CLI, chosen.name)
    saved = service.backup(CLI, BackupOrigin.SAFETY)
    print(f"The live database was backed up as {saved.name}.")
    try:
        service.load(CLI, chosen.name, run)
        service.carry(CLI, chosen.name, run)
        done = service.swap(CLI, chosen.name, run)
    except BaseException:  # the nightly run drops only what runs of the portal made
        with suppress(AppError):
            service.drop_new(CLI, run)
        raise
    entries = service.smoke_test(CLI)
    print(
        f"The database of {done.backup_at:%Y-%m-%d %H:%M} UTC is live; it refused for {done.refused_ms} ms."
        f" The audit trail is intact: {entries:,} entries. The database before is kept as {done.kept}."
        f" To go back: python -m backend.backups undo {run}"
    )


def _undo(chosen: argparse.Namespace) -> None:
    rows = service.undo(CLI, chosen.run_number, secrets.token_hex(4))
    entries = service.smoke_test(CLI)
    print(
        f"The database before is live again. Rows written since and carried back: {rows.total:,}."
        f" The audit trail is intact: {entries:,} entries."
    )


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
