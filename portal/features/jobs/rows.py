"""From the standing of jobs to what the page shows: preformatted strings in the reader's language."""

from dataclasses import dataclass, field
from datetime import datetime

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.job_runs import rules
from backend.job_runs.types import (
    LAUNCHING,
    JobPause,
    JobRun,
    JobStanding,
    JobState,
    RequestState,
    SchedulerProcess,
    SchedulerStanding,
)
from portal.components.isolated import TextPart, parts_of
from portal.job_words import job_name, job_purpose, outcome_words, schedule_words
from portal.place import Pager

_FREQUENT_S = 30
TONES = {JobState.RUNNING: "info", JobState.FINISHED: "ok", JobState.FAILED: "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunLine:
    """A run on record. ``started_s`` is its start in whole seconds, for its age."""

    key: str = ""
    started: str = ""
    started_s: int = 0
    duration: str = "—"
    state: str = ""
    tone: str = ""
    outcome: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job. ``request`` says what came of the run that somebody asked for last; empty when nobody did lately."""

    key: str
    name: str
    purpose: str
    schedules: list[str]
    url: str
    next_run: str
    next_s: int
    last_start: str
    last_start_s: int
    last_duration: str
    run: JobRunLine
    has_run: bool
    is_paused: bool
    can_be_paused: bool
    pause: str
    pause_reason: str
    paused_s: int
    request: str
    request_tone: str
    is_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderRow:
    """The leader. Without one ``seen_s`` is when one was last seen, or zero."""

    is_there: bool = False
    words: list[TextPart] = field(default_factory=list)
    standbys: str = ""
    seen_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsView:
    """The page: who leads, the jobs, and the history of the chosen one."""

    leader: LeaderRow = LeaderRow()
    jobs: list[JobRow] = field(default_factory=list)
    paused: str = ""
    chosen: str = ""
    chosen_name: str = ""
    runs: list[JobRunLine] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)


def to_leader(standing: SchedulerStanding, lang: Lang) -> LeaderRow:
    """The leader and the standbys, or that nobody leads."""
    leader, count = standing.leader, len(standing.standbys)
    standbys = text("page.jobs.standbys", lang, n=fmt.number(count, lang)) if count else ""
    if leader is None:
        return LeaderRow(
            words=parts_of(text("page.jobs.no_leader", lang)),
            standbys=standbys,
            seen_s=seconds(standing.last_leader_seen_at),
        )
    return LeaderRow(
        is_there=True,
        words=parts_of(_process(leader, lang)),
        standbys=standbys,
        seen_s=seconds(leader.seen_at),
    )


def to_job(job: JobStanding, standing: SchedulerStanding, url: str, now: datetime, lang: Lang) -> JobRow:
    """A line of a job."""
    fired = max((each for each in job.schedules if each.fired_at), key=_fired_at, default=None)
    coming = [each.next_run_at for each in job.schedules if each.next_run_at and not job.pause]
    next_run_at = min(coming, default=None)
    request, tone, is_asked = _request(job, standing, now, lang)
    return JobRow(
        key=job.job,
        name=job_name(job.job, lang),
        purpose=job_purpose(job.job, lang),
        schedules=[schedule_words(each.schedule, lang) for each in job.schedules],
        url=url,
        next_run=_short(next_run_at, lang),
        next_s=0 if _is_frequent(job) else seconds(next_run_at),
        last_start=_short(fired.fired_at if fired else None, lang),
        last_start_s=seconds(fired.fired_at if fired else None),
        last_duration=fmt.duration(fired.duration_s, lang) if fired and fired.duration_s is not None else "—",
        run=to_run(job.last_run, lang) if job.last_run else JobRunLine(),
        has_run=job.last_run is not None,
        is_paused=job.pause is not None,
        can_be_paused=job.job != LAUNCHING,
        pause=_pause(job.pause, lang),
        pause_reason=job.pause.reason if job.pause else "",
        paused_s=seconds(job.pause.paused_at if job.pause else None),
        request=request,
        request_tone=tone,
        is_asked=is_asked,
    )


def to_run(run: JobRun, lang: Lang) -> JobRunLine:
    """A line of a run."""
    took = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    return JobRunLine(
        key=str(run.id),
        started=fmt.moment(run.started_at, lang),
        started_s=seconds(run.started_at),
        duration="—" if took is None else fmt.duration(took, lang),
        state=text(f"job.state.{run.state}", lang),
        tone=TONES[run.state],
        outcome="" if run.state == JobState.RUNNING else outcome_words(run.outcome, lang),
        by=started_by(run.started_by, lang),
    )


def started_by(name: str, lang: Lang) -> str:
    """A schedule and a command line by their names in the catalogue, people by their address."""
    key = f"job.by.{name}"
    return text(key, lang) if has(key) else name


def seconds(at: datetime | None) -> int:
    """Whole seconds since 1970; zero where there is no instant."""
    return int(at.timestamp()) if at else 0


def _is_frequent(job: JobStanding) -> bool:
    """Whether its next start is over before it is read."""
    return any(0 < (each.schedule.every_s or 0) <= _FREQUENT_S for each in job.schedules)


def _fired_at(each: object) -> datetime:
    at = getattr(each, "fired_at", None)
    assert isinstance(at, datetime)
    return at


def _short(at: datetime | None, lang: Lang) -> str:
    return "—" if at is None else fmt.moment(at, lang)


def _process(process: SchedulerProcess, lang: Lang) -> str:
    name = fmt.code(f"{process.host} · {process.pid}", lang)
    return text("page.jobs.leads", lang, process=name, since=fmt.moment(process.started_at, lang))


def _pause(pause: JobPause | None, lang: Lang) -> str:
    if pause is None:
        return ""
    return text("page.jobs.paused_by", lang, who=pause.paused_by, at=fmt.moment(pause.paused_at, lang))


def _request(
    job: JobStanding, standing: SchedulerStanding, now: datetime, lang: Lang
) -> tuple[str, str, bool]:
    """Result of the newest request: its words, their tone, and whether it is still open."""
    request, run = job.request, job.requested_run
    if request is None:
        return "", "", False
    who = request.asked_by
    match rules.request_state(request, now):
        case RequestState.WAITING:
            key = "page.jobs.request_waits" if standing.leader else "page.jobs.request_unheard"
            return text(key, lang, who=who), "info" if standing.leader else "bad", True
        case RequestState.RUNNING:
            return text("page.jobs.request_runs", lang, who=who), "info", True
        case RequestState.LAPSED if not rules.is_old_news(request, now):
            return text("page.jobs.request_lapsed", lang, who=who), "bad", False
        case RequestState.ENDED if run is not None and not rules.is_old_news(request, now):
            words = text(
                "page.jobs.request_done",
                lang,
                who=who,
                state=text(f"job.state.{run.state}", lang),
                outcome=outcome_words(run.outcome, lang),
            )
            return words, TONES[run.state], False
        case _:
            return "", "", False
