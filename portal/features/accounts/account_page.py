"""A person's own page: language, password, and the browsers that are signed in."""

from typing import Any

import reflex as rx

from backend.accounts.rules import PASSWORD_MIN_LENGTH
from backend.i18n import format as fmt
from backend.i18n.catalog import LANGUAGES, text
from portal import routes
from portal.components.answer import ANOTHER_PAGE, answer, answered_by
from portal.components.basics import badge, button, card, field, inline_form, page_head, post_form
from portal.components.dialog import dialog, dialog_buttons, dialog_id
from portal.components.listing import list_region
from portal.components.table import TableColumn, data_table
from portal.features.accounts.account_state import AccountState
from portal.features.accounts.rows import SessionRow
from portal.guard import EVERYBODY
from portal.i18n import by_language, t
from portal.layout import page
from portal.loaded import loaded
from portal.typed import sent
from portal.visitor import VisitorState

SESSIONS_ANSWER = "answer-sessions"
EVERYWHERE_TITLE = "everywhere-title"


@page(routes.ACCOUNT, "page.account.title", EVERYBODY, on_load=[AccountState.load])
def account() -> rx.Component:
    """The account page: results of the last actions, then the actions."""
    visitor = VisitorState.visitor
    return rx.fragment(
        page_head(
            t("page.account.heading"),
            rx.fragment(
                rx.el.span(visitor.name, class_name="line"),
                rx.el.span(rx.el.span(visitor.email, class_name="ltr"), class_name="line"),
            ),
        ),
        _language(),
        _password(),
        _sessions(),
        rx.cond(AccountState.is_asking, _everywhere_dialog(), rx.fragment()),
    )


def _language() -> rx.Component:
    return card(
        t("page.account.language"),
        rx.el.p(t("page.account.language_text"), class_name="muted"),
        rx.el.div(
            _language_choice("فارسی", "fa"),
            _language_choice("English", "en"),
            class_name="row",
            style={"marginBlockStart": "10px"},
        ),
    )


def _language_choice(name: str, code: str) -> rx.Component:
    return rx.el.a(
        name,
        href=f"/lang/{code}",
        lang=code,
        reload_document=True,
        class_name="btn",
        custom_attrs={"data-language": "1"},
    )


def _sessions() -> rx.Component:
    return card(
        t("page.account.sessions"),
        loaded(
            AccountState,
            list_region(t("page.account.sessions"), _sessions_table(), pager=AccountState.view.pager),
            lines=3,
        ),
        answer(
            SESSIONS_ANSWER,
            (AccountState.done, "ok", "sessions-done"),
            (AccountState.failed, "bad", "sessions-failed"),
        ),
        rx.el.div(
            button(
                t("page.account.everywhere"),
                kind="danger",
                on_click=AccountState.ask_everywhere,
                custom_attrs=answered_by(dialog_id(EVERYWHERE_TITLE)),
            ),
            class_name="card-body row end",
        ),
        flush=True,
    )


def _sessions_table() -> rx.Component:
    return data_table(
        AccountState.view.sessions,
        [
            TableColumn(head=t("page.account.device"), cell=lambda row: row.device, leads=True),
            TableColumn(head=t("page.account.last_seen"), cell=lambda row: row.last_seen),
            TableColumn(head="", cell=_this_or_revoke),
            TableColumn(
                head=t("page.account.address"),
                cell=lambda row: rx.el.span(row.address, class_name="ltr"),
                opens=True,
            ),
            TableColumn(head=t("page.account.created"), cell=lambda row: row.created, opens=True),
        ],
        caption=t("page.account.sessions"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.device}, {row.last_seen}"),
    )


def _everywhere_dialog() -> rx.Component:
    """Everybody who works under this account loses the page that is open, so it is asked once more."""
    return dialog(
        t("page.account.everywhere_title"),
        rx.el.p(t("page.account.everywhere_text")),
        post_form(
            dialog_buttons(
                t("page.account.everywhere"), on_close=AccountState.close_everywhere, kind="danger"
            ),
            action=routes.POST_SIGN_OUT_EVERYWHERE,
            answered_by=ANOTHER_PAGE,
        ),
        on_close=AccountState.close_everywhere,
        label_id=EVERYWHERE_TITLE,
    )


def _this_or_revoke(row: SessionRow) -> rx.Component:
    end = sent(AccountState.revoke, row.key)
    return rx.cond(
        row.is_current,
        badge(t("page.account.this_one"), "ok"),
        button(
            t("page.account.revoke"), kind="small", on_click=end, custom_attrs=answered_by(SESSIONS_ANSWER)
        ),
    )


def _password() -> rx.Component:
    return card(
        t("page.account.password"),
        answer(
            "answer-password",
            (AccountState.password_done, "ok", "password-done"),
            (AccountState.password_failed, "bad", "password-failed"),
        ),
        inline_form(
            _password_field("old", t("page.account.old_password"), "current-password"),
            _password_field(
                "new",
                t("page.account.new_password"),
                "new-password",
                hint=rx.fragment(_password_rule(), " ", t("page.account.password_hint")),
            ),
            rx.el.div(
                rx.el.button(t("page.account.change"), type="submit", class_name="btn primary"),
                class_name="row",
            ),
            action=routes.POST_PASSWORD,
            class_name="form",
            style={"maxWidth": "420px"},
        ),
    )


def _password_field(name: str, label: rx.Var[str], completion: str, **props: Any) -> rx.Component:
    return field(
        label, element_id=f"password-{name}", name=name, type="password", auto_complete=completion, **props
    )


def _password_rule() -> rx.Component:
    said = (
        text("page.account.password_rule", lang, min_length=fmt.number(PASSWORD_MIN_LENGTH, lang))
        for lang in LANGUAGES
    )
    return rx.fragment(by_language(*said))
