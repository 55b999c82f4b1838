"""Queries of the billing page; each is one call for the bridge."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from backend import clock
from backend.actor import Actor
from backend.days import read_day
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices import service as invoices
from backend.invoices.types import BillingRun, RunState
from backend.job_runs import service as job_runs
from backend.notifications import service as notifications
from backend.usage import service as usage
from portal import routes
from portal.features.billing import rows
from portal.features.billing.rows import DayChoice, HeldRow, PlanRow, RunRow, UnknownRow
from portal.place import PAGE_SIZE, Pager, Place, to_pager

UNKNOWN_DAYS = 60
FIRST = Place(path=routes.BILLING)
ALL_OPEN = "all"
RUNS, HELD, UNKNOWN = "page", "held", "unknown"  # the lists, by their names in the address
SEND_MAIL = "send_mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingView:
    """Everything on the page but a plan and the runs, which are told while one is at work."""

    pager: Pager = field(default_factory=Pager)
    held: list[HeldRow] = field(default_factory=list)
    held_pager: Pager = field(default_factory=Pager)
    unknown: list[UnknownRow] = field(default_factory=list)
    unknown_pager: Pager = field(default_factory=Pager)
    overdue: list[DayChoice] = field(default_factory=list)
    choices: list[DayChoice] = field(default_factory=list)
    open_days: str = ""
    held_count: str = ""
    last_run: str = ""
    mail_problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of billing, with one page of the runs."""

    view: BillingView
    runs: list[RunRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan that was made and not yet run."""

    rows: list[PlanRow]
    plan_hash: str


def overview(actor: Actor, lang: Lang, place: Place = FIRST) -> Overview:
    """The state of billing now, with one page of each list."""
    total = invoices.count_runs(actor)
    place = place.of(RUNS).in_tab("").within(total)
    runs, newest = latest_runs(actor, lang, place), invoices.runs(actor, 1)
    open_days, overdue = invoices.open_days(actor), invoices.overdue_days(actor)
    held, held_count, held_pager = _held(actor, lang, place)
    unknown, unknown_pager = _unknown(actor, lang, place)
    view = BillingView(
        pager=to_pager(place, shown=len(runs), total=total, lang=lang),
        held=held,
        held_pager=held_pager,
        unknown=unknown,
        unknown_pager=unknown_pager,
        overdue=rows.to_choices(overdue, lang),
        choices=rows.to_choices(
            sorted({*open_days, *overdue, *invoices.priced_days(actor)}, reverse=True), lang
        ),
        open_days=fmt.number(len(open_days), lang),
        held_count=fmt.number(held_count, lang),
        last_run=fmt.moment(newest[0].started_at, lang) if newest else "—",
        mail_problem=_mail_problem(actor, lang),
    )
    return Overview(view=view, runs=runs)


def _held(actor: Actor, lang: Lang, place: Place) -> tuple[list[HeldRow], int, Pager]:
    total = invoices.count_held(actor)
    place = place.of(HELD).in_tab("held").within(total)
    found = [rows.to_held(each, lang) for each in invoices.held(actor, PAGE_SIZE, place.first())]
    return found, total, to_pager(place, shown=len(found), total=total, lang=lang)


def _unknown(actor: Actor, lang: Lang, place: Place) -> tuple[list[UnknownRow], Pager]:
    today = clock.billing_day(clock.utc_now())
    since, place = today - timedelta(days=UNKNOWN_DAYS), place.of(UNKNOWN).in_tab("unknown")
    found = usage.unknown_labels(actor, since, today, limit=PAGE_SIZE, offset=place.first())
    if (nearest := place.within(found.total)) != place:
        place = nearest
        found = usage.unknown_labels(actor, since, today, limit=PAGE_SIZE, offset=place.first())
    shown = [rows.to_unknown(each, lang) for each in found.rows]
    return shown, to_pager(place, shown=len(shown), total=found.total, lang=lang)


def _mail_problem(actor: Actor, lang: Lang) -> str:
    """Reason for undelivered invoices, if the last sending failed or the mail server refuses us; else empty."""
    outbox = notifications.state(actor)
    failed = job_runs.standing_failure(actor, SEND_MAIL)
    if outbox.waiting and failed:
        return rows.failure(failed.outcome, lang)
    if not outbox.rejected:
        return ""
    return text(
        "billing.mails_rejected", lang, count=fmt.number(outbox.rejected, lang), reply=outbox.rejection
    )


def latest_runs(actor: Actor, lang: Lang, place: Place) -> list[RunRow]:
    """Only a page of the runs: cheap enough to be asked while one is at work."""
    return [rows.to_run(run, lang) for run in invoices.runs(actor, PAGE_SIZE, place.first())]


def plan(actor: Actor, chosen: str, lang: Lang) -> PlanView:
    """Plan a run of the chosen day. Writes nothing."""
    found = invoices.plan(actor, chosen_day(chosen))
    return PlanView(rows=[rows.to_plan(day, lang) for day in found.days], plan_hash=found.plan_hash)


def run(actor: Actor, chosen: str, plan_hash: str) -> list[BillingRun]:
    """Do what the plan said, if it still says the same."""
    return invoices.bill_open_days(actor, day=chosen_day(chosen), plan_hash=plan_hash)


def summary(done: list[BillingRun], lang: Lang) -> str:
    """A sentence about the results of a run."""
    failed = [each for each in done if each.state is RunState.FAILED]
    if failed:
        return text(
            "billing.done_failed",
            lang,
            day=fmt.day(failed[0].day, lang),
            reason=rows.failure(failed[0].error, lang),
        )
    if not done:
        return text("billing.done_nothing", lang)
    return text(
        "billing.done",
        lang,
        days=fmt.number(len({each.day for each in done}), lang),
        issued=fmt.number(sum(each.issued for each in done), lang),
        held=fmt.number(sum(each.held for each in done), lang),
    )


def chosen_day(chosen: str) -> date | None:
    """The day that a form names, None for all open ones. Raises Invalid for anything else."""
    if chosen == ALL_OPEN:
        return None
    return read_day(chosen)
