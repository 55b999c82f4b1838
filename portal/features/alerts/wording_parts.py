"""Parts of a wording: the line that says whose words one reads, and a group in these words."""

from typing import cast

import reflex as rx

from portal.components.answer import answered_by
from portal.components.basics import button, link
from portal.components.listing import LIST
from portal.features.alerts.rows import GroupRow, SentenceRow
from portal.features.alerts.wording_rows import WordedLink, WordedSentence, WordingView
from portal.features.alerts.wording_state import WordingState
from portal.i18n import t


def wording_line(wording: WordingView) -> rx.Component:
    """The line that says who worded the summaries, with a button for the other words; empty where no model is asked."""
    line = rx.cond(
        wording.is_worded & WordingState.reads_rules, t("page.alerts.wording.by_rules"), wording.line
    )
    other = rx.cond(
        WordingState.reads_rules, t("page.alerts.wording.show_model"), t("page.alerts.wording.show_rules")
    )
    switch = button(other, kind="small", on_click=WordingState.switch, custom_attrs=answered_by(LIST))
    return rx.cond(
        wording.line != "",
        rx.el.div(
            rx.el.p(line, class_name="muted small"),
            rx.cond(wording.is_worded, switch, rx.fragment()),
            class_name="row wording",
        ),
        rx.fragment(),
    )


def worded_title(group: GroupRow) -> rx.Component:
    """The heading of a group in the chosen words."""
    return rx.el.h2(rx.cond(_is_worded(group), group.worded.title, group.title))


def worded_sentences(group: GroupRow) -> rx.Component:
    """The sentences of a group in the chosen words, each with its alerts, and whose words they are."""
    by_model = rx.fragment(
        rx.el.ul(rx.foreach(group.worded.sentences, _by_model), class_name="said"),
        rx.el.p(t("page.alerts.wording.model"), class_name="muted small"),
    )
    by_rules = rx.el.ul(rx.foreach(group.sentences, _by_rules), class_name="said")
    return rx.cond(_is_worded(group), by_model, by_rules)


def _is_worded(group: GroupRow) -> rx.Var[bool]:
    # A comparison of a var is one; mypy takes it for what it would be of a string.
    has_words = cast("rx.Var[bool]", group.worded.title != "")
    return has_words & ~WordingState.reads_rules


def _by_model(row: WordedSentence) -> rx.Component:
    return rx.el.li(row.sentence, " ", rx.foreach(row.links, _alert))


def _alert(row: WordedLink) -> rx.Component:
    return rx.el.span(link(row.name, row.url, class_name="ltr small"), " ", class_name="about", key=row.url)


def _by_rules(row: SentenceRow) -> rx.Component:
    return rx.el.li(link(row.sentence, row.url))
