"""Ages that grow by themselves: the page's own script counts them, without asking the server."""

from typing import Any

import reflex as rx


def age(epoch_s: Any, **props: Any) -> rx.Component:
    """Distance of an instant from now, such as “3 minutes ago”; nothing for an instant of zero.

    ``epoch_s`` are whole seconds since 1970. The script fills the element (assets/portal.js), by the server's clock.
    """
    counted = rx.el.time(class_name="age", custom_attrs={"data-age": epoch_s}, **props)
    return rx.cond(epoch_s > 0, counted, rx.fragment())
