"""``python -m tests.fuzz [--examples N] [--parser NAME] [--seed N]``: hostile data for every parser, for a long time.

Ends with 1 where a parser broke; the example that broke it is shrunk and shown.
"""

import argparse
import sys
import time
import traceback

from tests.fuzz.parsers import parsers
from tests.fuzz.trying import try_parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="how many for each parser")
    parser.add_argument("--parser", default="", help="only those whose names begin so")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(argv)
    broken = 0
    with parsers() as known:
        for name, each in known.items():
            if not name.startswith(asked.parser):
                continue
            began = time.monotonic()
            try:
                try_parser(each, asked.examples, asked.seed)
            except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
                broken += 1
                print(f"✗ {name}\n{traceback.format_exc(limit=-6)}", flush=True)
            else:
                print(
                    f"✓ {name}: {asked.examples:,} examples in {time.monotonic() - began:.0f} s", flush=True
                )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
