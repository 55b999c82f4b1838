"""The views of the page of payments."""

from typing import Any

import reflex as rx

from portal.components.answer import ASKER, answer, answer_region, answered_by
from portal.components.basics import badge, button, card, code_number, fact_if, link
from portal.components.dialog import dialog_id, reason_dialog
from portal.components.listing import list_region, page_links
from portal.components.reasons import reasons
from portal.components.status import empty_state, note
from portal.components.table import TableColumn, data_table
from portal.features.payments.event_rows import EventDetailRow, EventRow
from portal.features.payments.rows import EntryRow, PaymentRow
from portal.features.payments.state import PaymentsState
from portal.i18n import t
from portal.typed import either, is_filled, sent

LISTS_ANSWER = "answer-lists"
FILE_ANSWER = "answer-file"
FOUND = "found"
EVIDENCE = "evidence"
RESOLVE_TITLE = "resolve-title"


def search() -> rx.Component:
    """Search for a payment by a number, with the results unless there is exactly one."""
    return card(
        t("page.payments.search_heading"),
        rx.el.form(
            rx.el.label(t("page.payments.search"), html_for="wanted", class_name="muted small"),
            rx.el.div(
                rx.el.input(
                    id="wanted",
                    name="wanted",
                    type="search",
                    dir="auto",
                    default_value=PaymentsState.sought,
                    key=PaymentsState.sought,
                    required=True,
                    max_length=60,
                    auto_complete="off",
                    class_name="input",
                    custom_attrs={"data-missing": t("page.sign_in.missing")},
                ),
                button(t("page.payments.search_do"), type="submit"),
                class_name="search",
            ),
            on_submit=PaymentsState.find,
            role="search",
            custom_attrs=answered_by(FOUND),
        ),
        _found(),
        data_testid="search",
    )


def _found() -> rx.Component:
    found = is_filled(PaymentsState.found.rows)
    problem = PaymentsState.search_problem
    return answer_region(
        FOUND,
        rx.cond(either(found, PaymentsState.found_none), PaymentsState.sought, problem),
        rx.cond(problem != "", note(problem, tone="bad", data_testid="search-problem"), rx.fragment()),
        rx.cond(
            PaymentsState.found_none,
            note(t("page.payments.none_found"), data_testid="found-none"),
            rx.fragment(),
        ),
        rx.cond(
            found,
            list_region(
                t("page.payments.found"),
                payments_table(PaymentsState.found.rows, caption=t("page.payments.found")),
                pager=PaymentsState.found.pager,
                element_id="list-of-found",
            ),
            rx.fragment(),
        ),
    )


def payments_list(listed: Any, *, caption: Any, nothing: rx.Component) -> rx.Component:
    """A list of payments with the way to its other pages, or ``nothing``."""
    table = rx.fragment(payments_table(listed.rows, caption=caption), page_links(listed.pager))
    return rx.cond(is_filled(listed.rows), table, nothing)


def payments_table(rows: Any, *, caption: Any) -> rx.Component:
    """Payments; each line leads to its evidence."""
    return data_table(
        rows,
        [
            TableColumn(head=t("page.payments.tenant"), cell=lambda row: row.tenant, leads=True),
            TableColumn(head=t("payment.when"), cell=lambda row: row.at, opens=True),
            TableColumn(head=t("page.invoices.amount"), cell=lambda row: row.amount, is_number=True),
            TableColumn(head=t("page.payments.state"), cell=lambda row: badge(row.state, row.tone)),
            TableColumn(
                head=t("payment.track_id"),
                cell=lambda row: code_number(row.track_id),
                is_wide=True,
                opens=True,
            ),
            TableColumn(
                head=t("page.hand_off.invoices"), cell=lambda row: row.invoices, is_wide=True, opens=True
            ),
            TableColumn(
                head=t("page.payments.why"),
                cell=lambda row: reasons(row.reasons),
                is_wide=True,
                opens=True,
                stays=lambda row: row.reasons.length() > 0,
            ),
            TableColumn(head="", cell=_open_button, opens=True),
        ],
        caption=caption,
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.tenant} · {row.at}"),
    )


def _open_button(row: PaymentRow) -> rx.Component:
    show = sent(PaymentsState.open_file, row.key)
    return button(
        t("page.payments.evidence"), kind="small", on_click=show, custom_attrs=answered_by(EVIDENCE)
    )


def evidence() -> rx.Component:
    """Everything known of the open payment, and what can be done about it."""
    shown = PaymentsState.evidence.file
    return rx.el.div(
        card(
            shown.title,
            rx.el.div(
                _facts(),
                _actions(),
                answer(
                    FILE_ANSWER,
                    (PaymentsState.done, "ok", "done"),
                    (PaymentsState.action_problem, "bad", "action-problem"),
                ),
                class_name="form",
            ),
            aside=button(
                t("page.payments.close_evidence"),
                kind="small",
                on_click=PaymentsState.close_file,
                custom_attrs=answered_by(ASKER),
            ),
        ),
        card(t("page.payments.events"), _events(), flush=True),
        card(t("page.payments.entries"), _entries(), flush=True),
        id=EVIDENCE,
        data_testid="evidence",
        role="region",
        aria_label=shown.title,
        tab_index=-1,
        custom_attrs={"data-reveal": shown.key},
        style={"display": "grid", "gap": "inherit", "gridTemplateColumns": "minmax(0, 1fr)"},
    )


