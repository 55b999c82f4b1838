"""Parts of runs that several pages show."""

from typing import Any

import reflex as rx

from portal.action_links import ActionLink
from portal.components.age import age
from portal.components.basics import badge, card, link
from portal.i18n import t
from portal.run_words import StepLine


def step_list(steps: Any) -> rx.Component:
    """The steps of a run in their order, as far as they have come."""
    return rx.el.ol(rx.foreach(steps, _step), class_name="run-steps")


def _step(step: StepLine) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(step.title),
            rx.cond(step.state != "", badge(step.state, step.tone), rx.fragment()),
            class_name="row",
        ),
        rx.cond(step.warning != "", rx.el.p(step.warning, class_name="small run-warning"), rx.fragment()),
        rx.cond(
            step.times != "",
            rx.el.p(
                rx.el.span(step.times, class_name="num"), " ", age(step.began_s), class_name="small muted"
            ),
            rx.fragment(),
        ),
    )


def action_links(links: Any) -> rx.Component:
    """A card with the actions that may help; nothing where there are none."""
    return rx.cond(
        links.length() > 0,
        card(
            t("runs.offers"),
            rx.el.p(t("runs.offers_what"), class_name="hint"),
            rx.el.ul(rx.foreach(links, _action), class_name="action-links"),
            data_testid="offers",
        ),
        rx.fragment(),
    )


def _action(each: ActionLink) -> rx.Component:
    return rx.el.li(link(each.title, each.url, class_name="btn"), " ", badge(each.risk, each.risk_tone))
