"""`make mutants`: change the product by one step at a time, and tell which changes no test notices.

Every mutant of every rules file meets the unit tests. Those that live on, and a sample of the mutants of the rest,
meet the integration tests that run their function. What was found out is kept under `.local/mutants`, so a run that
was cut short goes on where it stopped.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterable, Mapping

from tests.mutants.survivors import Survivor, known_survivors
from tests.mutants.workplace import Workplace

FEATURES = ("payments", "invoices", "usage", "pricing", "accounts")
RULES = ("backend/*rules.py",)
UNIT = ("tests/unit",)
SERVERS = tuple(f"tests/{kind}/{feature}" for feature in FEATURES for kind in ("unit", "integration"))
KILLED = {"killed", "timeout", "caught by type check", "segfault", "suspicious"}
UNTRIED = {"not checked", "check was interrupted by user"}
ENOUGH = 0.9


def main() -> int:
    """Run both parts within the given time; 0 when enough of the killable mutants died."""
    wanted = _arguments()
    deadline = time.monotonic() + wanted.minutes * 60
    rules = Workplace("rules", mutate=RULES, spare=(), tests=UNIT)
    _try(rules, rules.results(), deadline)
    verdicts = rules.results()
    if not wanted.only_rules:
        mutated = [f"backend/{feature}/*.py" for feature in FEATURES]
        rest = Workplace("rest", mutate=[*mutated, *RULES], spare=(), tests=SERVERS)
        chosen = _chosen(rest.results(), verdicts, wanted.sample, wanted.seed)
        _try(rest, {name: rest.results()[name] for name in chosen}, deadline)
        verdicts |= {name: rest.results()[name] for name in chosen}
        return _told(verdicts, rest)
    return _told(verdicts, rules)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--sample", type=int, default=300, help="how many mutants outside of rules")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--only-rules", action="store_true", help="rules and unit tests alone")
    return parser.parse_args()


def _chosen(every: Iterable[str], tried: Mapping[str, str], size: int, seed: int) -> list[str]:
    others = sorted(name for name in every if name not in tried)
    sample = random.Random(seed).sample(others, min(size, len(others)))  # noqa: S311 (a sample, not a secret)
    return sample + [name for name, verdict in tried.items() if verdict not in KILLED]


def _try(place: Workplace, verdicts: Mapping[str, str], deadline: float) -> None:
    names = [name for name, verdict in verdicts.items() if verdict not in KILLED]
    print(f"· {place.name}: {len(names)} of {len(verdicts)} mutants to try")
    if names and not place.run(names, within_s=deadline - time.monotonic()):
        print(f"  the time is over; the next run goes on from here ({place.log})")


def _told(verdicts: Mapping[str, str], place: Workplace) -> int:
    alive = [name for name, verdict in verdicts.items() if verdict not in KILLED | UNTRIED]
    survivors = {name: Survivor.of(name, change) for name, change in place.changes_of(sorted(alive)).items()}
    reasons = known_survivors()
    equivalent = {name for name, each in survivors.items() if each in reasons}
    untried = sum(verdict in UNTRIED for verdict in verdicts.values())
    dead = len(verdicts) - len(alive) - untried
    for name in survivors.keys() - equivalent:
        print(f"\n{name} ({verdicts[name]})\n{survivors[name].change}")
    killable = dead + len(alive) - len(equivalent)
    print(f"\n{len(verdicts)} mutants: {dead} killed, {len(alive) - len(equivalent)} survived,", end=" ")
    print(
        f"{len(equivalent)} equivalent, {untried} not tried. {dead / max(killable, 1):.1%} of the killable died."
    )
    return 0 if not untried and dead >= ENOUGH * killable else 1


if __name__ == "__main__":
    sys.exit(main())
