"""The card of the meters that fell: both figures, and the readings between which they lie."""

import reflex as rx

from portal.components.basics import card
from portal.components.table import TableColumn, data_table
from portal.features.invoices.detail_state import InvoiceState
from portal.i18n import t
from portal.typed import is_filled


def falls() -> rx.Component:
    """Both figures of each meter that fell; nothing where none did."""
    return rx.cond(is_filled(InvoiceState.view.falls), _card(), rx.fragment())


def _card() -> rx.Component:
    return card(
        t("page.invoice.falls"),
        rx.el.div(
            rx.el.p(t("page.invoice.falls_text"), class_name="muted"),
            rx.el.dl(
                rx.foreach(
                    InvoiceState.view.figures,
                    lambda figure: rx.el.div(rx.el.dt(figure.name), rx.el.dd(figure.amount)),
                ),
                class_name="facts",
            ),
            class_name="card-body",
        ),
        data_table(
            InvoiceState.view.falls,
            [
                TableColumn(
                    head=t("page.invoice.meter"),
                    cell=lambda row: rx.el.div(
                        row.meter, rx.el.div(rx.el.code(row.instance), class_name="small")
                    ),
                    leads=True,
                ),
                TableColumn(
                    head=t("page.invoice.fall_times"), cell=lambda row: row.times, is_number=True, opens=True
                ),
                TableColumn(
                    head=t("page.invoice.fall_values"),
                    cell=lambda row: row.span,
                    is_number=True,
                    opens=True,
                ),
                TableColumn(head=t("page.invoice.fall_least"), cell=lambda row: row.least, is_number=True),
                TableColumn(head=t("page.invoice.fall_most"), cell=lambda row: row.most, is_number=True),
            ],
            caption=t("page.invoice.falls"),
            key=lambda row: row.key,
            name=lambda row: rx.Var.create(f"{row.meter} · {row.instance}"),
        ),
        flush=True,
    )
