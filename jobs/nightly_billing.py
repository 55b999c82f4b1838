"""03:00 Asia/Tehran: bill every closed day that is open, the oldest first."""

from backend.actor import Actor
from backend.errors import Conflict
from backend.invoices import service as invoices
from backend.invoices.types import BillingRun, RunState
from backend.log import get_logger
from jobs.runs import JobError

NAME = "nightly_billing"

log = get_logger(__name__)


def run(actor: Actor) -> str | None:
    """Bill the days that are due, and raise the alarm for days that grew too old to be billed by themselves."""
    raise_alarm(actor)
    return catch_up(actor)


def raise_alarm(actor: Actor) -> None:
    """Raise the alarm for days that grew too old to be billed by themselves, also while the job is paused."""
    for day in invoices.overdue_days(actor):
        log.error("billing.day_overdue", day=day, todo=f"python -m jobs run {NAME} --day {day}")


def catch_up(actor: Actor) -> str | None:
    """Bill the days that are due. Harmless at any time, in any number, however it ends. None while another run does."""
    try:
        runs = invoices.bill_open_days(actor, due_only=True)
    except Conflict:
        log.info("billing.is_running_elsewhere")
        return None
    if runs and runs[-1].state == RunState.FAILED:
        raise JobError(summary(runs))
    return summary(runs)


def summary(runs: list[BillingRun]) -> str:
    """The runs in a few words, for example ``2026-11-22: 10 issued, 1 held``."""
    return "; ".join(map(_in_words, runs))


def _in_words(run: BillingRun) -> str:
    if run.state == RunState.FAILED:
        return f"{run.day}: {run.error}"
    return f"{run.day}: {run.issued} issued, {run.held} held"
