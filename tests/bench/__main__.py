"""``python -m tests.bench [nightly pages ...] [--scale 100000]``: measure, print, and keep in ``.local/bench.json``."""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec

from tests.bench.figures import FILE, keep, say

# Each module has ``measure(asked) -> Figures``; one that is not there is left out.
BENCHES = (
    "nightly",
    "scan",
    "pages",
    "payments",
    "doors",
    "alerts",
    "cluster",
    "dependencies",
    "runs",
    "twos",
    "prices",
)


def main() -> int:
    """Run the benches that were asked for, all by default; returns the exit code."""
    there = [name for name in BENCHES if find_spec(f"tests.bench.{name}")]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="bench", help=f"some of: {', '.join(there)}")
    parser.add_argument(
        "--scale", type=int, action="append", help="tenants of the nightly run; may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=6, help="how often each is measured; the median counts")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(there):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    for name in asked.names or there:
        keep(import_module(f"tests.bench.{name}").measure(asked))
    say(f"\nAll figures are in {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
