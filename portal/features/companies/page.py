"""The list of companies; each leads to its invoices."""

import reflex as rx

from portal.components.basics import code_number, link, page_head
from portal.components.listing import listing, search_form
from portal.components.table import TableColumn, data_table
from portal.features.companies.rows import CompanyRow
from portal.features.companies.state import CompaniesState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.pages import Group
from portal.place import SEARCH


@page(
    "/companies",
    "page.companies.title",
    STAFF,
    nav="page.companies.nav",
    group=Group.COMPANY,
    order=10,
    on_load=[CompaniesState.load],
)
def companies() -> rx.Component:
    """Every company, by its label."""
    shown = CompaniesState.view
    return rx.fragment(
        page_head(t("page.companies.heading"), t("page.companies.intro")),
        search_form(t("page.companies.search"), name=SEARCH, value=shown.wanted),
        loaded(
            CompaniesState,
            listing(t("page.companies.heading"), shown.rows, _table(), pager=shown.pager),
            lines=10,
        ),
    )


def _table() -> rx.Component:
    return data_table(
        CompaniesState.view.rows,
        [
            TableColumn(head=t("page.companies.name"), cell=lambda row: link(row.name, row.url), leads=True),
            TableColumn(head=t("page.companies.due_count"), cell=lambda row: row.due_count, is_number=True),
            TableColumn(head=t("page.companies.due"), cell=lambda row: row.due, is_number=True),
            TableColumn(
                head=t("page.companies.credit"),
                cell=lambda row: rx.el.bdi(row.credit, dir="ltr"),
                is_number=True,
                opens=True,
            ),
            TableColumn(head=t("page.companies.billed_from"), cell=lambda row: row.billed_from, opens=True),
            TableColumn(head=t("page.companies.contact"), cell=_contact, is_wide=True, opens=True),
        ],
        caption=t("page.companies.heading"),
        key=lambda row: row.key,
        name=lambda row: row.name,
    )


def _contact(row: CompanyRow) -> rx.Component:
    return rx.el.div(
        rx.el.bdi(row.billing_email, dir="ltr"), rx.el.div(code_number(row.label), class_name="small muted")
    )
