"""A person's own page: language, password, and the browsers that are signed in."""

import reflex as rx

from portal import routes
from portal.accounts.account_state import AccountState
from portal.accounts.rows import SessionRow
from portal.components.basics import badge, button, card, field, page_head, post_form
from portal.components.status import by_phase, note
from portal.components.table import Column, data_table
from portal.guard import EVERYBODY
from portal.i18n import t
from portal.layout import page
from portal.visitor import VisitorState


@page(routes.ACCOUNT, title="page.account.title", roles=EVERYBODY, on_load=[AccountState.load])
def account() -> rx.Component:
    """What was done, then what can be done."""
    visitor = VisitorState.visitor
    return rx.fragment(
        page_head(
            t("page.account.heading"),
            rx.fragment(visitor.name, " · ", rx.el.span(visitor.email, class_name="ltr")),
        ),
        rx.cond(AccountState.done != "", note(AccountState.done, tone="ok"), rx.fragment()),
        rx.cond(AccountState.failed != "", note(AccountState.failed, tone="bad"), rx.fragment()),
        _language(),
        _sessions(),
        _password(),
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
        by_phase(
            AccountState.phase,
            ready=data_table(
                AccountState.sessions,
                [
                    Column(head=t("page.account.device"), cell=_device, leads=True),
                    Column(
                        head=t("page.account.address"),
                        cell=lambda row: rx.el.span(row.address, class_name="ltr"),
                    ),
                    Column(head=t("page.account.last_seen"), cell=lambda row: row.last_seen),
                    Column(head=t("page.account.created"), cell=lambda row: row.created),
                    Column(head="", cell=_revoke),
                ],
                caption=t("page.account.sessions"),
                key=lambda row: row.key,
            ),
            problem=AccountState.problem,
            retry=AccountState.load,
            lines=3,
        ),
        post_form(
            rx.el.button(t("page.account.everywhere"), type="submit", class_name="btn danger"),
            action=routes.POST_SIGN_OUT_EVERYWHERE,
            class_name="card-body row end",
        ),
        flush=True,
    )


def _device(row: SessionRow) -> rx.Component:
    return rx.el.span(
        row.device,
        " ",
        rx.cond(row.is_current, badge(t("page.account.this_one"), "ok"), rx.fragment()),
    )


def _revoke(row: SessionRow) -> rx.Component:
    end = AccountState.revoke(row.key)  # type: ignore[operator]  # mypy sees the namespace rx.event, not the handler
    return rx.cond(
        row.is_current,
        rx.fragment(),
        button(t("page.account.revoke"), kind="small", on_click=end),
    )


def _password() -> rx.Component:
    return card(
        t("page.account.password"),
        post_form(
            _password_field("old", t("page.account.old_password"), "current-password"),
            _password_field("new", t("page.account.new_password"), "new-password"),
            rx.el.p(t("page.account.password_hint"), class_name="hint"),
            rx.el.div(
                rx.el.button(t("page.account.change"), type="submit", class_name="btn primary"),
                class_name="row",
            ),
            action=routes.POST_PASSWORD,
            class_name="form",
            style={"maxWidth": "420px"},
        ),
    )


def _password_field(name: str, label: rx.Var[str], completion: str) -> rx.Component:
    return field(label, element_id=f"password-{name}", name=name, type="password", auto_complete=completion)
