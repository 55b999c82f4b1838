"""Give mutants to workers, one on each core."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.sandbox.processes import keep
from tests.mutants.leftovers import RUN, end_run
from tests.mutants.mutant import Mutant
from tests.mutants.notes import Notes
from tests.mutants.reach import Reach
from tests.mutants.worker import DEADLINE, PLAN
from tests.mutants.workplace import Workplace

WORKERS = 2


def try_all(
    mutants: Sequence[Mutant],
    tests: Mapping[str, Sequence[str]],
    reach: Reach,
    *,
    place: Workplace,
    notes: Notes,
    deadline: float,
) -> None:
    """Try mutants in this order until all are noted or the deadline, a time of the clock, has come."""
    seconds = {name: reach.tests[name].seconds for mutant in mutants for name in tests[mutant.name]}
    plan = {
        "notes": str(notes.path),
        "tests_root": str(place.source),
        "seconds": seconds,
        "mutants": [
            {"name": each.name, "digest": each.digest, "function": each.function, "tests": tests[each.name]}
            for each in mutants
        ],
    }
    path = place.kept / "plan.json"
    path.write_text(json.dumps(plan))
    path.with_suffix(".next").write_text("0")
    files = sorted({name.partition("::")[0] for name in seconds})
    run = str(os.getpid())
    given = {PLAN: str(path), DEADLINE: str(deadline), RUN: run}
    workers = [_start(place, files, given, number) for number in range(WORKERS)]
    # Who is asked to end takes the workers and their servers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        failed = [log for worker, log in workers if worker.wait() != 0]
    finally:
        end_run(run)
    if failed:
        raise SystemExit(f"A worker failed ({failed[0]}):\n{failed[0].read_text()[-2000:]}")
    if time.time() > deadline:
        print("  the time is over; the next run goes on from here")


def _start(
    place: Workplace, files: Sequence[str], environment: Mapping[str, str], number: int
) -> tuple["subprocess.Popen[bytes]", Path]:
    log = place.kept / f"worker-{number}.log"
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.worker"]
    with log.open("w") as output:
        worker = keep(
            subprocess.Popen(
                [*argv, *files],
                cwd=place.mutated,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        )
    return worker, log
