"""The page that asks the runbooks: a field, the sentence about what was found, and the passages with their sources."""

import reflex as rx

from portal import routes
from portal.components.answer import answer_region, answered_by
from portal.components.basics import button, card, link, page_head
from portal.components.runbook import runbook_text
from portal.components.status import skeleton
from portal.features.ask.rows import AnswerRow, PassageRow, SourceLink
from portal.features.ask.state import AskState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.typed import is_filled
from runbooks.ask_service import LONGEST_QUESTION

ANSWER = "answer"


@page(routes.ASK, "page.ask.title", STAFF, on_load=[AskState.load, AskState.follow])
def ask() -> rx.Component:
    """The question, and below it what the pages say."""
    return rx.fragment(
        page_head(t("page.ask.heading"), t("page.ask.intro"), link(t("page.ask.all"), routes.RUNBOOKS)),
        _question(),
        live_note(AskState),
        loaded(AskState, _answer(), retry=AskState.load),
    )


def _question() -> rx.Component:
    field = rx.el.div(
        rx.el.label(t("page.ask.question"), html_for="question"),
        rx.el.textarea(
            id="question",
            name="question",
            dir="auto",
            class_name="input",
            rows="2",
            default_value=AskState.view.question,
            key=AskState.restored,
            enter_key_submit=True,
            max_length=LONGEST_QUESTION,
            required=True,
            custom_attrs={"data-missing": t("page.sign_in.missing")},
        ),
        class_name="field grow",
    )
    form = rx.el.form(
        field,
        button(t("page.ask.ask"), kind="primary", type="submit"),
        on_submit=AskState.ask,
        custom_attrs=answered_by(ANSWER),
        class_name="row end",
    )
    return rx.el.div(rx.el.div(form, class_name="card-body form"), class_name="card")


def _answer() -> rx.Component:
    shown = AskState.view
    return answer_region(
        ANSWER,
        shown.question,
        rx.cond(
            shown.question != "",
            rx.el.div(
                rx.cond(shown.said == "", rx.el.div(skeleton(6), class_name="card"), _found()),
                class_name="asked",
            ),
            rx.fragment(),
        ),
    )


def _found() -> rx.Component:
    shown = AskState.view
    return rx.fragment(
        rx.el.p(shown.said, class_name=rx.Var.create(f"note {shown.tone}"), role="status"),
        rx.cond(shown.line != "", _model(), rx.fragment()),
        rx.foreach(shown.rows, _passage),
    )


def _model() -> rx.Component:
    """The sentences of a model with their sources, and whose words they are, or why there are none.

    It has its place before they are there: who reads a passage below must not lose the line.
    """
    shown = AskState.view
    sentences = rx.el.ul(
        rx.foreach(shown.sentences, _sentence), class_name="said passage", dir=shown.direction
    )
    line = rx.el.p(shown.line, class_name="muted small", role="status")
    grey = rx.cond(shown.is_waiting, skeleton(3, shown.line), line)
    return card(
        t("page.ask.answer"),
        rx.el.div(
            rx.cond(is_filled(shown.sentences), rx.fragment(sentences, line), grey),
            class_name=rx.cond(shown.has_place, "answered", ""),
        ),
    )


def _sentence(row: AnswerRow) -> rx.Component:
    return rx.el.li(rx.html(row.html, class_name="runbook"), rx.foreach(row.sources, _source))


def _source(row: SourceLink) -> rx.Component:
    named = rx.cond(row.url != "", link(row.title, row.url), rx.el.bdi(row.title))
    return rx.el.span(named, " ", class_name="about small", key=row.title)


def _passage(row: PassageRow) -> rx.Component:
    title = rx.cond(row.url != "", link(row.title, row.url), rx.el.bdi(row.title))
    return card(
        title,
        rx.el.div(runbook_text(row.html), dir=row.direction, class_name="passage"),
        aside=rx.el.bdi(row.where, class_name="muted small"),
        flush=True,
    )
