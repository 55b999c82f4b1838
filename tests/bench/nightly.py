"""The nightly run beside its floor and beside the usual way, on one machine, in one sitting.

The night is a usual one: the day before is stored and billed, so its closings and meters are read and moved on. The day
itself is scanned, as it is hours before the run (``make bench ARGS=scan`` measures that). What is compared, each in a
process of its own, against the same Prometheus and the same durable PostgreSQL:

- the nightly run: ``invoices.service.bill_day``, from the first query to the commit;
- its floor: the very queries that Prometheus logged for it, decoded, and a COPY of the very rows that it
  stored for the day into identical tables, in one transaction, and nothing else;
- the usual way: one ``increase`` query for each tenant by prometheus-api-client, one ORM commit for each invoice.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from backend.clock import day_window
from backend.db.migrate import upgrade
from backend.sandbox.postgres import REPOSITORY, PostgresServer, data_home
from backend.sandbox.processes import delete_at_end
from backend.sandbox.tools import LOCAL
from tests.bench.figures import Figures, say, say_table
from tests.past import PastPrometheus, Sample, Series, counter, every, process, write_blocks

# A change of the data below wants another number: blocks of another one are built again.
EDITION = 2
SCALES = (1_000, 10_000)
DAY = date(2025, 6, 1)
DAY_BEFORE = DAY - timedelta(days=1)
STEP_S = 60.0
INSTANCES = ("docuchat-1", "docuchat-2")
TYPES = ("prompt", "completion")
USUAL_AT_MOST = 10_000
HONESTY = (
    "Data: 2 pods x 2 types = 4 series for each tenant; scrapes every 60 s. Start times exist for two whole days,"
    " counters only around their midnights, so that the blocks are built quickly. Neither the nightly run nor its"
    " floor reads what lies between; the usual way would, so it is flattered."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The servers of one scale and the database that every round begins with."""

    scale: int
    prometheus: PastPrometheus
    postgres: PostgresServer

    def run(self, what: str, database: str, *extra: str, day: date = DAY) -> dict[str, Any]:
        """Run one contestant in a process of its own; returns what it measured."""
        env = os.environ | {
            "DATABASE_URL": self.postgres.url(database),
            "PROMETHEUS_URL": self.prometheus.url,
            "ENVIRONMENT": "development",
        }
        argv = [sys.executable, "-m", "tests.bench.night", what, day.isoformat(), *extra]
        run = subprocess.run(argv, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise SystemExit(f"{what} failed:\n{run.stderr[-3000:]}")
        measured: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
        return measured

    @contextmanager
    def database(self, name: str, template: str = "ground") -> Iterator[str]:
        """A fresh database: with the day before in it, or ``blank`` with nothing but the tenants."""
        self.postgres.create_database(name, template=template)
        try:
            yield name
        finally:
            self.postgres.drop_database(name)


def measure(asked: argparse.Namespace) -> Figures:
    """Measure every scale; prints as it goes."""
    say("Nightly run\n" + HONESTY)
    figures: Figures = {}
    rows = []
    for scale in asked.scale or SCALES:
        with _ground(scale) as ground:
            figure = _contest(ground, asked.rounds)
        figures[f"nightly_{scale}"] = figure
        rows.append({"tenants": scale, **{name: figure[name] for name in SHOWN}})
        say_table(rows[-1:])
    say("")
    say_table(rows)
    _say_growth(figures)
    return figures


SHOWN = (
    "seconds",
    "floor",
    "ratio_floor",
    "usual",
    "ratio_usual",
    "rerun_seconds",
    "rerun_rows_written",
    "memory_mb",
    "invoices",
)


def _contest(ground: Ground, rounds: int) -> dict[str, Any]:
    log = ground.prometheus.query_log
    assert log is not None
    ours, floors = [], []
    with ground.database("model") as model:
        # One night that is not timed gives the queries and the rows of every floor.
        before = log.stat().st_size if log.exists() else 0
        ground.run("nightly", model)
        queries = str(_queries(log, before))
        for number in range(rounds):
            runs = [
                lambda name=f"ours_{number}": ours.append(_in_fresh(ground, name, "ground", "nightly")),
                lambda name=f"floor_{number}": floors.append(
                    _in_fresh(ground, name, "blank", "floor", ground.postgres.url(model), queries)
                ),
            ]
            # Neither always comes second, when the machine is warm.
            for run in runs if number % 2 == 0 else reversed(runs):
                run()
            say(
                f"  round {number + 1}: nightly {ours[-1]['seconds']:.2f} s, floor {floors[-1]['seconds']:.2f} s"
            )
    with ground.database("usual") as database:
        usual = ground.run("usual", database, str(USUAL_AT_MOST))
    _compare_with_truth(ground.scale, {each["tokens"] for each in ours})
    seconds, floor = _middle(ours, "seconds"), _middle(floors, "seconds")
    # A round's two runs see the same moment of the machine, so their ratio is taken first and its median told.
    ratio = median(mine["seconds"] / least["seconds"] for mine, least in zip(ours, floors, strict=True))
    usual_seconds = usual["seconds"] * ground.scale / usual["tenants"]
    if usual["tenants"] < ground.scale:
        say(f"  the usual way was measured for {usual['tenants']:,} tenants and multiplied")
    return {
        "seconds": round(seconds, 3),
        "floor": round(floor, 3),
        "usual": round(usual_seconds, 3),
        "ratio_floor": round(ratio, 3),
        "ratio_usual": round(usual_seconds / seconds, 2),
        "floor_query_seconds": round(_middle(floors, "query_seconds"), 3),
        "floor_copy_seconds": round(_middle(floors, "copy_seconds"), 3),
        "rerun_seconds": round(_middle(ours, "rerun_seconds"), 3),
        "rerun_rows_written": max(each["rerun_rows_written"] for each in ours),
        "memory_mb": round(max(each["memory_mb"] for each in ours), 1),
        "invoices": ours[-1]["invoices"],
        "tokens": ours[-1]["tokens"],
    }


def _compare_with_truth(scale: int, billed: set[int]) -> None:
    """A fast run that bills another sum than was used is worth nothing."""
    true = sum(_used_in_a_day(seed) for *_, seed in _meters(scale))
    if billed != {true}:
        raise SystemExit(f"{true:,} tokens were used and {billed} billed")


def _in_fresh(ground: Ground, name: str, template: str, what: str, *extra: str) -> dict[str, Any]:
    with ground.database(name, template) as database:
        return ground.run(what, database, *extra)


def _middle(measured: list[dict[str, Any]], name: str) -> float:
    """The median of all rounds: one lucky or unlucky round decides nothing."""
    return float(median(each[name] for each in measured))


def _queries(log: Path, offset: int) -> Path:
    """The queries that Prometheus was asked since the offset of its log, as a file for the floor."""
    with log.open() as file:
        file.seek(offset)
        entries = [json.loads(line)["params"] for line in file]
    asked = [{"query": each["query"], "time": each["end"]} for each in entries]
    target = log.with_name("queries.json")
    target.write_text(json.dumps(asked))
    return target


def _say_growth(figures: Figures) -> None:
    scales = sorted(int(name.removeprefix("nightly_")) for name in figures)
    for small, large in pairwise(scales):
        growth = figures[f"nightly_{large}"]["memory_mb"] / figures[f"nightly_{small}"]["memory_mb"]
        say(f"Memory from {small:,} to {large:,} tenants: x {growth:.2f} for x {large / small:g} tenants")


@contextmanager
def _ground(scale: int) -> Iterator[Ground]:
    home = LOCAL / "bench" / f"nightly-{scale}-{EDITION}"
    prometheus = PastPrometheus(home, query_log=True)
    if not (home / "complete").exists():
        say(f"  building the blocks of {scale:,} tenants")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        write_blocks(prometheus.data_dir, _counters(scale), _processes())
        (home / "complete").touch()
    folder = data_home() / f"bench-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    delete_at_end(folder)
    postgres = PostgresServer(folder / "data")
    try:
        postgres.start()
        postgres.create_database("blank")
        upgrade(postgres.url("blank"))
        prometheus.start()
        ground = Ground(scale=scale, prometheus=prometheus, postgres=postgres)
        ground.run("tenants", "blank", str(scale), day=DAY_BEFORE)
        postgres.create_database("ground", template="blank")
        ground.run("nightly", "ground", day=DAY_BEFORE)
        ground.run("scan", "ground")
        ground.run("vacuum", "ground")
        yield ground
    finally:
        prometheus.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _processes() -> list[Series]:
    first, last = day_window(DAY_BEFORE).start, day_window(DAY).end
    born = first - timedelta(hours=2)
    times = every(STEP_S, born + timedelta(seconds=STEP_S), last + timedelta(minutes=5))
    return [process(instance, born.timestamp(), times) for instance in INSTANCES]


def _counters(scale: int) -> Iterator[Series]:
    midnights = (day_window(DAY_BEFORE).start, day_window(DAY).start, day_window(DAY).end)
    near = [_around(midnight) for midnight in midnights]
    for number, instance, kind, seed in _meters(scale):
        yield counter(label(number), kind, instance, _samples(near, seed))


def _meters(scale: int) -> Iterator[tuple[int, str, str, int]]:
    """Number of the tenant, instance, type, and the seed of what it uses each day."""
    for number in range(scale):
        for index, instance in enumerate(INSTANCES):
            for kind in TYPES:
                yield number, instance, kind, number * 7 + index + len(kind)


def _used_in_a_day(seed: int) -> int:
    return 1 + seed * 7919 % 99_991


def label(number: int) -> str:
    """The label of a tenant by its number."""
    return f"tenant-{number:06d}"


def _around(midnight: datetime) -> list[float]:
    return [midnight.astimezone(UTC).timestamp() + STEP_S * step for step in (-2, -1, 0, 1)]


def _samples(near: list[list[float]], seed: int) -> list[Sample]:
    samples: list[Sample] = []
    reading = 1000 + seed % 977
    for times in near:
        before, after = times[:2], times[2:]
        samples += [(at, reading) for at in before]
        reading += _used_in_a_day(seed)
        samples += [(at, reading) for at in after]
    return samples
