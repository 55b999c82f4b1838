"""``python -m backend.db upgrade``: bring the database of DATABASE_URL to the newest schema."""

import argparse
import sys
import time

from backend.config import settings_or_exit
from backend.db import migrate
from backend.errors import AppError, Unavailable
from backend.i18n.errors import sentence_of

PAUSE_S = 1.0


def main() -> None:
    """Run the command of the command line."""
    arguments = _parser().parse_args()
    url = settings_or_exit().sqlalchemy_url
    try:
        if arguments.command == "upgrade":
            _upgrade(url, arguments.wait_s)
            print("The database is at the newest schema.")
        else:
            migrate.revise(url, arguments.message)
    except AppError as error:
        sys.exit(sentence_of(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.db", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    upgrade = commands.add_parser("upgrade", help="apply every migration that is missing")
    upgrade.add_argument(
        "--wait-s",
        type=float,
        default=0,
        help="seconds for which a database that does not answer is asked again",
    )
    revise = commands.add_parser("revise", help="write a migration from the models")
    revise.add_argument("message")
    return parser


def _upgrade(url: str, wait_s: float) -> None:
    """Upgrade as soon as the database answers. Raises Unavailable when it has not answered for so long."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return migrate.upgrade(url)
        except Unavailable:
            if time.monotonic() >= until:
                raise
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
