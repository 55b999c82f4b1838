"""The page of payments for staff; an auditor sees all of it and can do nothing."""

import reflex as rx

from portal import routes
from portal.components.answer import answer
from portal.components.basics import count_badge, page_head, tile, tiles
from portal.components.listing import LIST
from portal.components.status import empty_state
from portal.components.tabs import tab_panel, tabs
from portal.features.payments.parts import LISTS_ANSWER, evidence, payments_list, resolve_dialog, search
from portal.features.payments.state import PaymentsState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.pages import Group
from portal.typed import is_empty


@page(
    routes.PAYMENTS,
    "page.payments.title",
    STAFF,
    nav="page.payments.nav",
    group=Group.MONEY,
    order=30,
    on_load=[PaymentsState.load],
)
def payments() -> rx.Component:
    """The lists, then the evidence of the payment that was opened, then the one open question."""
    return rx.fragment(
        page_head(t("page.payments.heading"), t("page.payments.intro")),
        loaded(PaymentsState, _payments(), lines=8),
        rx.cond(PaymentsState.is_asking, resolve_dialog(), rx.fragment()),
    )


def _payments() -> rx.Component:
    shown = PaymentsState.view
    return rx.fragment(
        tiles(
            tile(t("page.payments.undecided"), shown.undecided_count, t("page.payments.undecided_note")),
            tile(t("page.payments.flagged"), shown.flagged_count, t("page.payments.flagged_note")),
            tile(t("page.payments.open"), shown.open_count, t("page.payments.open_note"), quiet=True),
        ),
        search(),
        _lists(),
        rx.cond(PaymentsState.evidence.file.key != "", evidence(), rx.fragment()),
    )


def _lists() -> rx.Component:
    shown = PaymentsState.view
    undecided = payments_list(
        shown.undecided,
        caption=t("page.payments.undecided"),
        nothing=empty_state(t("page.payments.none_undecided"), t("page.payments.none_undecided_why")),
    )
    flagged = payments_list(
        shown.flagged,
        caption=t("page.payments.flagged"),
        nothing=empty_state(t("page.payments.none_flagged"), t("page.payments.none_flagged_why")),
    )
    every = payments_list(
        PaymentsState.every,
        caption=t("page.payments.all"),
        nothing=empty_state(t("page.payments.none_at_all"), t("page.payments.none_at_all_why")),
    )
    here = rx.match(
        PaymentsState.tab,
        ("flagged", shown.flagged.pager.here),
        ("all", PaymentsState.every.pager.here),
        shown.undecided.pager.here,
    )
    return rx.el.section(
        tabs(
            PaymentsState.tab,
            [
                (
                    "undecided",
                    t("page.payments.undecided"),
                    count_badge(shown.undecided_count, is_empty(shown.undecided.rows)),
                ),
                (
                    "flagged",
                    t("page.payments.flagged"),
                    count_badge(shown.flagged_count, is_empty(shown.flagged.rows)),
                ),
                ("all", t("page.payments.all"), rx.fragment()),
            ],
            on_choose=PaymentsState.choose_tab,
            label=t("page.payments.views"),
        ),
        answer(
            LISTS_ANSWER,
            (PaymentsState.resolved, "ok", "resolved"),
            (PaymentsState.list_problem, "bad", "list-problem"),
        ),
        tab_panel(
            rx.match(PaymentsState.tab, ("flagged", flagged), ("all", every), undecided),
            chosen=PaymentsState.tab,
        ),
        id=LIST,
        class_name="card",
        tab_index=-1,
        aria_label=t("page.payments.views"),
        custom_attrs={"data-list": here},
    )
