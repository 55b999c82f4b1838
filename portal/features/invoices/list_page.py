"""The list of a tenant's invoices."""

import reflex as rx

from portal import routes
from portal.components.answer import answered_by
from portal.components.basics import badge, link, page_head, tile, tiles
from portal.components.listing import listing
from portal.components.status import empty_state
from portal.components.table import TableColumn, data_table
from portal.features.invoices.checking_parts import checking_card
from portal.features.invoices.list_state import InvoicesState
from portal.features.invoices.payment_parts import CHOSEN_SUM, answer_notes, credit_dialog, pay_several
from portal.features.invoices.rows import InvoiceRow
from portal.guard import TENANT
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.typed import contains, either, is_filled, sent


@page(
    routes.INVOICES,
    "page.invoices.title",
    TENANT,
    nav="page.invoices.nav",
    order=20,
    on_load=[InvoicesState.load],
)
def invoices() -> rx.Component:
    """The list of invoices, newest day first, below the total due."""
    shown = InvoicesState.view
    return rx.fragment(
        page_head(t("page.invoices.heading"), t("page.invoices.intro")),
        loaded(
            InvoicesState,
            rx.cond(either(is_filled(shown.rows), shown.pager.is_narrowed), _list(), _none()),
            retry=InvoicesState.load_again,
        ),
        credit_dialog(InvoicesState),
    )


def _list() -> rx.Component:
    shown = InvoicesState.view
    return rx.fragment(
        tiles(
            tile(t("page.invoices.due"), shown.due, t("page.invoices.due_note"), data_testid="due"),
            tile(t("page.invoices.open"), shown.due_count, t("page.invoices.open_note")),
            rx.cond(
                shown.check.is_shown,
                tile(
                    t("page.invoices.checked"),
                    shown.check.amount,
                    t("page.invoices.checked_note", count=shown.check.count),
                    data_testid="checked",
                ),
                rx.fragment(),
            ),
            rx.cond(
                shown.credit.amount != "",
                tile(
                    shown.credit.name,
                    shown.credit.amount,
                    shown.credit.note,
                    data_testid="credit",
                ),
                rx.fragment(),
            ),
        ),
        answer_notes(InvoicesState.pay_problem, InvoicesState.pay_done),
        checking_card(InvoicesState),
        pay_several(),
        listing(
            t("page.invoices.all"),
            shown.rows,
            data_table(
                shown.rows,
                [
                    TableColumn(
                        head=t("page.invoices.number"),
                        cell=_number,
                        leads=True,
                    ),
                    TableColumn(head=t("page.usage.day"), cell=lambda row: row.day, opens=True),
                    TableColumn(
                        head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True, opens=True
                    ),
                    TableColumn(
                        head=t("page.invoices.amount"),
                        cell=lambda row: row.amount,
                        is_number=True,
                        opens=True,
                    ),
                    TableColumn(head=t("payment.outstanding"), cell=lambda row: row.left, is_number=True),
                    TableColumn(head=t("page.invoices.status"), cell=lambda row: badge(row.status, row.tone)),
                ],
                caption=t("page.invoices.all"),
                key=lambda row: row.key,
                name=lambda row: row.number,
            ),
            pager=shown.pager,
            choices=shown.choices,
        ),
    )


def _number(row: InvoiceRow) -> rx.Component:
    """The number leads to the invoice; before it, for who may pay, the box that chooses it."""
    toggle = sent(InvoicesState.toggle, row.key)
    box = rx.el.label(
        rx.el.input(
            type="checkbox",
            checked=contains(InvoicesState.ticked, row.key),
            on_change=toggle,
            custom_attrs=answered_by(CHOSEN_SUM),
        ),
        rx.el.span(t("payment.select", number=row.number), class_name="visually-hidden"),
    )
    no_box = rx.el.span(class_name="no-pick")
    choice = rx.cond(InvoicesState.view.offer.can_pay, rx.cond(row.is_payable, box, no_box), rx.fragment())
    return rx.el.span(choice, link(row.number, row.url), class_name="pick")


def _none() -> rx.Component:
    return rx.el.div(empty_state(t("page.invoices.none"), t("page.invoices.none_why")), class_name="card")
