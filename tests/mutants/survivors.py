"""The mutants that live on: those with a reason, and a report of all."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.notes import DEAD, Verdict

KEPT = Path(__file__).with_name("survivors.toml")
ENOUGH = 0.9


def reason_of(mutant: Mutant) -> str:
    """Why nothing that a test may ask for tells the mutant from the original; empty when no reason is known."""
    return _reasons().get((mutant.function, mutant.change), "")


@cache
def _reasons() -> dict[tuple[str, str], str]:
    kept = tomllib.loads(KEPT.read_text())["survivor"]
    return {(each["function"], each["change"].strip()): each["reason"] for each in kept}


def tell(name: str, mutants: Sequence[Mutant], verdicts: Mapping[str, Verdict]) -> bool:
    """Print who lives on without a reason, then the sum; true when nothing is left to try and enough died."""
    alive = [
        each
        for each in mutants
        if verdicts.get(each.name) in {Verdict.SURVIVED, Verdict.UNREACHED} and not reason_of(each)
    ]
    for mutant in alive:
        print(f"\n{mutant.name}: {verdicts[mutant.name]}\n{mutant.change}")
    counted = Counter(verdicts.get(each.name) for each in mutants)
    dead = sum(counted[verdict] for verdict in DEAD)
    excused = sum(1 for each in mutants if reason_of(each))
    share = dead / max(dead + len(alive), 1)
    print(
        f"\n{name}: {len(mutants)} mutants; {dead} died, {counted[Verdict.TIMED_OUT]} of them by a timeout; "
        f"{len(alive)} live on; {excused} change nothing that counts; {counted[None]} not tried. "
        f"{share:.1%} of the killable died."
    )
    return not counted[None] and share >= ENOUGH
