"""``make soak``: ten thousand random histories of payments. A failure prints its seed; ``--seed`` repeats it."""

import argparse
import logging
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from backend.clients import zibal as zibal_client
from backend.db.migrate import upgrade
from backend.payments import start_service
from backend.sandbox.postgres import PostgresServer, data_home
from backend.sandbox.processes import delete_at_end, keep
from backend.sandbox.zibal.server import running
from tests.conftest import forget_caches
from tests.soak.machine import CEILING_RIAL, FLOOR_RIAL, PREPARED, PaymentHistories
from tests.soak.world import World

CHUNK = 250


def main() -> int:
    """Share the histories out among processes, each with a world of its own; the exit code is the worst of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=12, help="of one history, after the first invoices")
    parser.add_argument("--seed", type=int, help="of the first chunk; random unless given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument(
        "--every", type=int, default=1, help="distance from the seed of one chunk to the next"
    )
    options = parser.parse_args()
    options.seed = options.seed if options.seed is not None else secrets.randbelow(10**9)
    if options.jobs <= 1 or options.histories <= CHUNK:
        return soak(options)
    children = [
        keep(
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.soak", "--jobs", "1", "--steps", str(options.steps)),
                    *("--seed", str(options.seed + number), "--every", str(options.jobs)),
                    *("--histories", str(share(options.histories, options.jobs, number))),
                ]
            )
        )
        for number in range(options.jobs)
    ]
    worst = max(abs(child.wait()) for child in children)
    if worst == 0:
        print(f"✓ {options.histories} histories in {options.jobs} processes; first seed {options.seed}")
    return worst


def share(histories: int, jobs: int, number: int) -> int:
    """How many of the histories are the n-th process's."""
    return histories // jobs + (number < histories % jobs)


def soak(options: argparse.Namespace) -> int:
    """Run chunks of histories, each with a seed of its own, until enough have passed or one failed."""
    started = time.monotonic()
    logging.disable(logging.CRITICAL)  # histories are made of trouble, and each would be told
    with world() as shared:
        PaymentHistories.world = shared
        number = options.seed
        while shared.histories < options.histories:
            wanted = min(CHUNK, options.histories - shared.histories)
            try:
                run(number, wanted, options.steps)
            except BaseException:
                print(f"✗ seed {number}: python -m tests.soak --seed {number} --histories {wanted}")
                raise
            minutes = (time.monotonic() - started) / 60
            print(f"· {shared.histories} histories, seed {number} passed, {minutes:.1f} min", flush=True)
            number += options.every
    print(f"✓ {shared.histories} histories; first seed {options.seed}. {dict(shared.seen)}", flush=True)
    return 0


def run(number: int, histories: int, steps: int) -> None:
    """One chunk."""
    machine = seed(number)(type(f"PaymentHistories{number}", (PaymentHistories,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


@contextmanager
def world() -> Iterator[World]:
    """A throwaway PostgreSQL and a stand-in, both of this process."""
    folder = data_home() / f"test-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    delete_at_end(folder)
    server = PostgresServer(folder / "data", durable=False)
    try:
        server.start()
        server.create_database("soak")
        upgrade(server.url("soak"))
        with running() as bank:
            os.environ |= {
                "DATABASE_URL": server.url("soak"),
                "ZIBAL_URL": bank.url,
                "ZIBAL_MIN_RIAL": str(FLOOR_RIAL),
                "ZIBAL_MAX_RIAL": str(CEILING_RIAL),
                "PAYMENT_PREPARED_SESSIONS": str(PREPARED),
            }
            # Patience is for people; a history has none.
            zibal_client._PAUSE_S = 0.001
            start_service.PATIENCE_S = 0.3
            forget_caches()
            shared = World(bank)
            yield shared
            shared.close()
            forget_caches()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
