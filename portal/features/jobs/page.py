"""The page of jobs for staff; an auditor sees all of it and can do nothing."""

import reflex as rx

from portal import routes
from portal.components.age import age
from portal.components.answer import answer
from portal.components.basics import page_head
from portal.components.isolated import isolated
from portal.components.status import note
from portal.features.jobs.parts import ANSWER, history, jobs_table, pause_dialog
from portal.features.jobs.state import JobsState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.pages import Group


@page(
    routes.JOBS,
    "page.jobs.title",
    STAFF,
    nav="page.jobs.nav",
    group=Group.WATCH,
    order=60,
    on_load=[JobsState.load, JobsState.follow],
)
def jobs() -> rx.Component:
    """The leader, the jobs, the history of the chosen one, and the one open question."""
    return rx.fragment(
        page_head(t("page.jobs.heading"), t("page.jobs.intro")),
        live_note(JobsState),
        loaded(JobsState, _jobs(), lines=8),
        rx.cond(JobsState.asking != "", pause_dialog(), rx.fragment()),
    )


def _jobs() -> rx.Component:
    shown = JobsState.view
    return rx.fragment(
        _leader(),
        rx.cond(shown.paused != "", note(shown.paused, tone="warn"), rx.fragment()),
        answer(ANSWER, (JobsState.done, "ok", "done"), (JobsState.action_problem, "bad", "action-problem")),
        jobs_table(),
        rx.cond(shown.chosen != "", history(), rx.fragment()),
    )


def _leader() -> rx.Component:
    leader = JobsState.view.leader
    seen = rx.el.span(t("page.jobs.seen"), " ", age(leader.seen_s), class_name="muted small")
    there = rx.el.p(
        rx.el.span(isolated(leader.words), class_name="live"),
        " ",
        rx.el.span(leader.standbys, class_name="muted small"),
        data_testid="leader",
    )
    missing = note(
        rx.el.strong(isolated(leader.words)),
        rx.el.p(t("page.jobs.no_leader_what"), " ", rx.cond(leader.seen_s > 0, seen, rx.fragment())),
        tone="bad",
        data_testid="no-leader",
    )
    return rx.cond(leader.is_there, there, missing)
