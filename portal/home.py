"""Two pages that belong to no feature: the start, which only leads on, and the one that says "not here"."""

import reflex as rx

from portal import routes
from portal.components.basics import link
from portal.components.status import skeleton
from portal.i18n import language_mark, script_needed, t
from portal.layout import page


@page(routes.HOME, "brand.name")
def home() -> rx.Component:
    """Placeholder for links inside the portal; the server redirects requests from outside."""
    return skeleton(5)


def not_found() -> rx.Component:
    """No such page, and the way back."""
    return rx.el.main(
        language_mark(),
        script_needed(),
        rx.el.div(
            rx.el.h1(t("page.not_found.heading")),
            rx.el.p(t("page.not_found.explanation")),
            link(t("page.not_found.home"), routes.HOME, class_name="btn primary", reload_document=True),
            class_name="empty",
        ),
        class_name="centred",
    )
