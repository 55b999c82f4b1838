"""The sign-in page: a plain form that works before any script has loaded."""

import reflex as rx

from portal import routes
from portal.components.basics import field, inline_form
from portal.components.status import note
from portal.features.accounts.sign_in_state import SignInState
from portal.i18n import t
from portal.layout import page


@page(routes.SIGN_IN, "page.sign_in.title", on_load=[SignInState.load], bare=True)
def sign_in() -> rx.Component:
    """Address, password, and the reason when the last attempt failed."""
    return rx.el.div(
        rx.el.section(
            rx.el.div(
                rx.el.div(
                    rx.el.h1(t("page.sign_in.heading")),
                    rx.el.p(t("page.sign_in.intro"), class_name="muted"),
                ),
                rx.cond(
                    SignInState.message != "",
                    note(
                        SignInState.message,
                        tone=rx.cond(SignInState.is_waiting, "warn", "bad"),
                        data_testid="sign-in-problem",
                        custom_attrs={"data-said-before": "1"},
                    ),
                    rx.fragment(),
                ),
                _form(),
                class_name="card-body form",
            ),
            class_name="card centred-card",
        ),
        class_name="centred",
    )


def _form() -> rx.Component:
    return inline_form(
        rx.el.input(type="hidden", name="next", value=SignInState.wanted),
        field(
            t("page.sign_in.email"),
            element_id="email",
            name="email",
            type="email",
            auto_complete="username",
            words={"data-mistyped": t("page.sign_in.mistyped")},
        ),
        field(
            t("page.sign_in.password"),
            element_id="password",
            name="password",
            type="password",
            auto_complete="current-password",
        ),
        rx.el.button(t("page.sign_in.submit"), type="submit", class_name="btn primary"),
        action=routes.POST_SIGN_IN,
        class_name="form",
    )
