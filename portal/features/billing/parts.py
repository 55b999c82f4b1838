"""The views of the billing page."""

import reflex as rx

from portal.components.answer import answer_region, answered_by
from portal.components.basics import badge, button, link
from portal.components.dialog import dialog_id, reason_dialog
from portal.components.listing import list_region
from portal.components.reasons import reasons
from portal.components.status import empty_state, note, skeleton
from portal.components.table import TableColumn, data_table
from portal.features.billing.queries import ALL_OPEN
from portal.features.billing.rows import HeldRow, RunRow
from portal.features.billing.state import BillingState
from portal.i18n import t
from portal.typed import either, is_filled, sent

BILLING_ANSWER = "answer-billing"
PLAN = "plan"
RELEASE_TITLE = "release-title"


def runs_table() -> rx.Component:
    """Every attempt, the newest first."""
    table = data_table(
        BillingState.runs,
        [
            TableColumn(head=t("page.usage.day"), cell=lambda row: link(row.day, row.url), leads=True),
            TableColumn(head=t("page.billing.state"), cell=_state),
            TableColumn(
                head=t("page.billing.issued"), cell=lambda row: row.issued, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.billing.held_short"), cell=lambda row: row.held, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.billing.unknown_short"), cell=lambda row: row.unknown, is_number=True, opens=True
            ),
            TableColumn(head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True, opens=True),
            TableColumn(head=t("page.invoices.amount"), cell=lambda row: row.amount, is_number=True),
            TableColumn(head=t("page.billing.started"), cell=_started, is_wide=True, opens=True),
            TableColumn(
                head=t("page.billing.duration"), cell=lambda row: row.duration, is_number=True, opens=True
            ),
        ],
        caption=t("page.billing.runs"),
        key=lambda row: row.key,
        name=lambda row: row.day,
    )
    return rx.cond(
        is_filled(BillingState.runs),
        list_region(t("page.billing.runs"), table, pager=BillingState.view.pager),
        empty_state(t("page.billing.no_runs"), t("page.billing.no_runs_why")),
    )


def _state(row: RunRow) -> rx.Component:
    return rx.el.div(
        badge(row.state, row.tone),
        rx.cond(row.error != "", rx.el.p(row.error, class_name="small muted reasons"), rx.fragment()),
    )


def _started(row: RunRow) -> rx.Component:
    return rx.el.div(row.started, rx.el.div(row.started_by, class_name="small muted"))


def held_table() -> rx.Component:
    """Held invoices with their reasons, for a decision."""
    table = data_table(
        BillingState.view.held,
        [
            TableColumn(
                head=t("page.billing.tenant"), cell=lambda row: link(row.tenant, row.url), leads=True
            ),
            TableColumn(head=t("page.usage.day"), cell=lambda row: row.day),
            TableColumn(head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True, opens=True),
            TableColumn(
                head=t("page.usage.coverage"), cell=lambda row: row.coverage, is_number=True, opens=True
            ),
            TableColumn(head=t("page.billing.would_cost"), cell=lambda row: row.would_cost, is_number=True),
            TableColumn(
                head=t("page.billing.reasons"),
                cell=lambda row: reasons(row.reasons),
                is_wide=True,
                opens=True,
            ),
            TableColumn(head="", cell=_release_button, opens=True),
        ],
        caption=t("page.billing.held"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.tenant} · {row.day}"),
    )
    return rx.cond(
        is_filled(BillingState.view.held),
        list_region(t("page.billing.held"), table, pager=BillingState.view.held_pager),
        empty_state(t("page.billing.no_held"), t("page.billing.no_held_why")),
    )


def _release_button(row: HeldRow) -> rx.Component:
    ask = sent(BillingState.ask_release, row.key)
    return rx.cond(
        BillingState.can_act,
        button(
            t("page.billing.release"),
            kind="small",
            on_click=ask,
            custom_attrs=answered_by(dialog_id(RELEASE_TITLE)),
        ),
        rx.fragment(),
    )


def release_dialog() -> rx.Component:
    """No release without a written reason; it goes into the audit trail."""
    return reason_dialog(
        t("page.billing.release_title"),
        rx.el.p(rx.el.strong(BillingState.chosen_title), " · ", BillingState.chosen_cost),
        rx.el.p(t("page.billing.release_text"), class_name="muted"),
        label=t("page.billing.reason"),
        confirm=t("page.billing.release"),
        problem=BillingState.release_problem,
        busy=BillingState.is_releasing,
        on_submit=BillingState.release,
        on_close=BillingState.close_release,
        label_id=RELEASE_TITLE,
        answer_at=BILLING_ANSWER,
        choice=rx.cond(is_filled(BillingState.chosen_figures), _figures(), rx.fragment()),
    )


