"""Runs under load: twenty that write a thousand lines a second each, and twenty readers; then a long past of logs.

The writers are real processes with the ``LogWriter`` of a run's process and share the machine with the web process,
PostgreSQL and the readers, so on two cores everything waits for everything: the load is among the figures.
"""

import argparse
import asyncio
import calendar
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psutil

from backend.actor import Actor, Role
from backend.runbooks import service as runs
from backend.runbooks.types import NewRun, Plan, Risk, RunbookRun, StepPlan
from backend.sandbox import frontend
from backend.sandbox.postgres import REPOSITORY, data_home
from backend.sandbox.processes import keep
from portal import routes
from portal.guard import HYDRATE
from portal.http.log_streams import MOST_OF_ONE
from tests import factories
from tests.bench import run_store
from tests.bench.figures import Figures, say, say_table
from tests.bench.payments import ground
from tests.integration.portal.processes import WebProcess
from tests.integration.portal.socket import LOADED, RawSocket
from tests.waiting import until

RUNS = READERS = 20
LINES_PER_S = 1_000
WRITE_S = 20.0
FAST_S = 5.0
PAGE_ROUNDS = 40
# Twenty interpreters that start on two cores at once.
START_S = 40.0
RUNNER = Actor.process_named("runbooks")
_NUMBER = re.compile(r"line (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A web process, an operator, and cookies of enough people for all streams."""

    web: WebProcess
    operator: Actor
    cookies: Sequence[str]

    def cpu_s(self) -> float:
        """CPU time of the web process so far."""
        process = psutil.Process(self.web.child.pid)
        times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def new_run(self) -> RunbookRun:
        """A run that is at work, as far as the database knows."""
        key = uuid4().hex
        asked = NewRun(
            action="pause_job",
            parameters={"job": "send_mail", "reason": "bench"},
            risk=Risk.SAFE,
            targets=(f"job:{key}",),
            steps=(StepPlan(name="pause", is_cancellable=True, is_repeatable=True),),
            deadline_s=3_600,
            request_key=key,
        )
        run = runs.ask(self.operator, asked)
        taken = runs.take_up(RUNNER, run.id, "bench:1:1")
        assert taken is not None
        planned = runs.store_plan(RUNNER, taken, Plan())
        runs.confirm(self.operator, run.id, planned.plan_hash)
        at_work = runs.take_up(RUNNER, run.id, "bench:1:1")
        assert at_work is not None
        return at_work


@dataclass(slots=True)
class Reader:
    """The lines that one stream got, in their order, and how late they came."""

    run: RunbookRun
    numbers: list[int] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)

    def lost(self, written: int) -> int:
        """Lines that were written and did not come."""
        return written - len(set(self.numbers))

    @property
    def twice(self) -> int:
        """Lines that came again."""
        return len(self.numbers) - len(set(self.numbers))


def measure(asked: argparse.Namespace) -> Figures:
    """Measure once; prints as it goes."""
    del asked
    say(f"\nRuns: {RUNS} at {LINES_PER_S} lines a second each, {READERS} readers, one web process")
    frontend.build("e2e")
    figures = _told({"runs_redaction": run_store.redaction_mb_per_s()})
    with ground(), _scene() as scene:
        figures |= _told({"runs_log_writer_alone": _writer_alone(scene)})
        figures |= _told({"runs_page_quiet": _pages(scene, scene.new_run())})
        figures |= _told({"runs_each_with_a_reader": _watched(scene, RUNS)})
        figures |= _told({"runs_one_with_all_readers": _watched(scene, 1)})
        figures |= _told({"runs_stored_lines": _stored(scene)})
        figures |= _told({"audit_verified": run_store.verify_a_million(os.environ["DATABASE_URL"])})
    return figures


def _told(figures: Figures) -> Figures:
    for name, figure in figures.items():
        say("\n" + name.replace("_", " "))
        say_table([{key.replace("_", " "): value for key, value in figure.items()}])
    return figures


