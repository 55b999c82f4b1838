"""Everybody's invoices, for staff: searched by any part, narrowed by status, company and day."""

import reflex as rx

from portal import routes
from portal.components.basics import badge, link, page_head
from portal.components.listing import listing, search_form
from portal.components.status import by_phase
from portal.components.table import TableColumn, data_table
from portal.features.invoices.staff_state import AllInvoicesState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.pages import Group
from portal.place import SEARCH, Choice


@page(
    routes.ALL_INVOICES,
    "page.all_invoices.title",
    STAFF,
    nav="nav.invoices",
    group=Group.MONEY,
    order=20,
    on_load=[AllInvoicesState.load],
)
def all_invoices() -> rx.Component:
    """Every invoice, the newest day first."""
    return rx.fragment(
        page_head(t("page.all_invoices.heading"), t("page.all_invoices.intro")),
        search_form(
            t("page.all_invoices.search"), name=SEARCH, value=AllInvoicesState.wanted, others=_kept()
        ),
        rx.cond(
            AllInvoicesState.narrowed.length() > 0,  # type: ignore[attr-defined]  # a list on the server, a Var here
            rx.el.nav(
                rx.foreach(AllInvoicesState.narrowed, _narrowed),
                class_name="row",
                aria_label=t("page.all_invoices.narrowed"),
            ),
            rx.fragment(),
        ),
        by_phase(
            AllInvoicesState.phase,
            ready=listing(
                t("page.all_invoices.heading"),
                AllInvoicesState.rows,
                _table(),
                pager=AllInvoicesState.pager,
                choices=AllInvoicesState.choices,
            ),
            problem=AllInvoicesState.problem,
            retry=AllInvoicesState.load,
            lines=10,
        ),
    )


def _kept() -> rx.Component:
    """A search keeps the company, the day and the status."""
    kept = {
        routes.COMPANY: AllInvoicesState.company,
        routes.DAY: AllInvoicesState.day,
        routes.STATUS: AllInvoicesState.status,
    }
    return rx.fragment(*[rx.el.input(type="hidden", name=name, value=value) for name, value in kept.items()])


def _narrowed(choice: Choice) -> rx.Component:
    return rx.el.span(
        badge(choice.title, "info"), " ", link(t("page.all_invoices.widen"), choice.url, class_name="small")
    )


def _table() -> rx.Component:
    return data_table(
        AllInvoicesState.rows,
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
    )
