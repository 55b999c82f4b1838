"""`make mutants`: change the product by one step at a time, and tell which changes no test notices.

Every mutant of every rules file, and a sample of those of the other files of the features that bill and let in, meets
the tests that run what it changes. What was found out is kept under `.local/mutants`: a run that was cut short goes on
where it stopped, and a mutant is tried again only when its function or the tests that decided about it have changed.
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from tests.mutants.choice import chosen_tests
from tests.mutants.mutant import Mutant
from tests.mutants.notes import DEAD, Notes, Verdict
from tests.mutants.reach import Collector
from tests.mutants.run import try_all
from tests.mutants.survivors import reason_of, tell
from tests.mutants.workplace import Workplace

FEATURES = ("payments", "invoices", "usage", "pricing", "accounts")
MUTATED = ("backend/**/*rules.py", *(f"backend/{feature}/**/*.py" for feature in FEATURES))
RULES = "rules.py"


def main() -> int:
    """Try what is new within the given time; 0 when enough of the killable mutants died, in each part."""
    wanted = _arguments()
    started = time.time()
    place = Workplace(MUTATED)
    files = mutated_under(place.source, wanted.under)
    # A part has a reach of its own: a whole run must not take it for that of all files.
    kept = place.kept / f"reach{'-'.join(['', *wanted.under.parts])}.json"
    reach = Collector(place.source, kept, files).reach()
    mutants = [mutant for mutant in place.mutants().values() if mutant.file in files]
    rules = [mutant for mutant in mutants if mutant.file.endswith(RULES)]
    others = [mutant for mutant in mutants if not mutant.file.endswith(RULES)]
    sample = [] if wanted.only_rules else _sample(others, wanted.sample, wanted.seed)
    # The sample first: it takes longest, and no core should be left alone with its last one.
    every = [*sample, *rules]
    tests = {mutant.name: chosen_tests(mutant, reach) for mutant in every}
    notes = Notes(place.kept / "notes.jsonl", place.source)
    known = _known(every, tests, notes)
    todo = [mutant for mutant in every if mutant.name not in known]
    print(f"· {len(todo)} of {len(tests)} mutants to try", flush=True)
    if todo:
        try_all(todo, tests, reach, place=place, notes=notes, deadline=started + wanted.minutes * 60)
        known = _known(every, tests, notes)
    parts = {"rules": rules, f"sample {wanted.seed} of the others": sample}
    enough = [tell(name, part, known) for name, part in parts.items() if part]
    print(f"\n{time.time() - started:.0f} s; the processors worked {_cpu_seconds():.0f} s for it")
    return 0 if all(enough) else 1


def mutated_under(root: Path, under: PurePath) -> Sequence[str]:
    """The files that are mutated, from ``root``: all of them, or those of one folder, or one file.

    Raises:
        SystemExit: There is none.
    """
    found = {path.relative_to(root) for pattern in MUTATED for path in root.glob(pattern)}
    files = sorted(str(path) for path in found if path.is_relative_to(under))
    if not files:
        raise SystemExit(f"No file that is mutated lies under {under}.")
    return files


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--sample", type=int, default=300, help="how many mutants outside of rules")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--under", type=PurePath, default=PurePath(), help="only this folder or file")
    parser.add_argument("--only-rules", action="store_true", help="the rules alone")
    return parser.parse_args()


def _sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    dice = random.Random(seed)  # noqa: S311 (a sample, not a secret)
    return dice.sample(sorted(mutants, key=lambda each: each.name), min(size, len(mutants)))


def _known(mutants: Sequence[Mutant], tests: Mapping[str, Sequence[str]], notes: Notes) -> dict[str, Verdict]:
    """The fates that need no trial, or no second one: a survivor is tried again when it meets another test."""
    valid = notes.valid()
    found = {}
    for mutant in mutants:
        note = valid.get(mutant.digest)
        if reason_of(mutant):
            found[mutant.name] = Verdict.SURVIVED
        elif not tests[mutant.name]:
            found[mutant.name] = Verdict.UNREACHED
        elif note and (note.verdict in DEAD or set(tests[mutant.name]) <= set(note.tests)):
            found[mutant.name] = note.verdict
    return found


def _cpu_seconds() -> float:
    """Of this process and of all that it started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    sys.exit(main())
