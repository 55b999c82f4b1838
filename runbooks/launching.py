"""Starting a process for each run that wants one, and finding out what became of the others.

Called once a second by the leading scheduler. Everything it knows stands in the database, so another scheduler goes on
where this one ended.
"""

from typing import Protocol

from backend import clock
from backend.actor import Actor
from backend.config import settings
from backend.errors import AppError, Conflict, NotFound, Refused
from backend.log import get_logger
from backend.runbooks import rules
from backend.runbooks import service as runs
from backend.runbooks.types import LAUNCHED, RunbookRun, RunStage, Words
from backend.runbooks.words_rules import outcome_of
from runbooks.beside_backups import BesideBackups
from runbooks.kubernetes_jobs import KubernetesJobs
from runbooks.launching_types import Fate, FoundProcess
from runbooks.local_processes import LocalProcesses

log = get_logger(__name__)


class Launcher(Protocol):
    """The source of runs' processes."""

    def start(self, run: RunbookRun) -> str:
        """Start a process for a run, and name it. A second start of the same run adopts the first.

        Raises:
            Refused: none can be started, for good.
            AppError: not now.
        """

    def find(self, run: RunbookRun) -> FoundProcess:
        """The fate of a run's process."""

    def end(self, run: RunbookRun, *, by_force: bool) -> None:
        """Tell a run's process to end, or end it by force. Idempotent."""


def launcher() -> Launcher:
    """The launcher that ``RUNNER_LAUNCHER`` names. Raises Refused where it cannot work."""
    if settings().runner_launcher != "job":
        return LocalProcesses()
    jobs = KubernetesJobs()
    # A volume of backups is in the namespace of this process alone.
    if settings().backup_dir and not jobs.gives_backups:
        return BesideBackups(jobs, LocalProcesses())
    return jobs


def supervise(actor: Actor, at: Launcher) -> int:
    """Start what waits, end what is cancelled or late, and tell what died; how many processes were started.

    For processes. A run that makes trouble does not keep the others from theirs.
    """
    started = 0
    for run in runs.watched(actor):
        try:
            if run.state in LAUNCHED and run.launched_at is None:
                started += _start(actor, at, run)
            else:
                _look_after(actor, at, run)
        except (Conflict, NotFound):
            continue  # it ended meanwhile
        except AppError as trouble:
            log.warning("run.not_supervised", run=run.id, cause=str(trouble))
        except Exception as wrong:  # a bug with one run must not leave the others unattended
            log.exception("run.supervision_failed", caught=wrong, run=run.id)
    runs.expire(actor)
    return started


def _start(actor: Actor, at: Launcher, run: RunbookRun) -> int:
    if not runs.claim(actor, run.id):
        return 0
    try:
        process = at.start(run)
    except Refused as refused:
        words = Words(
            key="runbooks.outcome.not_started", values={"words": str(refused.data.get("words", ""))}
        )
        runs.refuse(actor, run.id, outcome_of(refused) if "words" not in refused.data else words)
        return 0
    except AppError as trouble:
        log.warning("run.not_started", run=run.id, cause=str(trouble))
        if clock.utc_now() - (run.confirmed_at or run.requested_at) > rules.START_HOLDS:
            runs.refuse(actor, run.id, outcome_of(trouble))
        else:
            runs.unclaim(actor, run.id)
        return 0
    except Exception as wrong:  # a bug would meet the run again every few seconds, for ever
        log.exception("run.start_failed", caught=wrong, run=run.id)
        runs.refuse(actor, run.id, Words(key="runbooks.outcome.crashed"))
        return 0
    runs.note_process(actor, run.id, process)
    log.info("run.launched", run=run.id, action=run.action, process=process)
    return 1


def _look_after(actor: Actor, at: Launcher, run: RunbookRun) -> None:
    now = runs.now(actor)
    if not run.process:
        # The scheduler that was about to start it died in between.
        if rules.is_silent(run, now, rules.SILENT_AFTER):
            runs.unclaim(actor, run.id)
        return
    found = at.find(run)
    if found.fate is Fate.GONE:
        runs.note_gone(actor, run, found.why or Words(key="runbooks.outcome.process_gone"))
    elif found.fate is Fate.REFUSED:
        assert found.why is not None
        at.end(run, by_force=True)
        runs.refuse(actor, run.id, found.why)
    elif found.fate is Fate.UNKNOWN:
        if rules.is_silent(run, now, rules.UNSEEN_AFTER):
            runs.note_gone(actor, run, Words(key="runbooks.outcome.process_unseen"))
    else:
        _end_if_due(actor, at, run)


def _end_if_due(actor: Actor, at: Launcher, run: RunbookRun) -> None:
    now = runs.now(actor)
    if run.heartbeat_at is None and rules.is_silent(run, now, rules.START_HOLDS):
        at.end(run, by_force=True)
        runs.refuse(actor, run.id, Words(key="runbooks.outcome.start_late"))
    elif rules.is_late(run, now):
        # Ended while it puts something back, it would leave half of both.
        if not runs.is_mending(actor, run.id):
            at.end(run, by_force=True)
    elif run.state is RunStage.CANCELLING and run.cancel_asked_at is not None:
        waited = now - run.cancel_asked_at
        if run.stopped_at is None and waited > rules.CANCEL_GRACE and runs.may_be_killed(actor, run):
            at.end(run, by_force=waited > rules.CANCEL_GRACE + rules.END_GRACE)
