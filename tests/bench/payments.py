"""Our own part of a payment's start and return: everything but the wait for the gateway's answers.

A durable PostgreSQL and the stand-in in a process of its own; payments one after the other, and 50 at once.
"""

import argparse
import os
import shutil
import statistics
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from backend.clients import zibal as zibal_client
from backend.db.migrate import upgrade
from backend.payments import service
from backend.payments.types import HandOff, ReturnOutcome
from backend.sandbox.postgres import PostgresServer, data_home
from backend.sandbox.processes import Child, Command, delete_at_end, free_port, wait_until
from backend.sandbox.tools import LOCAL
from backend.sandbox.zibal.driver import Driver
from tests.bench.figures import Figures, say, say_table
from tests.conftest import forget_caches
from tests.integration.payments.payer import Payer, callback_of, status_of, track_of

ONE_BY_ONE = 200
AT_ONCE = 50
WARM_UP = 10


def measure(asked: argparse.Namespace) -> Figures:
    """Both ways, with what each payment cost us; says whether any payment was lost."""
    say(f"\nPayments: {ONE_BY_ONE} one by one, {AT_ONCE} at once, {asked.rounds} rounds, the best counts")
    with ground() as bank, _waiting() as waited:
        _round(bank, waited, WARM_UP, 1)
        rows = [
            min((_round(bank, waited, count, threads) for _ in range(asked.rounds)), key=_sum_of_p95)
            for count, threads in ((ONE_BY_ONE, 1), (AT_ONCE, AT_ONCE))
        ]
    say_table(rows)
    return {
        f"payments_{row['threads']}_at_once": {
            name.replace(" ", "_"): value for name, value in row.items() if name != "threads"
        }
        for row in rows
    }


def _round(bank: Driver, waited: threading.local, count: int, threads: int) -> dict[str, Any]:
    payers = [Payer(bank) for _ in range(count)]
    invoices = [payer.invoice() for payer in payers]
    own: dict[str, list[float]] = {"start": [], "return": []}

    def timed(what: str, act: Callable[[], Any]) -> Any:
        waited.seconds = 0.0
        began = perf_counter()
        result = act()
        own[what].append(perf_counter() - began - waited.seconds)
        return result

    def pay(number: int) -> None:
        payer = payers[number]
        hand_off: HandOff = timed("start", lambda: payer.start(invoices[number]))
        payer.pay(hand_off)
        parameters = callback_of(bank, track_of(hand_off))
        back = timed("return", lambda: service.callback(None, parameters))
        assert back.outcome == ReturnOutcome.PAID

    with ThreadPoolExecutor(threads) as browsers:
        list(browsers.map(pay, range(count)))
    lost = sum(status_of(invoice) != "paid" for invoice in invoices)
    assert lost == 0, f"{lost} payments were lost"
    return {
        "threads": threads,
        "payments": count,
        "lost": lost,
        **{f"{what} p50 ms": 1000 * statistics.median(own[what]) for what in own},
        **{f"{what} p95 ms": 1000 * statistics.quantiles(own[what], n=20)[-1] for what in own},
    }


def _sum_of_p95(row: dict[str, Any]) -> float:
    return float(row["start p95 ms"] + row["return p95 ms"])


@contextmanager
def _waiting() -> Iterator[threading.local]:
    """Counts, for each thread, the seconds that the gateway takes to answer."""
    waited = threading.local()
    client = zibal_client.gateway()._http
    ask = client.request

    def timed(*args: Any, **options: Any) -> Any:
        began = perf_counter()
        try:
            return ask(*args, **options)
        finally:
            waited.seconds = getattr(waited, "seconds", 0.0) + perf_counter() - began

    client.request = timed  # type: ignore[method-assign] # a stop-watch, and only in this process
    try:
        yield waited
    finally:
        client.request = ask  # type: ignore[method-assign] # as it was
        zibal_client.gateway().close()


@contextmanager
def ground() -> Iterator[Driver]:
    """A durable PostgreSQL and the gateway's stand-in, which the settings name inside the block."""
    folder = data_home() / f"test-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    delete_at_end(folder)
    postgres = PostgresServer(folder / "data")
    port = free_port()
    bank = Child(
        Command(
            name="zibal",
            argv=[sys.executable, "-m", "backend.sandbox.zibal", "--port", str(port)],
            log_path=Path(LOCAL) / "logs" / "bench-zibal.log",
        )
    )
    try:
        postgres.start()
        postgres.create_database("bench")
        upgrade(postgres.url("bench"))
        os.environ |= {
            "DATABASE_URL": postgres.url("bench"),
            "ZIBAL_URL": f"http://127.0.0.1:{port}",
            "ZIBAL_MERCHANT": "docuchat-live",
        }
        forget_caches()
        with Driver(f"http://127.0.0.1:{port}") as driver:
            wait_until(lambda: _answers(driver), child=bank)
            yield driver
    finally:
        forget_caches()
        bank.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(driver: Driver) -> bool:
    try:
        driver.sessions()
    except httpx.TransportError:
        return False
    return True
