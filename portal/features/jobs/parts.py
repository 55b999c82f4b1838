"""The views of the page of jobs."""

from typing import Any

import reflex as rx

from portal.components.age import age
from portal.components.answer import answered_by
from portal.components.basics import badge, button, card, link
from portal.components.dialog import dialog_id, reason_dialog
from portal.components.listing import list_region
from portal.components.status import empty_state
from portal.components.table import TableColumn, data_table
from portal.features.jobs.rows import JobRow, JobRunLine
from portal.features.jobs.state import JobsState
from portal.i18n import t
from portal.typed import is_filled, sent

ANSWER = "answer-jobs"
PAUSE_TITLE = "pause-title"


def jobs_table() -> rx.Component:
    """Every job: when it runs, how it went, and what one can ask of it."""
    shown = JobsState.view.jobs
    table = data_table(
        shown,
        [
            TableColumn(head=t("page.jobs.job"), cell=_name, leads=True),
            TableColumn(head=t("page.billing.state"), cell=_state),
            TableColumn(head=t("page.jobs.schedule"), cell=_schedules, opens=True, is_wide=True),
            TableColumn(head=t("page.jobs.last"), cell=_last, opens=True, is_wide=True),
            TableColumn(
                head=t("page.jobs.outcome"),
                cell=_outcome,
                opens=True,
                is_wide=True,
                stays=lambda row: row.request != "",
            ),
            TableColumn(
                head=t("page.jobs.next"),
                cell=_next,
                opens=True,
                is_wide=True,
                stays=lambda row: row.is_paused,
            ),
            TableColumn(head="", cell=_actions, opens=True, is_wide=True),
        ],
        caption=t("page.jobs.heading"),
        key=lambda row: row.key,
        name=lambda row: row.name,
    )
    return card(
        t("page.jobs.heading"),
        rx.cond(is_filled(shown), table, empty_state(t("page.jobs.none"), t("page.jobs.none_why"))),
        flush=True,
        data_testid="jobs",
    )


def _name(row: JobRow) -> rx.Component:
    history_link = link(row.name, row.url, custom_attrs={"data-turns": "1"})
    return rx.el.div(history_link, rx.el.p(row.purpose, class_name="small muted more narrow"))


def _schedules(row: JobRow) -> rx.Component:
    return rx.el.div(rx.foreach(row.schedules, rx.el.div))


def _last(row: JobRow) -> rx.Component:
    took = rx.el.div(age(row.last_start_s), " · ", row.last_duration, class_name="small muted num")
    return rx.el.div(
        rx.el.span(row.last_start, class_name="num"),
        rx.cond(_is_known(row.last_start_s), took, rx.fragment()),
    )


def _state(row: JobRow) -> rx.Component:
    # A start that found nothing to do leaves no record.
    silent = rx.cond(_is_known(row.last_start_s), t("job.nothing_to_do"), t("page.jobs.never"))
    last = rx.cond(
        row.has_run, badge(row.run.state, row.run.tone), rx.el.span(silent, class_name="small muted")
    )
    return rx.cond(row.is_paused, badge(t("page.jobs.is_paused"), "warn"), last)


def _outcome(row: JobRow) -> rx.Component:
    run = rx.el.div(
        rx.el.p(row.run.outcome, class_name="small"),
        rx.el.p(age(row.run.started_s), " · ", row.run.by, class_name="small muted"),
    )
    asked = rx.el.p(
        badge(t("page.jobs.request"), row.request_tone), " ", row.request, role="status", class_name="small"
    )
    return rx.el.div(
        rx.cond(row.has_run, run, rx.fragment()), rx.cond(row.request != "", asked, rx.fragment())
    )


def _next(row: JobRow) -> rx.Component:
    paused = rx.el.div(
        rx.el.p(row.pause, class_name="small"),
        rx.el.p(row.pause_reason, class_name="given small", dir="auto"),
    )
    coming = rx.el.div(
        rx.el.span(row.next_run, class_name="num"), rx.el.div(age(row.next_s), class_name="small muted num")
    )
    return rx.cond(row.is_paused, paused, coming)


def _actions(row: JobRow) -> rx.Component:
    run = button(
        t("page.jobs.run_now"),
        kind="small",
        disabled=row.is_asked,
        on_click=sent(JobsState.run_now, row.key),
        custom_attrs=answered_by(ANSWER),
    )
    pause = button(
        t("page.jobs.pause"),
        kind="small",
        on_click=sent(JobsState.ask_pause, row.key),
        custom_attrs=answered_by(dialog_id(PAUSE_TITLE)),
    )
    resume = button(
        t("page.jobs.resume"),
        kind="small",
        on_click=sent(JobsState.resume, row.key),
        custom_attrs=answered_by(ANSWER),
    )
    buttons = rx.el.div(run, _either(row, resume, pause), class_name="row")
    return rx.cond(JobsState.can_act, buttons, rx.fragment())


def _either(row: Any, resume: rx.Component, pause: rx.Component) -> rx.Component:
    return rx.cond(row.is_paused, resume, rx.cond(row.can_be_paused, pause, rx.fragment()))


def _is_known(epoch_s: Any) -> Any:
    return epoch_s > 0


def history() -> rx.Component:
    """The runs of the chosen job, the newest first."""
    shown = JobsState.view
    table = data_table(
        shown.runs,
        [
            TableColumn(head=t("page.billing.started"), cell=_started, leads=True),
            TableColumn(head=t("page.billing.state"), cell=lambda row: badge(row.state, row.tone)),
            TableColumn(head=t("page.jobs.outcome"), cell=lambda row: row.outcome, is_wide=True, opens=True),
            TableColumn(
                head=t("page.billing.duration"), cell=lambda row: row.duration, is_number=True, opens=True
            ),
            TableColumn(head=t("page.payments.by"), cell=lambda row: row.by, opens=True),
        ],
        caption=shown.chosen_name,
        key=lambda row: row.key,
        name=lambda row: row.started,
    )
    title = t("page.jobs.history_of", job=shown.chosen_name)
    return card(
        title,
        rx.cond(
            is_filled(shown.runs),
            list_region(title, table, pager=shown.pager),
            empty_state(t("page.jobs.no_runs"), t("page.jobs.no_runs_why")),
        ),
        flush=True,
    )


def _started(row: JobRunLine) -> rx.Component:
    return rx.el.div(row.started, rx.el.div(age(row.started_s), class_name="small muted"))


def pause_dialog() -> rx.Component:
    """No pause without a written reason; it is shown to everybody until the job is resumed."""
    return reason_dialog(
        t("page.jobs.pause_title", job=JobsState.asking_name),
        rx.el.p(t("page.jobs.pause_text"), class_name="muted"),
        label=t("page.billing.reason"),
        confirm=t("page.jobs.pause"),
        problem=JobsState.pause_problem,
        busy=False,
        on_submit=JobsState.pause,
        on_close=JobsState.close_pause,
        label_id=PAUSE_TITLE,
        answer_at=ANSWER,
    )
