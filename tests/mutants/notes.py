"""What became of each mutant, noted one by one, so that a run that is cut short goes on where it stopped."""

import fcntl
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path


class Verdict(StrEnum):
    """What the tests said."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    UNREACHED = "no test reaches it"


DEAD = {Verdict.KILLED, Verdict.TIMED_OUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One mutant's fate: the tests that said so are the one that killed it, or all that it survived."""

    digest: str
    verdict: Verdict
    tests: Sequence[str]
    tests_digest: str
    seconds: float


class Notes:
    """A file with a line for each mutant that was tried; several processes may write to it."""

    def __init__(self, path: Path, tests_root: Path) -> None:
        """``tests_root`` is the folder that node ids begin in."""
        self.path = path
        self._tests_root = tests_root

    def add(self, digest: str, verdict: Verdict, tests: Sequence[str], seconds: float) -> None:
        """Note a fate for good; the last one counts."""
        note = Note(
            digest=digest,
            verdict=verdict,
            tests=list(tests),
            tests_digest=tests_digest(self._tests_root, tuple(tests)),
            seconds=round(seconds, 2),
        )
        with self.path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(asdict(note)) + "\n")

    def valid(self) -> Mapping[str, Note]:
        """Fates by the mutant's digest whose tests are still the same."""
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        notes = [Note(**{**each, "verdict": Verdict(each["verdict"])}) for each in map(json.loads, lines)]
        latest = {note.digest: note for note in notes}
        return {
            digest: note
            for digest, note in latest.items()
            if note.tests_digest == tests_digest(self._tests_root, tuple(note.tests))
        }


@cache
def tests_digest(root: Path, tests: Sequence[str]) -> str:
    """Of the names of tests and the files that they stand in."""
    whole = hashlib.sha256("\n".join(tests).encode())
    for file in sorted({name.partition("::")[0] for name in tests}):
        whole.update((root / file).read_bytes() if (root / file).is_file() else b"")
    return whole.hexdigest()[:16]
