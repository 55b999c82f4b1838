"""The page of one run: where it stands, its plan with what it waits for, its steps, and what came of it."""

import reflex as rx

from portal import routes
from portal.components.age import age
from portal.components.answer import answer
from portal.components.basics import PlainLink, badge, card, fact_if, link, page_head
from portal.components.live_log import live_log
from portal.components.runs import step_list
from portal.components.status import note, skeleton
from portal.features.runbooks.run_parts import ANSWER, buttons, decision, decline_dialog, plan_card
from portal.features.runbooks.run_rows import RunLink, ValueRow
from portal.features.runbooks.run_state import RunPageState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.typed import is_filled


@page(routes.RUN, "page.run.title", STAFF, on_load=[RunPageState.load, RunPageState.follow])
def run() -> rx.Component:
    """A run, which keeps itself up to date."""
    return rx.fragment(
        live_note(RunPageState),
        loaded(RunPageState, _run(), lines=12),
        rx.cond(RunPageState.is_declining, decline_dialog(), rx.fragment()),
    )


def _run() -> rx.Component:
    shown = RunPageState.view
    return rx.fragment(
        page_head(shown.title, aside=rx.el.div(badge(shown.risk, shown.risk_tone), class_name="row")),
        rx.el.p(
            link(t("page.run.all"), routes.RUNS),
            " · ",
            link(t("page.run.action"), routes.RUNBOOKS + "/run/" + shown.action),
            class_name="small muted",
        ),
        _standing(),
        # A plan that comes by itself must push nothing away that somebody reads: what follows it waits for it.
        rx.cond(shown.stage == "planning", rx.el.div(skeleton(12), class_name="card"), _course()),
    )


def _course() -> rx.Component:
    shown = RunPageState.view
    return rx.fragment(
        _result(),
        rx.cond(shown.plan.key != "", plan_card(), rx.fragment()),
        decision(),
        _steps(),
        rx.cond(shown.log_url != "", _log(), rx.fragment()),
        _facts(),
    )


def _standing() -> rx.Component:
    shown = RunPageState.view
    until = rx.el.p(
        t("page.run.until"), " ", shown.until, " (", age(shown.until_s), ")", class_name="small muted"
    )
    return rx.el.section(
        rx.el.div(
            badge(shown.state, shown.tone), rx.el.strong(shown.explains), class_name="row", role="status"
        ),
        rx.cond(
            shown.outcome != "",
            rx.el.p(shown.outcome, class_name="outside", data_testid="outcome"),
            rx.fragment(),
        ),
        rx.cond(shown.until != "", until, rx.fragment()),
        rx.cond(
            shown.choices.why_not != "",
            rx.el.p(shown.choices.why_not, class_name="muted", data_testid="why-not"),
            rx.fragment(),
        ),
        answer(ANSWER, (RunPageState.action_problem, "bad", "action-problem")),
        buttons(),
        class_name="card card-body form",
        aria_label=t("page.run.standing"),
        data_testid="standing",
        custom_attrs={"data-stage": shown.stage},
    )


def _result() -> rx.Component:
    shown = RunPageState.view
    changed = rx.cond(
        is_filled(shown.results),
        rx.el.ul(rx.foreach(shown.results, _sentence), class_name="course", data_testid="results"),
        rx.el.p(t("page.run.nothing_changed"), class_name="muted"),
    )
    alert = rx.cond(
        shown.origin != "",
        note(
            rx.el.span(
                t("page.run.began_from"),
                " ",
                link(shown.origin, shown.origin_url),
                class_name="began-from",
            ),
            rx.el.p(shown.origin_said),
            tone=shown.origin_tone,
            data_testid="alert",
        ),
        rx.fragment(),
    )
    result = card(t("page.run.result"), rx.el.div(changed, alert, _related(), class_name="form"))
    waiting = rx.cond(
        shown.origin != "",
        rx.el.p(
            t("page.run.began_from"),
            " ",
            link(shown.origin, shown.origin_url),
            class_name="muted began-from",
        ),
        rx.fragment(),
    )
    return rx.cond(shown.is_ended, result, rx.fragment(waiting, _related()))


def _related() -> rx.Component:
    return rx.cond(
        is_filled(RunPageState.view.related),
        rx.el.ul(rx.foreach(RunPageState.view.related, _link), class_name="course"),
        rx.fragment(),
    )


def _link(each: RunLink) -> rx.Component:
    return rx.el.li(link(each.sentence, each.url))


def _sentence(sentence: str) -> rx.Component:
    return rx.el.li(sentence, class_name="outside")


def _steps() -> rx.Component:
    return card(t("page.run.steps"), step_list(RunPageState.view.steps), data_testid="steps")


def _log() -> rx.Component:
    shown = RunPageState.view
    whole = PlainLink.create(
        t("page.run.download"), href=shown.log_text_url, class_name="btn small", download=True
    )
    lines = live_log(shown.log_url, t("page.run.log"), whole, is_short=True)
    return card(t("page.run.log"), lines, flush=True, data_testid="log")


def _facts() -> rx.Component:
    shown = RunPageState.view
    return card(
        t("page.run.facts"),
        rx.el.dl(
            rx.foreach(shown.parameters, _value),
            rx.el.div(rx.el.dt(t("page.run.targets")), rx.el.dd(rx.foreach(shown.targets, rx.el.div))),
            rx.el.div(rx.el.dt(t("page.run.asked")), rx.el.dd(shown.asked)),
            fact_if(shown.approved != "", t("page.run.approved"), shown.approved),
            fact_if(shown.cancelled != "", t("page.run.cancelled"), shown.cancelled),
            fact_if(
                shown.began != "", t("page.run.began"), rx.fragment(shown.began, " ", age(shown.began_s))
            ),
            fact_if(shown.took != "", t("page.run.took"), shown.took),
            fact_if(shown.undo_until != "", t("page.run.undo_until"), shown.undo_until),
            class_name="facts",
        ),
    )


def _value(row: ValueRow) -> rx.Component:
    return rx.el.div(
        rx.el.dt(row.name), rx.el.dd(rx.el.bdi(row.value, class_name="given"), class_name="outside")
    )
