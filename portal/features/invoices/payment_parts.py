"""Paying, on the pages of invoices: the button with what it will do, the choice on the list, and the history."""

from typing import Any

import reflex as rx

from portal import routes
from portal.components.answer import answer, answered_by
from portal.components.basics import badge, button, card, code_number, link, post_form
from portal.components.dialog import dialog, dialog_buttons, dialog_id
from portal.components.listing import list_region
from portal.components.table import TableColumn, data_table
from portal.features.invoices.detail_state import InvoiceState
from portal.features.invoices.list_state import InvoicesState
from portal.features.invoices.payment_rows import AttemptRow
from portal.i18n import t
from portal.typed import is_filled, negated

PAY_ANSWER = "answer-pay"
CHOSEN_SUM = "chosen-sum"
CREDIT_TITLE = "credit-title"


def pay_card() -> rx.Component:
    """The card for paying this invoice with its button, or the reason for a missing button."""
    offer = InvoiceState.view.offer
    # Beside a payment that is being checked, another one is never the first thing to do.
    pay = rx.cond(
        InvoiceState.view.check.is_shown,
        pay_form(t("payment.pay_anyway", amount=offer.amount), invoices=offer.invoices, is_primary=False),
        pay_form(t("payment.pay_amount", amount=offer.amount), invoices=offer.invoices),
    )
    return rx.cond(
        offer.is_shown,
        card(
            t("payment.pay_heading"),
            rx.el.div(
                _remarks(offer.remarks),
                rx.cond(
                    offer.can_pay,
                    rx.el.div(
                        pay,
                        rx.el.span(t("payment.in_rial", amount=offer.rial), class_name="muted small"),
                        class_name="row",
                    ),
                    rx.fragment(),
                ),
                rx.cond(
                    offer.can_use_credit, _use_credit(offer.credit, InvoiceState.ask_credit), rx.fragment()
                ),
                class_name="form",
            ),
            data_testid="pay-card",
            custom_attrs={"data-no-print": "1"},
        ),
        rx.fragment(),
    )


def pay_form(
    title: Any, *, invoices: Any = None, back: Any = "", is_primary: bool = True, disabled: Any = False
) -> rx.Component:
    """A plain form post that opens a payment; without ``invoices``, of all that wait for money.

    ``back`` is the page that says why none was opened, if it is another than the invoice's.
    """
    chosen = (
        rx.el.input(type="hidden", name="all", value="1")
        if invoices is None
        else rx.el.input(type="hidden", name="invoices", value=invoices, read_only=True)
    )
    pay = button(title, kind="primary" if is_primary else "", type="submit", disabled=disabled)
    place = rx.el.input(type="hidden", name="back", value=back, read_only=True)
    return post_form(chosen, place, pay, action=routes.POST_PAY, answered_by=PAY_ANSWER)


def pay_several() -> rx.Component:
    """Above the list: pay what was chosen, or all; with the sums."""
    everything = InvoicesState.view.offer
    return rx.cond(
        everything.is_shown,
        card(
            t("payment.pay_heading"),
            rx.el.div(
                # Once some are chosen, only what holds for these is told: two ceilings explained at once confuse.
                rx.cond(InvoicesState.ticked_sum == "", _remarks(everything.remarks), rx.fragment()),
                rx.cond(everything.can_pay, _choices(), rx.fragment()),
                rx.cond(
                    everything.can_use_credit,
                    _use_credit(everything.credit, InvoicesState.ask_credit),
                    rx.fragment(),
                ),
                class_name="form",
            ),
            data_testid="pay-several",
            custom_attrs={"data-no-print": "1"},
        ),
        rx.fragment(),
    )


def _choices() -> rx.Component:
    chosen = InvoicesState.ticked_offer
    return rx.fragment(
        _remarks(chosen.remarks),
        rx.el.div(
            rx.el.span(
                rx.cond(InvoicesState.ticked_sum != "", InvoicesState.ticked_sum, t("payment.choose_some")),
                id=CHOSEN_SUM,
                class_name="muted small",
                data_testid="chosen-sum",
                custom_attrs={"aria-live": "polite"},
            ),
            pay_form(
                t("payment.pay_selected"),
                invoices=InvoicesState.ticked,
                back=InvoicesState.view.pager.here,
                disabled=negated(chosen.can_pay),
            ),
            pay_form(InvoicesState.view.offer.pay_all, back=InvoicesState.view.pager.here, is_primary=False),
            class_name="row pay-bar",
        ),
    )


def _use_credit(credit: Any, ask: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(t("payment.use_credit_text", amount=credit)),
        button(
            t("payment.use_credit"),
            kind="small",
            on_click=ask,
            custom_attrs=answered_by(dialog_id(CREDIT_TITLE)),
        ),
        class_name="row",
    )


def credit_dialog(state: Any) -> rx.Component:
    """Money is moved at once and for good, so it is asked for once more. ``state`` is the page's own."""
    ask = dialog(
        t("payment.use_credit_title"),
        rx.el.p(t("payment.use_credit_ask", amount=state.view.offer.credit_to_use)),
        rx.el.form(
            dialog_buttons(
                rx.cond(state.is_using_credit, t("payment.using_credit"), t("payment.use_credit")),
                on_close=state.close_credit,
                busy=state.is_using_credit,
            ),
            on_submit=state.use_credit,
            custom_attrs=answered_by(PAY_ANSWER),
        ),
        on_close=state.close_credit,
        label_id=CREDIT_TITLE,
    )
    return rx.cond(state.is_asking_credit, ask, rx.fragment())


def _remarks(remarks: Any) -> rx.Component:
    return rx.foreach(remarks, lambda each: rx.el.p(each, class_name="muted"))


def answer_notes(problem: Any, done: Any) -> rx.Component:
    """Result of the last click."""
    return answer(PAY_ANSWER, (problem, "bad", "pay-problem"), (done, "ok", "pay-done"))


def payment_history() -> rx.Component:
    """Every attempt at the invoice; nothing where there was none."""
    return rx.cond(
        is_filled(InvoiceState.view.attempts),
        card(
            t("payment.history"),
            list_region(
                t("payment.history"),
                data_table(
                    InvoiceState.view.attempts,
                    [
                        TableColumn(head=t("payment.when"), cell=lambda row: row.at, leads=True),
                        TableColumn(
                            head=t("payment.state_head"), cell=lambda row: badge(row.state, row.tone)
                        ),
                        TableColumn(head=t("page.invoices.amount"), cell=_amount, is_number=True),
                        TableColumn(head=t("payment.track_id"), cell=_track_id, is_wide=True, opens=True),
                        TableColumn(
                            head=t("payment.reference"),
                            cell=lambda row: code_number(row.reference),
                            opens=True,
                        ),
                        TableColumn(
                            head=t("payment.card"), cell=lambda row: code_number(row.card), opens=True
                        ),
                    ],
                    caption=t("payment.history"),
                    key=lambda row: row.key,
                    name=lambda row: row.at,
                ),
                pager=InvoiceState.view.attempts_pager,
                element_id="list-of-attempts",
            ),
            flush=True,
            data_testid="payment-history",
        ),
        rx.fragment(),
    )


def _track_id(row: AttemptRow) -> rx.Component:
    """The number; for staff the way to all that is known of the payment."""
    number = code_number(row.track_id)
    return rx.cond(row.url != "", link(number, row.url), number)


def _amount(row: AttemptRow) -> rx.Component:
    return rx.el.div(
        row.amount,
        rx.cond(row.of_total != "", rx.el.div(row.of_total, class_name="small muted more"), rx.fragment()),
    )
