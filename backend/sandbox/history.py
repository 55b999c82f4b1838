"""The past of the demo: counters of two DocuChat processes, written as OpenMetrics and turned into blocks.

The past follows the same law as the live traffic (`companies.expected_tokens`), is the same for the same days, and
begins with processes that were born in sight, so that its first day can be billed.
"""

import json
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from backend.clock import billing_day, day_window
from backend.sandbox.companies import (
    COMPANIES,
    EMBEDDING_MODEL,
    TOKENS_PER_QUESTION,
    Company,
    Flow,
    expected_tokens,
)
from backend.sandbox.processes import SandboxError

INSTANCES = ("docuchat-1", "docuchat-2")
JOB = "docuchat"
NAMESPACE = "docuchat-prod"
CANARY = "docuchat-canary"
CANARY_COMPANY = "caravansara-travel"
BATCH = "docuchat-batch"
BATCH_COMPANY = "alborz-academy"
TROUBLES_FROM_DAYS = 3
SPREAD_FROM = 4.0  # questions per minute

STEP_S = 60
# promtool reads a whole file once for each block in it, so one file is one block. Blocks of 18 hours are a third step
# of Prometheus' own ladder (2, 6, 18 hours): 60 runs of promtool for 45 days, and nothing left to compact.
BLOCK_S = 18 * 3600
RATE_STEP_S = 600
PARALLEL = 2
SHORTEST_GAP_S = 3 * STEP_S

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpan:
    """A process from its start to its end, in seconds since 1970."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The process incarnations of an instance, the tenants that it serves, and the time when it cannot be scraped."""

    name: str
    offset_s: int
    incarnations: tuple[ProcessSpan, ...]
    shares: Mapping[str, float]
    """The part of each company's questions that it answers, by the company's label."""
    unseen: range = range(0)
    falls_at: int | None = None
    """When its counters fall to a third although it goes on working, in seconds since 1970."""


class _Counter:
    """A series of a process incarnation, and the text of its present value."""

    __slots__ = ("cell", "prefix", "value")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.value = 0
        self.cell = f"{prefix}0"

    def add(self, tokens: int) -> None:
        self.value += tokens
        self.cell = f"{self.prefix}{self.value}"


def incarnations(instance: str, start: int, end: int) -> list[ProcessSpan]:
    """The incarnations of an instance in a period: the first starts with it, and each ends after two to six days."""
    dice = random.Random(f"{instance}/{start}")
    found: list[ProcessSpan] = []
    born = start
    while born < end:
        died = min(end, born + dice.randrange(2 * 86400, 6 * 86400))
        found.append(ProcessSpan(start=born, end=died))
        born = died + dice.randrange(5, 40)
    return found


def processes(start: int, end: int, *, with_troubles: bool) -> list[Process]:
    """The processes of a period: two for all companies, and perhaps two in trouble, each for a single one.

    Those lived the day before yesterday. The canary was out of reach for six hours, and the counters of the batch
    process fell at half its time, so the invoices of their companies are held.
    """
    found = [
        Process(
            name=name,
            offset_s=7 + 23 * number,
            incarnations=tuple(incarnations(name, start, end)),
            shares=_shares(number),
        )
        for number, name in enumerate(INSTANCES)
    ]
    if with_troubles:
        day = billing_day(datetime.fromtimestamp(end, UTC)) - timedelta(days=2)
        born = int(day_window(day).start.timestamp()) + 6 * 3600
        span = ProcessSpan(start=born, end=born + 16 * 3600)
        found += [
            Process(
                name=CANARY,
                offset_s=41,
                incarnations=(span,),
                shares={CANARY_COMPANY: 0.1},
                unseen=range(born + 4 * 3600, born + 10 * 3600),
            ),
            Process(
                name=BATCH,
                offset_s=53,
                incarnations=(span,),
                shares={BATCH_COMPANY: 0.1},
                falls_at=born + 8 * 3600,
            ),
        ]
    return found


def _shares(number: int) -> dict[str, float]:
    """The busiest companies are spread over all processes; the others stay with one, to save half the series."""
    busiest = {company.label for company in COMPANIES if company.rhythm.questions_per_minute >= SPREAD_FROM}
    own = {
        company.label: 1.0 for company in COMPANIES[number :: len(INSTANCES)] if company.label not in busiest
    }
    return own | dict.fromkeys(busiest, 1 / len(INSTANCES))


def backfill(
    *, promtool: Path, data_dir: Path, since: date, now: datetime, progress: Progress = lambda _: None
) -> None:
    """Write what Prometheus lacks between the first day and now.

    Prometheus must be stopped and its log folded into blocks. Idempotent: a second call only fills
    the time since the last sample. A killed call leaves no hole behind.
    """
    last = last_sample(data_dir)
    is_first = last is None
    start = last or day_window(since).start.timestamp()
    if now.timestamp() - start < (SHORTEST_GAP_S if last else 0):
        return
    draft = data_dir.with_name(f"{data_dir.name}.backfill")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "blocks").mkdir(parents=True)
    _make_blocks(
        promtool,
        draft,
        period=(int(start) + 1, int(now.timestamp())),
        since=since,
        with_troubles=is_first and (billing_day(now) - since).days >= TROUBLES_FROM_DAYS,
        progress=progress,
    )
    data_dir.mkdir(parents=True, exist_ok=True)
    # Oldest first: after a kill the rest is still later than the last sample, and is filled by the next call.
    for block in sorted((draft / "blocks").iterdir(), key=_block_end):
        block.rename(data_dir / block.name)
    shutil.rmtree(draft)


