"""``python -m jobs`` schedules; ``python -m jobs run nightly_billing [--day D] [--dry-run]`` does it by hand.

Exit codes: 0 fine, also when there was nothing to do; 1 failed; 2 asked wrongly.
"""

import argparse
import signal
import sys
from collections.abc import Iterable, Sequence
from datetime import date

from backend.actor import Actor
from backend.command_line import day
from backend.config import settings, settings_or_exit, warn_of_development
from backend.days import in_both
from backend.db.start import refuse_unsuitable_database
from backend.errors import AppError, Conflict
from backend.i18n import format as formats
from backend.i18n.errors import sentence_of
from backend.invoices import service as invoices
from backend.invoices.types import BillingPlan, BillingRun, DayPlan, RunState
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState
from backend.log import configure_logging, get_logger
from backend.tracing import spans
from jobs import nightly_billing
from jobs.exposition import WatchedStop, exposed
from jobs.registry import job_named, names
from jobs.runs import execute
from jobs.scheduler import serve

CRASHED = "job.crashed"

log = get_logger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    asked = _parser().parse_args(argv)
    settings_or_exit()
    refuse_unsuitable_database()
    spans.start("jobs")
    try:
        return _do(asked)
    finally:
        spans.stop()


def _do(asked: argparse.Namespace) -> int:
    if asked.command is None:
        return _serve()
    if asked.job != nightly_billing.NAME:
        if asked.day or asked.dry_run:
            print(f"{asked.job} knows no --day and no --dry-run.", file=sys.stderr)
            return 2
        _end_by_signal()
        return 0 if execute(job_named(asked.job), job_runs.COMMAND) else 1
    try:
        return _plan(asked.day) if asked.dry_run else _bill(asked.day)
    except AppError as error:
        print(sentence_of(error), file=sys.stderr)
        return 1
    except Exception:  # the edge of the process: the record has the reason, the log the trace
        log.exception(CRASHED, job=asked.job)
        print(sentence_of(AppError(reference=CRASHED)), file=sys.stderr)
        if not asked.dry_run:
            _record(JobState.FAILED, AppError().reason_key)
        return 1


def _end_by_signal() -> None:
    """Let a run end on record when its process is told to end, or when its terminal goes away."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _exit)


def _exit(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _record(state: JobState, outcome: str) -> None:
    actor = Actor.process_named(nightly_billing.NAME)
    job_runs.record(actor, nightly_billing.NAME, job_runs.COMMAND, state, outcome)


def _serve() -> int:
    warn_of_development()
    stop = WatchedStop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.ask())
    try:
        with exposed(settings(), stop):
            serve(stop)
    except OSError as taken:
        print(f"Setting JOBS_METRICS_PORT: nothing can listen there ({taken.strerror}).", file=sys.stderr)
        return 2
    return 0


def _plan(asked: date | None) -> int:
    plan = invoices.plan(Actor.process_named(nightly_billing.NAME), asked)
    _print_table(
        ("day", "invoices", "tokens", "toman", "held", "unknown labels", "measured"), _plan_rows(plan)
    )
    print(f"Nothing was written. Plan {plan.plan_hash[:12]}.")
    return 0


def _plan_rows(plan: BillingPlan) -> Iterable[tuple[str, ...]]:
    for each in plan.days:
        yield (
            in_both(each.day),
            f"{each.tenants:,}",
            f"{each.tokens:,}",
            formats.toman_bare(each.amount_rial, "en"),
            f"{each.held:,}",
            ", ".join(each.unknown_labels) or "-",
            each.error or _measured(each),
        )


def _measured(planned: DayPlan) -> str:
    if not planned.new:
        return "waited for a price" if planned.has_waited else "before"
    return "now" if planned.is_scanned else "now, not scanned yet"


def _bill(asked: date | None) -> int:
    actor = Actor.process_named(nightly_billing.NAME)
    try:
        runs = invoices.bill_open_days(actor, day=asked)
    except Conflict:
        print("Another run is at work; nothing was done here.")
        return 0
    _print_table(
        ("day", "state", "invoices", "tokens", "toman", "held", "unknown", "seconds"), map(_run_row, runs)
    )
    if not runs:
        print("There was nothing to bill; nothing was written.")
        return 0
    state = JobState.FAILED if runs[-1].state == RunState.FAILED else JobState.FINISHED
    _record(state, nightly_billing.summary(runs))
    return 1 if state == JobState.FAILED else 0


def _run_row(run: BillingRun) -> tuple[str, ...]:
    return (
        in_both(run.day),
        run.error or run.state.value,
        f"{run.issued:,}",
        f"{run.tokens:,}",
        formats.toman_bare(run.amount_rial, "en"),
        f"{run.held:,}",
        f"{run.unknown_labels:,}",
        f"{run.duration_s:.2f}",
    )


def _print_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    table = [head, *rows]
    if len(table) == 1:
        return
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser("run", help="run one job now")
    run.add_argument("job", choices=names())
    run.add_argument("--day", type=day, help="only this Tehran day, such as 2026-11-22 or 1405-09-01")
    run.add_argument("--dry-run", action="store_true", help="print the plan and write nothing")
    return parser


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
