"""The mutants that live on: those with a reason, and a report of all."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.notes import DEAD, Verdict

KEPT = Path(__file__).with_name("survivors.toml")
ENOUGH = 0.9
ALIVE = {Verdict.SURVIVED, Verdict.UNREACHED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a survivor lives on. One that is killable does what it should not, but no test is worth its price."""

    text: str
    is_killable: bool


def reason_of(mutant: Mutant) -> Reason | None:
    """The reason that is written down for a mutant."""
    return _reasons().get((mutant.function, mutant.change))


@cache
def _reasons() -> dict[tuple[str, str], Reason]:
    kept = tomllib.loads(KEPT.read_text())["survivor"]
    return {
        (each["function"], each["change"].strip()): Reason(
            text=each["reason"], is_killable=each.get("killable", False)
        )
        for each in kept
    }


def tell(name: str, mutants: Sequence[Mutant], verdicts: Mapping[str, Verdict]) -> bool:
    """Print who lives on without a reason, then the sum; true when nothing is left to try and enough died."""
    counted = Counter(verdicts.get(each.name) for each in mutants)
    reasons = [reason for each in mutants if (reason := reason_of(each))]
    unexplained = [each for each in mutants if verdicts.get(each.name) in ALIVE and reason_of(each) is None]
    for mutant in unexplained:
        print(f"\n{mutant.name}: {verdicts[mutant.name]}\n{mutant.change}")
    dead = sum(counted[verdict] for verdict in DEAD)
    killable = sum(reason.is_killable for reason in reasons)
    share = dead / max(dead + killable + len(unexplained), 1)
    print(
        f"\n{name}: {len(mutants)} mutants; {dead} died, {counted[Verdict.TIMED_OUT]} of them by a timeout; "
        f"{len(reasons) - killable} change nothing, {killable} live on with a reason, {len(unexplained)} without; "
        f"{counted[None]} not tried. {share:.1%} of the killable died."
    )
    return not counted[None] and share >= ENOUGH
