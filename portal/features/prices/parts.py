"""Tables of the prices page."""

import reflex as rx

from portal.components.answer import answered_by
from portal.components.basics import badge, button
from portal.components.table import TableColumn, data_table
from portal.features.prices.rows import ListRow, ModelRow, PriceRow
from portal.features.prices.state import PricesState
from portal.i18n import t
from portal.typed import sent

PRICES_ANSWER = "answer-prices"
CHANGE_FORM = "change-form"


def prices_table() -> rx.Component:
    """Every price of the list that holds and of the planned ones, under their days."""
    return data_table(
        PricesState.view.prices,
        [
            TableColumn(head=t("page.prices.model"), cell=_model, leads=True),
            TableColumn(head=t("page.prices.type"), cell=lambda row: row.type, opens=True),
            TableColumn(head=t("page.prices.price"), cell=lambda row: rx.el.bdi(row.price), is_number=True),
        ],
        caption=t("page.prices.now"),
        key=lambda row: row.key,
        name=lambda row: row.model,
        heading=lambda row: row.since,
    )


def _model(row: PriceRow) -> rx.Component:
    return rx.cond(row.is_any_model, row.model, rx.el.code(row.model, class_name="outside"))


def models_table() -> rx.Component:
    """Models without a price of their own, with the ways to give them one."""
    return data_table(
        PricesState.view.models,
        [
            TableColumn(
                head=t("page.prices.model"),
                cell=lambda row: rx.el.code(row.model, class_name="outside"),
                leads=True,
            ),
            TableColumn(head=t("page.prices.state"), cell=lambda row: badge(row.state, row.tone), opens=True),
            TableColumn(head=t("page.prices.since"), cell=lambda row: row.since, opens=True),
            TableColumn(head=t("page.usage.tokens"), cell=lambda row: row.tokens, is_number=True),
            TableColumn(
                head=t("page.prices.amount"), cell=lambda row: row.amount, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.prices.tenants"), cell=lambda row: row.tenants, is_number=True, opens=True
            ),
            TableColumn(head="", cell=_ways, opens=True, is_wide=True),
        ],
        caption=t("page.prices.models"),
        key=lambda row: row.model,
        name=lambda row: row.model,
    )


def _ways(row: ModelRow) -> rx.Component:
    def way(kind: str, words: object) -> rx.Component:
        return button(
            words,
            kind="small",
            on_click=sent(PricesState.begin, kind, row.model),
            custom_attrs=answered_by(CHANGE_FORM),
        )

    return rx.cond(
        PricesState.can_act,
        rx.cond(
            row.is_open,
            rx.el.div(
                way("price", t("page.prices.give_price")),
                way("alias", t("page.prices.give_alias")),
                class_name="row",
            ),
            rx.fragment(),
        ),
        rx.fragment(),
    )


def lists_table() -> rx.Component:
    """The lists, the newest first; one that has not begun can be withdrawn."""
    return data_table(
        PricesState.view.lists,
        [
            TableColumn(head=t("page.prices.since"), cell=lambda row: row.since, leads=True),
            TableColumn(head=t("page.prices.state"), cell=lambda row: badge(row.state, row.tone)),
            TableColumn(head=t("page.prices.general"), cell=lambda row: row.general, is_number=True),
            TableColumn(
                head=t("page.prices.own_prices"), cell=lambda row: row.models, is_number=True, opens=True
            ),
            TableColumn(head=t("page.prices.duty"), cell=lambda row: row.duty, opens=True),
            TableColumn(
                head=t("page.prices.by"),
                cell=lambda row: rx.el.span(row.by, class_name="outside"),
                is_wide=True,
                opens=True,
            ),
            TableColumn(head="", cell=_withdraw, opens=True),
        ],
        caption=t("page.prices.lists"),
        key=lambda row: row.key,
        name=lambda row: row.since,
    )


def _withdraw(row: ListRow) -> rx.Component:
    return rx.cond(
        PricesState.can_act & row.is_planned,
        button(
            t("page.prices.withdraw"),
            kind="small danger",
            on_click=sent(PricesState.withdraw_list, row.key),
            custom_attrs=answered_by(PRICES_ANSWER),
        ),
        rx.fragment(),
    )
