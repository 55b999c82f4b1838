"""The page of an invoice: its lines, parties, hours and the readings that prove it. Prints on paper."""

from typing import Any

import reflex as rx

from portal import routes
from portal.components.basics import badge, button, card, fact_if, link, page_head
from portal.components.listing import list_region
from portal.components.status import note
from portal.components.table import TableColumn, data_table
from portal.features.invoices.checking_parts import checking_card
from portal.features.invoices.detail_state import InvoiceState
from portal.features.invoices.fall_parts import falls
from portal.features.invoices.movement_parts import movements
from portal.features.invoices.paper import paper
from portal.features.invoices.payment_parts import answer_notes, credit_dialog, pay_card, payment_history
from portal.guard import EVERYBODY
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.typed import either
from portal.visitor import VisitorState


@page(routes.INVOICE, "page.invoice.title", EVERYBODY, on_load=[InvoiceState.load])
def invoice() -> rx.Component:
    """The invoice, or why there is none."""
    return rx.fragment(
        loaded(InvoiceState, _invoice(), lines=10),
        rx.el.div(
            rx.cond(
                VisitorState.visitor.is_staff,
                link(t("page.invoice.back_staff"), routes.BILLING),
                link(t("page.invoice.back"), routes.INVOICES),
            ),
            class_name="below no-print",
        ),
        credit_dialog(InvoiceState),
    )


def _invoice() -> rx.Component:
    return rx.fragment(
        rx.el.article(
            _head(),
            rx.cond(
                InvoiceState.view.invoice.is_held,
                note(InvoiceState.view.invoice.held_note, tone="warn"),
                rx.fragment(),
            ),
            answer_notes(InvoiceState.pay_problem, InvoiceState.pay_done),
            checking_card(InvoiceState),
            pay_card(),
            _parties(),
            _lines(),
            falls(),
            movements(),
            payment_history(),
            _evidence(),
            class_name="stack no-print",
        ),
        paper(_readings(InvoiceState.view.annex), _evidence_facts()),
    )


def _head() -> rx.Component:
    shown = InvoiceState.view.invoice
    return page_head(
        shown.title,
        rx.fragment(shown.tenant, " · ", shown.day),
        aside=rx.el.div(
            badge(shown.status, shown.tone),
            button(t("page.invoice.print"), kind="small", custom_attrs={"data-print": "invoice"}),
            button(t("page.invoice.print_evidence"), kind="small", custom_attrs={"data-print": "evidence"}),
            class_name="row",
        ),
    )


def _parties() -> rx.Component:
    shown = InvoiceState.view.invoice
    return card(
        t("page.invoice.for"),
        rx.el.dl(
            fact_if(shown.tenant != "", t("page.invoice.company"), shown.tenant),
            fact_if(shown.economic_code != "", t("page.invoice.economic_code"), shown.economic_code),
            fact_if(shown.national_id != "", t("page.invoice.national_id"), shown.national_id),
            fact_if(shown.postal_code != "", t("page.invoice.postal_code"), shown.postal_code),
            fact_if(shown.address != "", t("page.invoice.address"), shown.address),
            fact_if(shown.issued_at != "", t("page.invoice.issued_at"), shown.issued_at),
            fact_if(shown.paid_at != "", t("page.invoice.paid_at"), shown.paid_at),
            fact_if(
                shown.window != "",
                t("page.invoice.period"),
                rx.fragment(
                    shown.window,
                    rx.el.div(shown.window_note, class_name="muted small"),
                ),
            ),
            class_name="facts",
        ),
    )


