"""The scan of a closed day: what it costs Prometheus, at once and in its share of the time.

Every series has a sample every minute of the whole day and of the hours before it, so every sample is looked at.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from backend.actor import Actor
from backend.db.migrate import upgrade
from backend.sandbox.postgres import REPOSITORY, PostgresServer, data_home
from backend.sandbox.processes import delete_at_end
from backend.sandbox.tools import LOCAL
from backend.usage import scan_service
from tests.bench import minutes
from tests.bench.figures import Figures, say, say_table
from tests.past import PastPrometheus

EDITION = 2
SCALES = (1_000, 10_000)
DAY = date(2025, 6, 1)
SHARES = {"at once": "1", "a quarter": "0.25"}


def measure(asked: argparse.Namespace) -> Figures:
    """Measure every scale; prints as it goes."""
    say("Scan of a closed day: 4 series for each tenant, a sample every 60 s")
    figures: Figures = {}
    rows = []
    for scale in asked.scale or SCALES:
        with _ground(scale) as (prometheus, postgres):
            for name, share in SHARES.items():
                figure = _scan(prometheus, postgres, share)
                figures[f"scan_{scale}_{name.replace(' ', '_')}"] = figure
                rows.append({"tenants": scale, "share": name, **figure})
    say_table(rows)
    return figures


def _scan(prometheus: PastPrometheus, postgres: PostgresServer, share: str) -> dict[str, Any]:
    """One scan by a process of its own, beside a Prometheus that has just started."""
    prometheus.start()
    database = f"scan_{share.replace('.', '_')}"
    postgres.create_database(database, template="blank")
    server = psutil.Process(prometheus.pid)
    before = server.cpu_times()
    env = os.environ | {
        "DATABASE_URL": postgres.url(database),
        "PROMETHEUS_URL": prometheus.url,
        "ENVIRONMENT": "development",
        "USAGE_SCAN_SHARE": share,
    }
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench.scan"],
        env=env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise SystemExit(f"the scan failed:\n{run.stderr[-3000:]}")
    after = server.cpu_times()
    peak_mb = _peak_mb(prometheus.pid)
    prometheus.stop()
    postgres.drop_database(database)
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    cpu_s = after.user + after.system - before.user - before.system
    return {
        **told,
        "cpu_seconds": round(cpu_s, 2),
        "share_of_a_core": round(cpu_s / told["seconds"], 2),
        "prometheus_peak_mb": peak_mb,
    }


def _peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


@contextmanager
def _ground(scale: int) -> Iterator[tuple[PastPrometheus, PostgresServer]]:
    home = LOCAL / "bench" / f"scan-{scale}-{EDITION}"
    prometheus = PastPrometheus(home)
    if not (home / "complete").exists():
        say(f"  building the blocks of {scale:,} tenants")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        minutes.write(home, scale, DAY)
        (home / "complete").touch()
    folder = data_home() / f"bench-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    delete_at_end(folder)
    postgres = PostgresServer(folder / "data")
    try:
        postgres.start()
        postgres.create_database("blank")
        upgrade(postgres.url("blank"))
        yield prometheus, postgres
    finally:
        prometheus.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _scan_here() -> None:
    """Scan the day in this process, and print what it came to."""
    began = time.monotonic()
    scan = scan_service.scan_day(Actor.process_named("bench"), DAY)
    told = {
        "seconds": round(time.monotonic() - began, 2),
        "asked_seconds": round(scan.duration_s, 2),
        "parts": scan.parts,
        "series": scan.series,
        "findings": scan.findings,
        "failed": scan.failed,
    }
    print(json.dumps(told))  # noqa: T201 - read by the bench


if __name__ == "__main__":
    _scan_here()
