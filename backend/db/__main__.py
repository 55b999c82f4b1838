"""``python -m backend.db upgrade``: bring the database of DATABASE_URL to the newest schema."""

import argparse
import sys

from backend.config import settings_or_exit
from backend.db import migrate
from backend.errors import AppError
from backend.i18n.errors import sentence_of


def main() -> None:
    """Run the command of the command line."""
    arguments = _parser().parse_args()
    url = settings_or_exit().sqlalchemy_url
    try:
        if arguments.command == "upgrade":
            migrate.upgrade(url)
            print("The database is at the newest schema.")
        else:
            migrate.revise(url, arguments.message)
    except AppError as error:
        sys.exit(sentence_of(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.db", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("upgrade", help="apply every migration that is missing")
    revise = commands.add_parser("revise", help="write a migration from the models")
    revise.add_argument("message")
    return parser


if __name__ == "__main__":
    main()
