"""``python -m tests.bench.run_writer RUN_ID LINES_PER_S SECONDS START_AT``: write a run's log as its process does.

Prints the number of lines and the CPU seconds as JSON. With 0 lines a second it writes as fast as it can.
"""

import json
import sys
import time
from uuid import UUID

from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunId
from runbooks.log_writer import LogWriter

RUNNER = Actor.process_named("runbooks")
TICK_S = 0.02
WORDS = " GET /v1/documents/8812 200 in 41 ms, tenant=acme request=5f0c2d4a91b7 bytes=18234"


def main(run_id: str, lines_per_s: int, seconds: float, start_at: float) -> None:
    """Write numbered lines, evenly over the time."""
    writer = LogWriter(RUNNER, runs.run(RUNNER, RunId(UUID(run_id))))
    time.sleep(max(0.0, start_at - time.time()))
    cpu, began, number = time.process_time(), time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        due = number + 100 if not lines_per_s else int(passed * lines_per_s)
        if number < due:
            writer.output("\n".join(f"line {each}{WORDS}" for each in range(number + 1, due + 1)))
            number = due
        if lines_per_s:
            time.sleep(TICK_S)
    writer.close()
    took = time.monotonic() - began
    print(json.dumps({"lines": number, "cpu_s": time.process_time() - cpu, "took_s": took}))  # noqa: T201 - the answer to the bench


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
