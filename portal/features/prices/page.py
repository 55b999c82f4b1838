"""The prices page: lists, models without a price, and an operator's change. An auditor sees all but the form."""

import reflex as rx

from portal import routes
from portal.components.answer import answer
from portal.components.basics import badge, card, page_head
from portal.components.status import empty_state, note
from portal.features.prices.form_parts import change_form
from portal.features.prices.parts import PRICES_ANSWER, lists_table, models_table, prices_table
from portal.features.prices.state import PricesState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.pages import Group
from portal.typed import is_filled


@page(
    routes.PRICES,
    "page.prices.title",
    STAFF,
    nav="page.prices.nav",
    group=Group.MONEY,
    order=40,
    on_load=[PricesState.load],
)
def prices() -> rx.Component:
    """Prices first, then models without one, then the change and all lists."""
    return rx.fragment(
        page_head(t("page.prices.heading"), t("page.prices.intro")), loaded(PricesState, _prices(), lines=10)
    )


def _prices() -> rx.Component:
    shown = PricesState.view
    return rx.fragment(
        answer(PRICES_ANSWER, (PricesState.done, "ok", "done"), (PricesState.list_problem, "bad", "problem")),
        rx.cond(
            shown.requires_own_price,
            note(t("page.prices.duty_holds")),
            rx.fragment(),
        ),
        card(t("page.prices.now"), prices_table(), flush=True),
        card(
            t("page.prices.models"),
            rx.cond(
                is_filled(shown.models),
                rx.fragment(
                    rx.el.p(t("page.prices.models_what"), class_name="card-body muted"), models_table()
                ),
                empty_state(t("page.prices.no_models"), t("page.prices.no_models_why")),
            ),
            aside=rx.cond(shown.has_open_models, badge(shown.open_models, "warn"), rx.fragment()),
            flush=True,
            id="models",
        ),
        rx.cond(PricesState.can_act, change_form(), note(t("page.prices.read_only"))),
        card(t("page.prices.lists"), lists_table(), flush=True, id="price-lists"),
    )