def last_sample(data_dir: Path) -> float | None:
    """End of the newest block, in seconds since 1970; `None` without any block."""
    ends = [_block_end(meta.parent) for meta in data_dir.glob("*/meta.json")]
    return max(ends) / 1000 if ends else None


def _block_end(block: Path) -> int:
    end: int = json.loads((block / "meta.json").read_text())["maxTime"]
    return end


def _make_blocks(
    promtool: Path,
    draft: Path,
    *,
    period: tuple[int, int],
    since: date,
    with_troubles: bool,
    progress: Progress,
) -> None:
    start, end = period
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        running: list[Future[None]] = []
        for path, reached in _files(draft, period, since, with_troubles=with_troubles):
            running.append(pool.submit(_to_block, promtool, path, draft / "blocks"))
            if len(running) > PARALLEL:
                running.pop(0).result()
            progress((reached - start) / (end - start))
        for future in running:
            future.result()


def _to_block(promtool: Path, path: Path, blocks: Path) -> None:
    duration = f"--max-block-duration={BLOCK_S // 3600}h"
    argv = [
        str(promtool),
        "tsdb",
        "create-blocks-from",
        duration,
        "-q",
        "openmetrics",
        str(path),
        str(blocks),
    ]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise SandboxError(f"promtool refused the history: {(run.stderr or run.stdout)[-500:]}")
    path.unlink()


def _files(
    folder: Path, period: tuple[int, int], since: date, *, with_troubles: bool = False
) -> Iterator[tuple[Path, int]]:
    """An OpenMetrics file for each block, oldest first, with the time that it reaches."""
    start, end = period
    writers = [
        _lines(process, period, since) for process in processes(start, end, with_troubles=with_troubles)
    ]
    for block_start in range(start // BLOCK_S * BLOCK_S, end, BLOCK_S):
        path = folder / f"{block_start}.txt"
        with path.open("w") as file:
            tokens, births = zip(*(next(writer) for writer in writers), strict=True)
            file.write("# TYPE openai_tokens counter\n")
            file.writelines(tokens)
            file.write("# TYPE process_start_time_seconds gauge\n")
            file.writelines(births)
            file.write("# EOF\n")
        yield path, min(end, block_start + BLOCK_S)


def _lines(process: Process, period: tuple[int, int], since: date) -> Iterator[tuple[str, str]]:
    """Of one process, block by block: the lines of its counters and of its start time."""
    start, end = period
    born = f'process_start_time_seconds{{job="{JOB}",instance="{process.name}",namespace="{NAMESPACE}"}} '
    coming = list(process.incarnations)
    incarnation, counters = coming.pop(0), _new_counters(process)
    for block_start in range(start // BLOCK_S * BLOCK_S, end, BLOCK_S):
        tokens: list[str] = []
        births: list[str] = []
        dice = random.Random(f"{process.name}/{block_start}")
        rates: dict[str, dict[Flow, float]] = {}
        for minute in range(block_start, block_start + BLOCK_S, STEP_S):
            at = minute + process.offset_s
            while coming and at >= coming[0].start:
                incarnation, counters = coming.pop(0), _new_counters(process)
            if not incarnation.start < at < min(incarnation.end, end):
                continue
            if process.falls_at is not None and at - STEP_S < process.falls_at <= at:
                for counter in counters.values():
                    counter.add(-counter.value * 2 // 3)
            if minute % RATE_STEP_S == 0 or not rates:
                rates = _rates(process, minute, since)
            if at - incarnation.start > STEP_S:
                _spend(counters, rates, dice)
            if at in process.unseen:
                continue
            moment = f" {at}\n"
            tokens.append(moment.join([counter.cell for counter in counters.values()]) + moment)
            births.append(f"{born}{incarnation.start}{moment}")
        yield "".join(tokens), "".join(births)


def _new_counters(process: Process) -> dict[tuple[str, Flow], _Counter]:
    where = f'job="{JOB}",instance="{process.name}",namespace="{NAMESPACE}"'
    return {
        (company.label, (model, kind)): _Counter(
            f'openai_tokens_total{{{where},tenant="{company.label}",model="{model}",type="{kind}"}} '
        )
        for company in COMPANIES
        if company.label in process.shares
        for model, kind in _flows(company)
    }


def _flows(company: Company) -> list[Flow]:
    noon = datetime(2026, 1, 3, 9, 0, tzinfo=UTC)
    expected = expected_tokens(company, noon, since=noon.date() - timedelta(days=15))
    return [flow for flow, tokens in expected.items() if tokens > 0]


def _rates(process: Process, moment: int, since: date) -> dict[str, dict[Flow, float]]:
    """Questions per minute to this process that each company asks each model."""
    at = datetime.fromtimestamp(moment, UTC)
    return {
        company.label: {
            flow: tokens / TOKENS_PER_QUESTION[flow] * process.shares[company.label]
            for flow, tokens in expected_tokens(company, at, since=since).items()
            if flow[1] == "prompt" and flow[0] != EMBEDDING_MODEL
        }
        for company in COMPANIES
        if company.label in process.shares
    }


def _spend(
    counters: dict[tuple[str, Flow], _Counter], rates: dict[str, dict[Flow, float]], dice: random.Random
) -> None:
    """Add a minute of questions: each chat answer moves its own three counters and the embedding's."""
    roll = dice.random
    for label, questions_of in rates.items():
        for (model, _), rate in questions_of.items():
            questions = int(rate * (0.5 + roll()) + roll())
            if not questions:
                continue
            for flow in (
                (model, "prompt"),
                (model, "cached_prompt"),
                (model, "completion"),
                (EMBEDDING_MODEL, "prompt"),
            ):
                mean = questions * TOKENS_PER_QUESTION[flow]
                counters[label, flow].add(int(mean * (0.7 + 0.6 * roll())))