@contextmanager
def _scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="runs-", dir=data_home()) as name:
        web = WebProcess(Path(name), os.environ["DATABASE_URL"])
        try:
            until(web.is_ready)
            people = [factories.user(Role.OPERATOR) for _ in range(-(-READERS // MOST_OF_ONE) + 1)]
            cookies = [f"portal={factories.signed_in(person).token}; lang=fa" for person in people]
            yield Scene(web=web, operator=people[0].actor, cookies=cookies)
        finally:
            web.child.stop()


def _writer(
    run: RunbookRun, lines_per_s: int, seconds: float, start_at: float = 0.0
) -> "subprocess.Popen[str]":
    given = [str(run.id), str(lines_per_s), str(seconds), str(start_at)]
    argv = [sys.executable, "-m", "tests.bench.run_writer", *given]
    return keep(subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True))


def _ended(writer: "subprocess.Popen[str]") -> dict[str, float]:
    answer, _ = writer.communicate()
    told: dict[str, float] = json.loads(answer)
    return told


def _writer_alone(scene: Scene) -> dict[str, object]:
    told = _ended(_writer(scene.new_run(), 0, FAST_S))
    return {
        "lines_per_s": round(told["lines"] / told["took_s"]),
        "cpu_percent_of_a_core": round(100 * told["cpu_s"] / told["took_s"], 1),
        "cpu_us_per_line": round(1e6 * told["cpu_s"] / told["lines"], 1),
    }


def _watched(scene: Scene, count: int) -> dict[str, object]:
    """Some runs write, all readers read, and somebody opens a run's page again and again."""
    at_work = [scene.new_run() for _ in range(count)]
    readers = [Reader(at_work[number % count]) for number in range(READERS)]
    start_at = time.time() + START_S * count / RUNS
    writers = [_writer(run, LINES_PER_S, WRITE_S, start_at) for run in at_work]
    told, pages = asyncio.run(_read(scene, readers, writers, at_work, start_at))
    took = statistics.mean(each["took_s"] for each in told)
    written = {run.id: int(each["lines"]) for run, each in zip(at_work, told, strict=True)}
    late = sorted(each for reader in readers for each in reader.late_ms)
    return {
        "runs": count,
        "readers": READERS,
        "seconds": round(took, 1),
        "lines_written": sum(written.values()),
        "lines_stored": sum(runs.last_line(RUNNER, run.id) for run in at_work),
        "lines_read": sum(len(reader.numbers) for reader in readers),
        "lines_lost": sum(reader.lost(written[reader.run.id]) for reader in readers),
        "lines_twice": sum(reader.twice for reader in readers),
        "late_p50_ms": round(statistics.median(late)),
        "late_p95_ms": round(late[int(len(late) * 0.95)]),
        **pages,
        "writer_cpu_percent_of_a_core": round(100 * sum(each["cpu_s"] for each in told) / took / count, 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


async def _read(
    scene: Scene,
    readers: Sequence[Reader],
    writers: Sequence["subprocess.Popen[str]"],
    at_work: Sequence[RunbookRun],
    start_at: float,
) -> tuple[list[dict[str, float]], dict[str, object]]:
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None)) as browser:
        reading = [
            asyncio.create_task(_follow(browser, scene, reader, scene.cookies[number % len(scene.cookies)]))
            for number, reader in enumerate(readers)
        ]
        await asyncio.sleep(max(0.0, start_at - time.time()))
        cpu, began = scene.cpu_s(), time.monotonic()
        pages = await asyncio.to_thread(_pages, scene, at_work[0])
        cpu_percent = 100 * (scene.cpu_s() - cpu) / (time.monotonic() - began)
        told = await asyncio.gather(*(asyncio.to_thread(_ended, writer) for writer in writers))
        for run in at_work:
            await asyncio.to_thread(runs.succeed, RUNNER, run, ())
        await asyncio.gather(*reading)
    return list(told), {**pages, "web_cpu_percent_of_a_core": round(cpu_percent, 1)}


async def _follow(browser: httpx.AsyncClient, scene: Scene, reader: Reader, cookie: str) -> None:
    """Read a stream until it says that the log is whole."""
    address = scene.web.url + routes.run_log(reader.run.id, reader.run.launch)
    async with browser.stream("GET", address, headers={"cookie": cookie}) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line == "event: end":
                return
            if line.startswith("data: "):
                lines = json.loads(line[6:])["lines"]
                reader.numbers += [int(found[1]) for _, text, _ in lines if (found := _NUMBER.match(text))]
                reader.late_ms.append(_late_ms(lines[-1][0]))


def _late_ms(at: str) -> float:
    whole = time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")
    seconds = calendar.timegm(whole) + float(at[19:-1])
    return (time.time() - seconds) * 1_000


def _pages(scene: Scene, run: RunbookRun, rounds: int = PAGE_ROUNDS) -> dict[str, object]:
    """The time of a run's page: the document, and from the first event of its tab to all of its content."""
    documents, contents = [], []
    with scene.web.client(scene.cookies[-1]) as browser:
        for _ in range(rounds):
            began = time.perf_counter()
            browser.get(routes.run(run.id)).raise_for_status()
            documents.append(1_000 * (time.perf_counter() - began))
            contents.append(_content_ms(scene, run))
            time.sleep(0.2)
    return {
        "page_p50_ms": round(statistics.median(contents)),
        "page_p95_ms": round(statistics.quantiles(contents, n=20)[-1]),
        "document_p95_ms": round(statistics.quantiles(documents, n=20)[-1]),
    }


def _content_ms(scene: Scene, run: RunbookRun) -> float:
    with RawSocket(scene.web.url, cookie=scene.cookies[-1]) as tab:
        began = time.perf_counter()
        tab.send(HYDRATE, path=routes.run(run.id))
        # The tab hears nothing for a second where the machine is busy; it waits on.
        until(lambda: tab.tells(LOADED))
        return 1_000 * (time.perf_counter() - began)


def _stored(scene: Scene) -> dict[str, object]:
    big = scene.new_run()
    stored_s = run_store.store_lines(os.environ["DATABASE_URL"], big)
    runs.succeed(RUNNER, big, ())
    opened = [_opened_at_the_end_ms(scene, big) for _ in range(10)]
    with scene.web.client(scene.cookies[0]) as browser:
        return {
            "lines": run_store.STORED_LINES,
            "stored_s": round(stored_s, 1),
            **_pages(scene, big),
            "log_at_end_p50_ms": round(statistics.median(opened)),
            "log_at_end_max_ms": round(max(opened)),
            **run_store.download(browser, big),
            "load_average": round(os.getloadavg()[0], 1),
        }


def _opened_at_the_end_ms(scene: Scene, run: RunbookRun) -> float:
    """From the question for a log to the last of its lines."""
    last, began = f"line {run_store.BIG_RUN_LINES} ", time.perf_counter()
    with (
        scene.web.client(scene.cookies[0]) as browser,
        browser.stream("GET", routes.run_log(run.id, run.launch)) as answer,
    ):
        for line in answer.iter_lines():
            if last in line:
                break
    return 1_000 * (time.perf_counter() - began)
