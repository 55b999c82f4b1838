"""``python -m backend.audit``: prove that the audit trail was not rewritten."""

import argparse
import sys
from collections.abc import Sequence

from backend.audit import rules, service
from backend.command_line import CLI, obey
from backend.errors import Invalid
from backend.log import configure_logging

FAULTS = {
    "changed": "it is not what was written",
    "rewritten": "the chain up to here is not the one that was written",
    "cut_off": "entries at the end were removed",
    "missing_before": "an entry before it is missing or stands elsewhere",
    "not_met": "the noted head is nowhere before it; entries were removed, or the chain was written anew",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when the chain is broken."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.audit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser(
        "verify",
        help="read the whole chain; a head that was noted earlier also shows an end cut off by somebody who hid it",
    )
    verify.add_argument(
        "--head", metavar="HASH", help="16 or more digits of a hash that was noted, such as in the log"
    )
    verify.add_argument(
        "--entries", metavar="N", type=int, help="the number of entries that was noted with the head"
    )
    verify.set_defaults(run=_verify)
    return parser


def _verify(chosen: argparse.Namespace) -> int:
    if chosen.head is None and chosen.entries is not None:
        raise Invalid(field="entries", reason="audit_entries_alone")
    noted = None if chosen.head is None else rules.checked_noted(chosen.head, chosen.entries)
    found = service.verify(CLI, noted)
    if found.is_intact:
        print(f"Intact: {found.entries:,} entries. Head: {found.head}")
        return 0
    fault = FAULTS[found.reason]
    print(
        f"The chain is broken at entry {found.broken_at}: {fault}."
        f" The {found.entries:,} entries before it are intact. Head: {found.head}",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
