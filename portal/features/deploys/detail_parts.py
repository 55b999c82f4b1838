"""The parts of the page of a workload."""

from typing import Any

import reflex as rx

from portal.components.age import age
from portal.components.basics import badge, card, fact_if, link, page_head
from portal.components.listing import list_region
from portal.components.rollout import state_badge
from portal.components.runs import action_links
from portal.components.status import empty_state, note
from portal.components.table import TableColumn, data_table
from portal.features.deploys.detail_rows import (
    ImageRow,
    PodRow,
)
from portal.features.deploys.detail_state import WorkloadState
from portal.i18n import t
from portal.typed import is_filled


def head() -> rx.Component:
    """The name and the state in words, which are what one looks for first."""
    shown = WorkloadState.view
    return rx.fragment(
        page_head(
            rx.el.bdi(shown.name, dir="ltr", class_name="names"),
            latin(rx.fragment(shown.kind, " · ", shown.namespace)),
            state_badge(shown.state, shown.tone, shown.mark),
        ),
        rx.cond(WorkloadState.freshness != "", note(WorkloadState.freshness, tone="warn"), rx.fragment()),
    )


def actions() -> rx.Component:
    """The actions for this workload, for whoever may ask for them."""
    return rx.cond(WorkloadState.can_act, action_links(WorkloadState.view.actions), rx.fragment())


def figures() -> rx.Component:
    """The figures of the rollout, and its images."""
    shown = WorkloadState.view
    pairs = (
        (t("page.workload.since"), moment(shown.since_s, shown.since)),
        (t("page.workload.ready"), shown.ready),
        (t("page.workload.updated"), shown.updated),
        (t("page.workload.available"), shown.available),
        (t("page.workload.wanted"), shown.wanted),
        (t("page.workload.revision"), shown.revision),
        (t("page.workload.release"), latin(shown.release)),
    )
    return rx.fragment(
        card(
            t("page.workload.rollout"),
            rx.el.dl(
                *[rx.el.div(rx.el.dt(name), rx.el.dd(value)) for name, value in pairs],
                class_name="facts tight",
            ),
            rx.cond(
                shown.words != "", rx.el.p(latin(shown.words), class_name="muted small said"), rx.fragment()
            ),
            rx.foreach(shown.images, _image),
            data_testid="rollout",
        ),
    )


def _image(row: ImageRow) -> rx.Component:
    return rx.el.dl(
        rx.el.div(rx.el.dt(t("page.workload.container")), rx.el.dd(latin(row.container))),
        rx.el.div(rx.el.dt(t("page.workload.image")), rx.el.dd(latin(row.name))),
        rx.el.div(rx.el.dt(t("page.workload.tag")), rx.el.dd(latin(row.tag))),
        rx.el.div(rx.el.dt(t("page.workload.digest")), rx.el.dd(latin(row.digest))),
        rx.el.div(rx.el.dt(t("page.workload.resources")), rx.el.dd(latin(row.resources))),
        class_name="facts tight image-of",
        key=row.key,
    )


def reason() -> rx.Component:
    """The card of what hinders the rollout, what it means and what to do; nothing while it moves."""
    shown = WorkloadState.view.reason
    return rx.cond(
        shown.title != "",
        card(
            shown.title,
            rx.el.p(shown.advice),
            rx.el.dl(
                fact_if(shown.pod != "", t("page.workload.pod"), latin(shown.pod)),
                fact_if(shown.container != "", t("page.workload.container"), latin(shown.container)),
                fact_if(shown.image != "", t("page.workload.image"), latin(shown.image)),
                fact_if(shown.exit != "", t("page.workload.exit"), shown.exit),
                fact_if(shown.limit != "", t("page.workload.memory_limit"), latin(shown.limit)),
                fact_if(shown.restarts != "", t("page.workload.restarts"), shown.restarts),
                fact_if(shown.since != "", t("page.workload.since"), moment(shown.since_s, shown.since)),
                class_name="facts tight",
            ),
            rx.cond(
                shown.message != "",
                rx.el.p(latin(shown.message), class_name="said cluster-words"),
                rx.fragment(),
            ),
            rx.cond(is_filled(shown.last_lines), _last_lines(shown), rx.fragment()),
            rx.cond(
                shown.log_url != "",
                link(t("page.workload.whole_log"), shown.log_url, class_name="btn small"),
                rx.fragment(),
            ),
            data_testid="reason",
            role="alert",
            custom_attrs={"data-tone": "bad"},
        ),
        rx.fragment(),
    )


def _last_lines(shown: Any) -> rx.Component:
    return rx.el.div(
        rx.el.h3(t("page.workload.last_lines")),
        rx.el.div(
            rx.foreach(shown.last_lines, lambda line: rx.el.div(line, dir="auto", class_name="log-line")),
            class_name="log-lines short",
            dir="ltr",
        ),
    )


def pods() -> rx.Component:
    """The pods of the newest revision, then those that are left over of earlier ones."""
    table = data_table(
        WorkloadState.pods,
        [
            TableColumn(
                head=t("page.workload.pod"),
                cell=lambda row: link(latin(row.name), row.log_url, class_name="names"),
                leads=True,
            ),
            TableColumn(head=t("page.workload.state"), cell=lambda row: badge(latin(row.state), row.tone)),
            TableColumn(head=t("page.workload.restarts"), cell=lambda row: row.restarts, opens=True),
            TableColumn(
                head=t("page.workload.created"),
                cell=lambda row: age(row.created_s, title=row.created),
                opens=True,
            ),
            TableColumn(head=t("page.workload.node"), cell=lambda row: latin(row.node), opens=True),
            TableColumn(head=t("page.workload.ended"), cell=_ended, is_wide=True, opens=True),
            TableColumn(
                head=t("page.workload.resources"),
                cell=lambda row: rx.el.span(latin(row.resources), class_name="small"),
                is_wide=True,
                opens=True,
            ),
        ],
        caption=t("page.workload.pods"),
        key=lambda row: row.key,
        name=lambda row: row.name,
    )
    listed = list_region(
        t("page.workload.pods"), table, pager=WorkloadState.pods_pager, element_id="list-of-pods"
    )
    none = empty_state(t("page.workload.no_pods"), t("page.workload.no_pods_why"))
    return card(t("page.workload.pods"), rx.cond(is_filled(WorkloadState.pods), listed, none), flush=True)


def _ended(row: PodRow) -> rx.Component:
    return rx.el.span(row.ended, class_name="small")


def moment(epoch_s: Any, words: Any) -> rx.Component:
    """An age, and the moment below it."""
    return rx.fragment(age(epoch_s), rx.el.div(words, class_name="small muted"))


def latin(words: Any) -> rx.Component:
    """Names and words of the cluster: from left to right in both languages."""
    return rx.el.bdi(words, dir="ltr", class_name="names")
