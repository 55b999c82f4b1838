"""Parts of the alerts pages: a group with its summary, and an alert's name."""

from typing import Any

import reflex as rx

from portal.components.basics import badge, link
from portal.features.alerts.deploy_rows import DeployLine
from portal.features.alerts.rows import AlertRow, GroupRow
from portal.features.alerts.wording_parts import worded_sentences, worded_title
from portal.i18n import t
from portal.typed import is_filled


def group_card(group: GroupRow) -> rx.Component:
    """A group: its summary first, then its alerts."""
    return rx.el.article(
        rx.el.div(
            worded_title(group),
            badge(group.severity, group.tone),
            class_name="card-head",
        ),
        rx.el.div(
            rx.el.p(group.since, class_name="muted small"),
            worded_sentences(group),
            deploys_before(group.deploys),
            rx.cond(
                is_filled(group.alerts),
                rx.el.ul(rx.foreach(group.alerts, _alert), class_name="alerts"),
                rx.fragment(),
            ),
            rx.cond(
                group.left_out != "",
                rx.cond(
                    group.whole_url != "",
                    link(group.left_out, group.whole_url, class_name="small"),
                    rx.el.p(group.left_out, class_name="muted small"),
                ),
                rx.fragment(),
            ),
            class_name="card-body",
        ),
        class_name=rx.Var.create(f"card alert-group {group.tone}"),
        key=group.key,
    )


def deploys_before(lines: Any) -> rx.Component:
    """The deployments of the half hour before, as facts."""
    return rx.cond(
        is_filled(lines),
        rx.el.div(
            rx.el.h3(t("page.alerts.deploys_before")),
            rx.el.ul(rx.foreach(lines, _deploy), class_name="small"),
            class_name="deploys-before",
        ),
        rx.fragment(),
    )


def _deploy(line: DeployLine) -> rx.Component:
    return rx.el.li(link(line.sentence, line.url))


def _alert(row: AlertRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            link(row.code, row.url, class_name="ltr"),
            badge(row.severity, row.tone),
            rx.cond(row.places != "", rx.el.span(row.places, class_name="small outside"), rx.fragment()),
            rx.el.span(row.since, class_name="muted small"),
            class_name="row",
        ),
        rx.cond(row.muted_by != "", rx.el.div(row.muted_by, class_name="small muted"), rx.fragment()),
        key=row.key,
    )


def alert_name(row: Any) -> rx.Component:
    """An alert's name, with its own name and place below."""
    return rx.el.div(
        link(row.name, row.url),
        rx.el.div(rx.el.span(row.code, class_name="ltr"), class_name="small muted"),
        rx.el.div(row.places, class_name="small muted outside"),
    )


def severity_badge(row: Any) -> rx.Component:
    """The severity of an alert."""
    return badge(row.severity, row.tone)
