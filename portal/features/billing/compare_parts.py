"""The view that measures a finished day again."""

import reflex as rx

from portal.components.answer import answer_region, answered_by
from portal.components.basics import button, link
from portal.components.status import note, skeleton
from portal.components.table import TableColumn, data_table
from portal.features.billing.compare_state import CompareState
from portal.i18n import t

COMPARED = "compared"


def compare_view() -> rx.Component:
    """The question for a day, then the answer below it."""
    return rx.fragment(
        rx.el.div(
            rx.el.p(t("page.compare.intro"), class_name="muted"),
            rx.el.form(
                rx.el.div(
                    rx.el.label(t("page.compare.day"), html_for="compared-day"),
                    rx.el.input(
                        id="compared-day",
                        name="compared_day",
                        dir="ltr",
                        class_name="input",
                        max_length=40,
                        auto_complete="off",
                        default_value=CompareState.wanted,
                    ),
                    class_name="field",
                ),
                button(t("page.compare.do"), type="submit", disabled=CompareState.phase == "working"),
                on_submit=CompareState.compare,
                custom_attrs=answered_by(COMPARED),
                class_name="row end",
            ),
            class_name="card-body form",
        ),
        answer_region(
            COMPARED,
            rx.match(CompareState.phase, ("problem", CompareState.problem), ("ready", "ready"), ""),
            rx.match(
                CompareState.phase,
                ("working", skeleton(4, t("page.billing.measuring"))),
                ("problem", rx.el.div(note(CompareState.problem, tone="bad"), class_name="card-body")),
                ("ready", _answer()),
                rx.fragment(),
            ),
        ),
    )


def _answer() -> rx.Component:
    shown = CompareState.compared
    return rx.fragment(
        rx.el.div(
            rx.el.p(rx.el.strong(shown.day)),
            note(shown.sentence, tone=rx.cond(shown.agrees, "ok", "warn")),
            link(t("page.compare.invoices"), shown.url),
            class_name="card-body form",
        ),
        rx.cond(shown.agrees, rx.fragment(), _differences()),
    )


def _differences() -> rx.Component:
    return data_table(
        CompareState.compared.rows,
        [
            TableColumn(head=t("page.billing.tenant"), cell=lambda row: row.company, leads=True),
            TableColumn(head=t("page.compare.what"), cell=lambda row: rx.el.bdi(row.what)),
            TableColumn(
                head=t("page.compare.stored"), cell=lambda row: row.stored, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.compare.measured"), cell=lambda row: row.measured, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.compare.difference"),
                cell=lambda row: rx.el.bdi(row.difference, dir="ltr"),
                is_number=True,
            ),
            TableColumn(
                head=t("page.compare.amount"),
                cell=lambda row: rx.el.bdi(row.amount, dir="ltr"),
                is_number=True,
                opens=True,
            ),
        ],
        caption=t("page.compare.differences"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.company} · {row.what}"),
    )
