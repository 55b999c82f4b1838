"""The views of the page of deployments."""

from typing import Any

import reflex as rx

from portal.components.basics import PlainLink, badge, card, code_number, link, tile, tiles
from portal.components.table import TableColumn, data_table
from portal.features.deployments.rows import DeploymentRow
from portal.features.deployments.state import DeploymentsState
from portal.i18n import t


def figures() -> rx.Component:
    """DORA's four figures, each with what it is made of, and how they are computed."""
    shown = DeploymentsState.view.figures
    four = (
        (t("page.deployments.frequency"), shown.frequency, t("page.deployments.how_frequency")),
        (t("page.deployments.lead_time"), shown.lead_time, t("page.deployments.how_lead_time")),
        (t("page.deployments.failures"), shown.failures, t("page.deployments.how_failures")),
        (t("page.deployments.restore"), shown.restore, t("page.deployments.how_restore")),
    )
    how = [rx.el.p(rx.el.strong(name, ": "), words) for name, _, words in four]
    return card(
        t("page.deployments.figures"),
        tiles(*[tile(name, figure.value, figure.remark, quiet=True) for name, figure, _ in four]),
        rx.el.details(
            rx.el.summary(t("page.deployments.how")),
            rx.el.div(rx.el.p(t("page.deployments.how_period")), *how, class_name="small muted"),
            class_name="details",
            style={"marginBlockStart": "10px"},
        ),
        data_testid="figures",
    )


def deployments_table() -> rx.Component:
    """A page of the ledger. What senders told is shown as text, whatever it looks like."""
    return data_table(
        DeploymentsState.view.rows,
        [
            TableColumn(head=t("page.deployments.service"), cell=_service, leads=True),
            TableColumn(head=t("page.deployments.result"), cell=_result),
            TableColumn(head=t("page.deployments.started"), cell=_times, opens=True),
            TableColumn(head=t("page.deployments.by"), cell=_origin, is_wide=True, opens=True),
            TableColumn(head=t("page.deployments.where"), cell=_place, is_wide=True, opens=True),
        ],
        caption=t("page.deployments.history"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.service} {row.version}"),
    )


def _service(row: DeploymentRow) -> rx.Component:
    return rx.el.div(
        link(row.service, row.url), rx.el.div(code_number(row.version), class_name="small muted")
    )


def _result(row: DeploymentRow) -> rx.Component:
    smoke = badge(t("page.deployments.smoke_test", result=row.smoke_test), row.smoke_tone)
    return rx.el.div(
        badge(row.result, row.tone),
        " ",
        rx.cond(row.smoke_test != "", smoke, rx.fragment()),
    )


def _times(row: DeploymentRow) -> rx.Component:
    return rx.el.div(row.started, _shown_if(row.lasted, row.lasted), _shown_if(row.silence, row.silence))


def _origin(row: DeploymentRow) -> rx.Component:
    return rx.el.div(
        rx.cond(row.author != "", link(rx.el.bdi(row.author), row.author_url), rx.fragment()),
        rx.el.div(
            code_number(row.branch),
            rx.cond((row.branch != "") & (row.commit != ""), " · ", ""),
            code_number(row.commit),
            class_name="small muted",
        ),
        _shown_if(row.ci_run, _run(row)),
        class_name="details-of",
    )


def _run(row: DeploymentRow) -> rx.Component:
    """The address of the run; it is a link only where the host is a known one."""
    address = code_number(row.ci_run)
    opened = PlainLink.create(address, href=row.ci_url, custom_attrs={"rel": "noopener noreferrer"})
    return rx.cond(row.ci_url != "", opened, address)


def _place(row: DeploymentRow) -> rx.Component:
    return rx.el.div(
        rx.el.div(code_number(row.place)),
        rx.foreach(row.workloads, lambda name: rx.el.div(code_number(name))),
        _shown_if(row.digest, code_number(row.digest)),
        class_name="details-of",
    )


def _shown_if(value: Any, content: Any) -> rx.Component:
    return rx.cond(value != "", rx.el.div(content, class_name="small muted"), rx.fragment())
