"""Payments on an invoice: each payment and use of credit, with its time."""

import reflex as rx

from portal.components.basics import card, code_number
from portal.components.listing import list_region
from portal.components.table import TableColumn, data_table
from portal.features.invoices.detail_state import InvoiceState
from portal.i18n import t
from portal.typed import is_filled


def movements() -> rx.Component:
    """The money that came to the invoice and left it again; nothing where none did."""
    return rx.cond(
        is_filled(InvoiceState.view.movements),
        card(
            t("payment.movement.heading"),
            list_region(
                t("payment.movement.heading"),
                data_table(
                    InvoiceState.view.movements,
                    [
                        TableColumn(head=t("payment.movement.at"), cell=lambda row: row.at, leads=True),
                        TableColumn(head=t("payment.movement.kind"), cell=lambda row: row.kind),
                        TableColumn(
                            head=t("page.invoices.amount"),
                            cell=lambda row: rx.el.bdi(row.amount, dir="ltr"),
                            is_number=True,
                        ),
                        TableColumn(
                            head=t("payment.track_id"),
                            cell=lambda row: code_number(row.track_id),
                            is_wide=True,
                            opens=True,
                        ),
                    ],
                    caption=t("payment.movement.heading"),
                    key=lambda row: row.key,
                    name=lambda row: row.at,
                ),
                pager=InvoiceState.view.movements_pager,
                element_id="list-of-movements",
            ),
            flush=True,
            data_testid="movements",
        ),
        rx.fragment(),
    )