def _figures() -> rx.Component:
    """Nothing is chosen before the operator does it: neither figure is the usual one."""
    return rx.el.fieldset(
        rx.el.legend(t("page.billing.figure"), class_name="field-name"),
        rx.el.p(t("page.billing.figure_text"), class_name="muted small"),
        rx.foreach(
            BillingState.chosen_figures,
            lambda choice: rx.el.label(
                rx.el.input(
                    type="radio",
                    name="figure",
                    value=choice.value,
                    required=True,
                    custom_attrs={"data-missing": t("page.billing.figure_missing")},
                ),
                rx.el.span(rx.el.strong(choice.name), rx.el.br(), choice.amount),
                class_name="flex items-start gap-2",
            ),
        ),
        class_name="field",
    )


def unknown_table() -> rx.Component:
    """Usage that nobody is billed for until its label belongs to a tenant."""
    table = data_table(
        BillingState.view.unknown,
        [
            TableColumn(head=t("page.billing.label"), cell=lambda row: rx.el.code(row.label), leads=True),
            TableColumn(head=t("page.billing.span"), cell=lambda row: row.span, is_wide=True, opens=True),
            TableColumn(head=t("page.billing.days"), cell=lambda row: row.days, is_number=True),
            TableColumn(head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True),
        ],
        caption=t("page.billing.unknown"),
        key=lambda row: row.label,
        name=lambda row: row.label,
    )
    return rx.cond(
        is_filled(BillingState.view.unknown),
        list_region(t("page.billing.unknown"), table, pager=BillingState.view.unknown_pager),
        empty_state(t("page.billing.no_unknown"), t("page.billing.no_unknown_why")),
    )


def plan_view() -> rx.Component:
    """First what would happen, then the button that makes it happen."""
    return rx.fragment(
        rx.el.div(
            rx.el.p(t("page.billing.plan_text"), class_name="muted"),
            rx.el.form(
                rx.el.div(
                    rx.el.label(t("page.usage.day"), html_for="plan-day", class_name="visually-hidden"),
                    rx.el.select(
                        rx.el.option(t("page.billing.all_open"), value=ALL_OPEN),
                        rx.foreach(
                            BillingState.view.choices, lambda day: rx.el.option(day.name, value=day.value)
                        ),
                        id="plan-day",
                        name="day",
                        class_name="input",
                    ),
                    class_name="field",
                ),
                button(
                    t("page.billing.make_plan"),
                    type="submit",
                    disabled=either(BillingState.plan_phase == "working", BillingState.is_running),
                ),
                on_submit=BillingState.make_plan,
                custom_attrs=answered_by(PLAN),
                class_name="row",
            ),
            class_name="card-body form",
        ),
        answer_region(
            PLAN,
            rx.match(
                BillingState.plan_phase, ("problem", BillingState.plan_problem.text), ("ready", "ready"), ""
            ),
            rx.match(
                BillingState.plan_phase,
                ("working", skeleton(4, t("page.billing.measuring"))),
                (
                    "problem",
                    rx.el.div(note(BillingState.plan_problem.text, tone="bad"), class_name="card-body"),
                ),
                ("ready", _plan()),
                rx.fragment(),
            ),
        ),
    )


def _plan() -> rx.Component:
    table = data_table(
        BillingState.plan_rows,
        [
            TableColumn(head=t("page.usage.day"), cell=lambda row: row.day, leads=True),
            TableColumn(head=t("page.billing.issued"), cell=lambda row: row.tenants, is_number=True),
            TableColumn(head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True, opens=True),
            TableColumn(head=t("page.invoices.amount"), cell=lambda row: row.amount, is_number=True),
            TableColumn(
                head=t("page.billing.held_short"), cell=lambda row: row.held, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.billing.unknown_short"), cell=lambda row: row.unknown, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.billing.measured"),
                cell=lambda row: row.measured,
                is_wide=True,
                opens=True,
                stays=lambda row: row.is_failed,
            ),
        ],
        caption=t("page.billing.plan"),
        key=lambda row: row.key,
        name=lambda row: row.day,
    )
    return rx.cond(
        is_filled(BillingState.plan_rows),
        rx.fragment(
            table,
            rx.el.div(
                rx.cond(
                    BillingState.can_act,
                    button(
                        rx.cond(BillingState.is_running, t("page.billing.running"), t("page.billing.run")),
                        kind="primary",
                        on_click=BillingState.run_plan,
                        disabled=BillingState.is_running,
                        custom_attrs=answered_by(BILLING_ANSWER),
                    ),
                    rx.el.span(t("page.billing.read_only"), class_name="muted"),
                ),
                class_name="card-body row end",
            ),
        ),
        empty_state(t("page.billing.nothing_open"), t("page.billing.nothing_open_why")),
    )
