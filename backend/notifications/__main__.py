"""``python -m backend.notifications``: show the mails that were given up, and send one after all."""

import argparse
import sys
from collections.abc import Sequence

from backend.command_line import CLI, obey
from backend.log import configure_logging
from backend.notifications import service


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.notifications", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show the mails that were given up, the newest first").set_defaults(
        run=_list
    )
    retry = commands.add_parser("retry", help="send mails that were given up, with all their tries")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("key", metavar="KEY", nargs="?", help="the mail's name in the list")
    which.add_argument("--all", action="store_true", help="every mail of the list")
    retry.set_defaults(run=_retry)
    return parser


def _list(_chosen: argparse.Namespace) -> None:
    for mail in service.given_up(CLI):
        print(
            f"{mail.key}\t{mail.recipient}\t{mail.given_up_at:%Y-%m-%d %H:%M} UTC\t{_one_line(mail.last_error)}"
        )


def _one_line(said: str) -> str:
    """A mail server's reply as printable text, so that it never moves the terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in said)


def _retry(chosen: argparse.Namespace) -> None:
    if chosen.all:
        print(f"{service.retry_all(CLI)} are due and go out with the next rounds.")
        return
    service.retry(CLI, chosen.key)
    print(f"{chosen.key} is due and goes out with the next round.")


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
