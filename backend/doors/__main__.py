"""``python -m backend.doors``: make a token for a door."""

import argparse
import sys
from collections.abc import Sequence

from backend.doors.tokens import hash_of, new_token


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line. It needs no settings and keeps nothing."""
    _parser().parse_args(arguments)
    token = new_token()
    print(f"token (for the sender; it is shown only now): {token}")
    print(f"hash  (for the portal's setting):             {hash_of(token)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.doors", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("new-token", help="print a new token and its hash, once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