def _lines() -> rx.Component:
    shown = InvoiceState.view.invoice
    return card(
        t("page.invoice.lines"),
        data_table(
            InvoiceState.view.lines,
            [
                TableColumn(
                    head=t("page.invoice.model"),
                    cell=lambda row: rx.el.span(row.model, class_name="ltr"),
                    leads=True,
                ),
                TableColumn(head=t("page.invoice.type"), cell=lambda row: row.type),
                TableColumn(
                    head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True, opens=True
                ),
                TableColumn(
                    head=t("page.invoice.price"), cell=lambda row: row.price, is_number=True, opens=True
                ),
                TableColumn(head=t("page.invoices.amount"), cell=lambda row: row.amount, is_number=True),
            ],
            caption=t("page.invoice.lines"),
            key=lambda row: row.key,
            name=lambda row: rx.Var.create(f"{row.model} · {row.type}"),
        ),
        rx.el.dl(
            _sum(t("page.invoice.tokens"), shown.tokens),
            rx.cond(
                shown.is_held,
                rx.fragment(),
                rx.fragment(_sum(t("page.invoice.net"), shown.net), _sum(shown.tax_name, shown.tax)),
            ),
            _sum(t("page.invoice.total"), shown.total, is_total=True),
            rx.cond(
                InvoiceState.view.outstanding != "",
                rx.fragment(
                    _sum(t("payment.paid_so_far"), InvoiceState.view.paid),
                    _sum(t("payment.outstanding"), InvoiceState.view.outstanding, is_total=True),
                ),
                rx.fragment(),
            ),
            class_name="sums",
        ),
        flush=True,
    )


def _sum(name: rx.Var[str] | str, value: rx.Var[str] | str, *, is_total: bool = False) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name), rx.el.dd(value, class_name="num"), class_name="sum total" if is_total else "sum"
    )


def _evidence() -> rx.Component:
    pager = InvoiceState.view.readings_pager
    return card(
        t("page.invoice.why"),
        rx.el.p(t("page.invoice.why_text"), class_name="muted"),
        _evidence_facts(),
        rx.el.details(
            rx.el.summary(t("page.invoice.readings")),
            list_region(
                t("page.invoice.readings"),
                _readings(InvoiceState.view.readings),
                pager=pager,
                element_id="list-of-readings",
            ),
            # Open where there are several pages, so that a link to one of them shows it.
            open=either(pager.previous != "", pager.following != ""),
            class_name="details",
            style={"marginBlockStart": "12px"},
        ),
    )


def _evidence_facts() -> rx.Component:
    shown = InvoiceState.view.invoice
    return rx.fragment(
        rx.el.dl(
            fact_if(shown.coverage != "", t("page.usage.coverage"), shown.coverage),
            fact_if(
                shown.unseen != "",
                t("page.invoice.unseen"),
                t("page.invoice.unseen_value", tokens=shown.unseen),
            ),
            fact_if(shown.price_version != "", t("page.invoice.price_version"), shown.price_version),
            rx.el.div(rx.el.dt(t("page.invoice.period")), rx.el.dd(shown.window), class_name="paper-only"),
            rx.el.div(
                rx.el.dt(t("page.invoice.clock_version")),
                rx.el.dd(shown.clock_version),
                class_name="paper-only",
            ),
            class_name="facts",
            style={"marginBlock": "14px"},
        ),
        rx.foreach(
            InvoiceState.view.flags,
            lambda flag: note(rx.el.strong(flag.name, ": "), flag.sentence, tone="info"),
        ),
    )


def _readings(rows: Any) -> rx.Component:
    return data_table(
        rows,
        [
            TableColumn(
                head=t("page.invoice.meter"),
                cell=lambda row: rx.el.div(
                    rx.el.div(row.meter),
                    rx.el.code(row.instance, class_name="small more"),
                    rx.el.div(
                        t("page.invoice.incarnation_start"),
                        " ",
                        row.incarnation_start,
                        class_name="small muted more",
                    ),
                ),
                leads=True,
            ),
            TableColumn(
                head=t("page.invoice.opening"),
                cell=lambda row: rx.el.div(
                    row.opening,
                    rx.el.div(row.opened_at, class_name="small muted"),
                    rx.el.div(row.source, class_name="small muted"),
                ),
                is_number=True,
                opens=True,
            ),
            TableColumn(
                head=t("page.invoice.closing"),
                cell=lambda row: rx.el.div(
                    row.closing, rx.el.div(row.closed_at, class_name="small muted more")
                ),
                is_number=True,
            ),
            TableColumn(
                head=t("page.invoice.difference"),
                cell=lambda row: rx.el.strong(row.difference),
                is_number=True,
            ),
        ],
        caption=t("page.invoice.readings"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.meter} · {row.instance}"),
    )
