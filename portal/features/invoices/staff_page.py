"""Everybody's invoices, for staff: searched by any part, narrowed by status, company and day."""

import reflex as rx

from portal import routes
from portal.components.basics import badge, link, page_head
from portal.components.listing import listing, search_form
from portal.components.table import TableColumn, data_table
from portal.features.invoices.staff_state import AllInvoicesState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.pages import Group
from portal.place import SEARCH, Choice
from portal.typed import is_filled


@page(
    routes.ALL_INVOICES,
    "page.all_invoices.title",
    STAFF,
    nav="page.invoices.nav",
    group=Group.MONEY,
    order=20,
    on_load=[AllInvoicesState.load],
)
def all_invoices() -> rx.Component:
    """Every invoice, the newest day first."""
    shown = AllInvoicesState.view
    return rx.fragment(
        page_head(t("page.all_invoices.heading"), t("page.all_invoices.intro")),
        search_form(
            t("page.all_invoices.search"), name=SEARCH, value=AllInvoicesState.filtered.wanted, others=_kept()
        ),
        rx.cond(
            is_filled(shown.narrowed),
            rx.el.nav(
                rx.foreach(shown.narrowed, _narrowed),
                class_name="row",
                aria_label=t("page.all_invoices.narrowed"),
            ),
            rx.fragment(),
        ),
        loaded(
            AllInvoicesState,
            listing(
                t("page.all_invoices.heading"),
                shown.rows,
                _table(),
                pager=shown.pager,
                choices=shown.choices,
            ),
            lines=10,
        ),
    )


def _kept() -> rx.Component:
    """A search keeps the company, the day and the status."""
    filtered = AllInvoicesState.filtered
    kept = {routes.COMPANY: filtered.company, routes.DAY: filtered.day, routes.STATUS: filtered.status}
    return rx.fragment(*[rx.el.input(type="hidden", name=name, value=value) for name, value in kept.items()])


def _narrowed(choice: Choice) -> rx.Component:
    return rx.el.span(
        badge(choice.title, "info"), " ", link(t("page.all_invoices.widen"), choice.url, class_name="small")
    )


def _table() -> rx.Component:
    return data_table(
        AllInvoicesState.view.rows,
        [
            TableColumn(
                head=t("page.invoices.number"), cell=lambda row: link(row.number, row.url), leads=True
            ),
            TableColumn(head=t("page.billing.tenant"), cell=lambda row: row.company),
            TableColumn(head=t("page.usage.day"), cell=lambda row: row.day, opens=True),
            TableColumn(head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True, opens=True),
            TableColumn(
                head=t("page.invoices.amount"), cell=lambda row: row.amount, is_number=True, opens=True
            ),
            TableColumn(head=t("payment.outstanding"), cell=lambda row: row.left, is_number=True, opens=True),
            TableColumn(head=t("page.invoices.status"), cell=lambda row: badge(row.status, row.tone)),
        ],
        caption=t("page.all_invoices.heading"),
        key=lambda row: row.key,
        name=lambda row: row.number,
    )