def _facts() -> rx.Component:
    shown = PaymentsState.evidence.file
    pairs = (
        (t("page.payments.state"), badge(shown.state, shown.tone)),
        (t("page.payments.verdict"), shown.verdict),
        (t("payment.amount"), rx.fragment(shown.amount, rx.el.div(shown.rial, class_name="muted small"))),
        (t("payment.track_id"), code_number(shown.track_id)),
        (t("page.payments.gateway_status"), code_number(shown.gateway_status)),
        (t("page.payments.order"), code_number(shown.order)),
        (t("payment.reference"), code_number(shown.reference)),
        (t("payment.card"), code_number(shown.card)),
        (t("page.payments.checks"), shown.checks),
        (t("page.payments.last_asked"), shown.last_asked),
        (t("page.payments.next_ask"), shown.next_ask),
        (
            t("page.hand_off.invoices"),
            rx.foreach(shown.invoices, lambda each: rx.el.div(link(each.number, each.url))),
        ),
    )
    return rx.el.dl(
        *[rx.el.div(rx.el.dt(name), rx.el.dd(value)) for name, value in pairs],
        fact_if(shown.last_error != "", t("page.payments.last_error"), shown.last_error),
        fact_if(shown.resolution != "", t("page.payments.resolution"), shown.resolution),
        class_name="facts",
    )


def _actions() -> rx.Component:
    return rx.cond(
        PaymentsState.can_act,
        rx.el.div(
            rx.cond(
                PaymentsState.evidence.file.can_check,
                button(
                    t("page.payments.check_again"),
                    on_click=PaymentsState.check_again,
                    disabled=PaymentsState.is_checking,
                    custom_attrs=answered_by(FILE_ANSWER),
                ),
                rx.fragment(),
            ),
            rx.cond(
                PaymentsState.evidence.file.can_resolve,
                button(
                    t("page.payments.resolve"),
                    kind="danger",
                    on_click=PaymentsState.ask_resolve,
                    custom_attrs=answered_by(dialog_id(RESOLVE_TITLE)),
                ),
                rx.fragment(),
            ),
            class_name="row",
        ),
        rx.el.span(t("page.payments.read_only"), class_name="muted"),
    )


def _events() -> rx.Component:
    table = data_table(
        PaymentsState.evidence.events,
        [
            TableColumn(head=t("page.payments.event"), cell=lambda row: row.event, leads=True),
            TableColumn(head=t("page.payments.time"), cell=lambda row: row.at),
            TableColumn(
                head=t("page.payments.by"), cell=lambda row: rx.el.bdi(row.by), is_wide=True, opens=True
            ),
            TableColumn(head=t("page.payments.detail"), cell=_detail, is_wide=True, opens=True),
        ],
        caption=t("page.payments.events"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.event} · {row.at}"),
    )
    return list_region(
        t("page.payments.events"),
        table,
        pager=PaymentsState.evidence.events_pager,
        element_id="list-of-events",
    )


def _detail(row: EventRow) -> rx.Component:
    return rx.cond(
        is_filled(row.details),
        rx.el.div(rx.foreach(row.details, _known), class_name="details-of small"),
        rx.fragment(),
    )


def _known(detail: EventDetailRow) -> rx.Component:
    value = rx.cond(detail.is_code, code_number(detail.value), rx.el.bdi(detail.value))
    return rx.el.div(rx.el.span(detail.name, ": ", class_name="muted"), value)


def _entries() -> rx.Component:
    table = data_table(
        PaymentsState.evidence.booked,
        [
            TableColumn(head=t("page.payments.booked"), cell=lambda row: row.kind, leads=True),
            TableColumn(head=t("page.payments.time"), cell=lambda row: row.at, opens=True),
            TableColumn(
                head=t("page.invoices.amount"),
                cell=lambda row: rx.el.bdi(row.amount, dir="ltr"),
                is_number=True,
            ),
            TableColumn(head=t("page.payments.invoice"), cell=_entry_invoice, opens=True),
        ],
        caption=t("page.payments.entries"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.kind} · {row.amount}"),
    )
    return rx.cond(
        is_filled(PaymentsState.evidence.booked),
        list_region(
            t("page.payments.entries"),
            table,
            pager=PaymentsState.evidence.booked_pager,
            element_id="list-of-bookings",
        ),
        empty_state(t("page.payments.no_entries"), t("page.payments.no_entries_why")),
    )


def _entry_invoice(row: EntryRow) -> rx.Component:
    return rx.cond(row.url != "", link(row.number, row.url), rx.fragment())


def resolve_dialog() -> rx.Component:
    """No resolution without a written reason; it goes into the audit trail."""
    return reason_dialog(
        t("page.payments.resolve_title"),
        rx.el.p(rx.el.strong(PaymentsState.evidence.file.title)),
        rx.el.p(t("page.payments.resolve_text"), class_name="muted"),
        label=t("page.payments.reason"),
        confirm=t("page.payments.resolve"),
        problem=PaymentsState.resolve_problem,
        busy=PaymentsState.is_resolving,
        on_submit=PaymentsState.resolve,
        on_close=PaymentsState.close_resolve,
        label_id=RESOLVE_TITLE,
        answer_at=LISTS_ANSWER,
    )
