"""An invoice on paper: seller, buyer, table, sums, payment, and on request the readings as an annex.

The screen never shows it and the paper shows nothing else (assets/app.css, "Invoice on paper").
"""

from typing import Any

import reflex as rx

from portal.components.basics import code_number
from portal.features.invoices.detail_state import InvoiceState
from portal.i18n import t
from portal.typed import is_filled


def paper(readings: rx.Component, evidence: rx.Component) -> rx.Component:
    """The sheet, and behind it the annex that is printed when it was asked for."""
    return rx.el.div(
        _head(),
        _parties(),
        _lines(),
        _payment(),
        _signatures(),
        rx.el.section(
            rx.el.h2(InvoiceState.view.paper.annex),
            rx.el.p(t("page.invoice.why_text")),
            evidence,
            readings,
            class_name="paper-annex",
        ),
        class_name="paper",
    )


def _head() -> rx.Component:
    shown, seller = InvoiceState.view.invoice, InvoiceState.view.paper.seller
    return rx.el.header(
        rx.el.div(
            rx.el.img(src=seller.logo, alt="", class_name="paper-logo"),
            rx.el.strong(rx.cond(seller.name != "", seller.name, t("brand.name"))),
            class_name="paper-brand",
        ),
        rx.el.div(
            rx.el.div(t("page.invoice.paper.title"), class_name="paper-title"),
            rx.cond(shown.is_held, rx.el.div(t("page.invoice.paper.not_issued")), rx.fragment()),
        ),
        rx.el.dl(
            _pair(t("page.invoice.paper.number"), shown.number),
            _pair(t("page.invoice.paper.issued_at"), shown.issued_at),
            _pair(t("page.invoice.paper.day"), shown.day),
            class_name="paper-marks",
        ),
        class_name="paper-head",
    )


def _parties() -> rx.Component:
    shown, seller = InvoiceState.view.invoice, InvoiceState.view.paper.seller
    return rx.fragment(
        _party(
            t("page.invoice.paper.seller"),
            _pair(t("page.invoice.paper.name"), seller.name, is_wide=True),
            _pair(t("page.invoice.economic_code"), seller.economic_code),
            _pair(t("page.invoice.national_id"), seller.national_id),
            _pair(t("page.invoice.paper.registration_number"), seller.registration_number),
            _pair(t("page.invoice.postal_code"), seller.postal_code),
            _pair(t("page.invoice.paper.phone"), seller.phone),
            _pair(t("page.invoice.address"), seller.address, is_wide=True),
        ),
        _party(
            t("page.invoice.paper.buyer"),
            _pair(t("page.invoice.paper.name"), shown.tenant, is_wide=True),
            _pair(t("page.invoice.economic_code"), shown.economic_code),
            _pair(t("page.invoice.national_id"), shown.national_id),
            _pair(t("page.invoice.postal_code"), shown.postal_code),
            _pair(t("page.invoice.address"), shown.address, is_wide=True),
        ),
    )


def _party(title: Any, *pairs: rx.Component) -> rx.Component:
    return rx.el.section(rx.el.h2(title), rx.el.dl(*pairs), class_name="paper-party")


def _pair(name: Any, value: Any, *, is_wide: bool = False) -> rx.Component:
    pair = rx.el.div(rx.el.dt(name), rx.el.dd(value), class_name="wide" if is_wide else "")
    return rx.cond(value != "", pair, rx.fragment())


def _lines() -> rx.Component:
    shown = InvoiceState.view.paper
    return rx.el.table(
        rx.el.thead(
            _row(
                rx.el.th,
                t("page.invoice.paper.row"),
                t("page.invoice.paper.description"),
                t("page.invoice.paper.quantity"),
                t("page.invoice.paper.price"),
                t("page.invoice.paper.amount"),
            )
        ),
        rx.el.tbody(
            rx.foreach(
                InvoiceState.view.lines,
                lambda row: _row(
                    rx.el.td,
                    row.place,
                    rx.fragment(rx.el.bdi(row.model), " · ", row.type),
                    row.tokens,
                    row.price,
                    row.amount,
                    key=row.key,
                ),
            )
        ),
        # A body of its own: a foot would stand on every page.
        rx.el.tbody(
            _row(rx.el.td, "", t("page.invoice.net"), shown.tokens, "", shown.net),
            rx.cond(
                shown.total != "",
                rx.fragment(
                    _row(rx.el.td, "", InvoiceState.view.invoice.tax_name, "", "", shown.tax),
                    _row(
                        rx.el.td, "", t("page.invoice.paper.total"), "", "", shown.total, class_name="total"
                    ),
                    rx.el.tr(
                        rx.el.td(
                            t("page.invoice.paper.in_words"), " ", rx.el.strong(shown.in_words), col_span=5
                        )
                    ),
                ),
                rx.fragment(),
            ),
            class_name="paper-sums",
        ),
        class_name="paper-table paper-lines",
    )


def _row(cell: Any, *values: Any, **props: Any) -> rx.Component:
    return rx.el.tr(*[cell(value) for value in values], **props)


def _payment() -> rx.Component:
    shown = InvoiceState.view.paper
    return rx.cond(
        shown.total != "",
        rx.el.section(
            rx.el.h2(t("page.invoice.paper.payment")),
            rx.el.dl(
                _pair(t("page.invoice.paper.status"), InvoiceState.view.invoice.status),
                _pair(t("page.invoice.paid_at"), InvoiceState.view.invoice.paid_at),
                _pair(t("page.invoice.paper.paid"), shown.paid),
                _pair(t("page.invoice.paper.left"), shown.left),
            ),
            rx.cond(is_filled(InvoiceState.view.receipts), _receipts(), rx.fragment()),
            class_name="paper-payment",
        ),
        rx.fragment(),
    )


def _receipts() -> rx.Component:
    return rx.el.table(
        rx.el.thead(
            _row(
                rx.el.th,
                t("page.invoice.paper.paid_at"),
                t("page.invoice.paper.method"),
                t("payment.track_id"),
                t("payment.reference"),
                t("page.invoice.paper.amount"),
            )
        ),
        rx.el.tbody(
            rx.foreach(
                InvoiceState.view.receipts,
                lambda row: _row(
                    rx.el.td,
                    row.at,
                    row.method,
                    code_number(row.track_id),
                    code_number(row.reference),
                    row.amount,
                    key=row.key,
                ),
            )
        ),
        class_name="paper-table paper-receipts",
    )


def _signatures() -> rx.Component:
    return rx.el.div(
        rx.el.div(t("page.invoice.paper.seller_signature")),
        rx.el.div(t("page.invoice.paper.buyer_signature")),
        class_name="paper-signatures",
    )
