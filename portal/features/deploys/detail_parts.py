"""The parts of the page of a workload."""

from typing import Any

import reflex as rx

from portal.components.age import age
from portal.components.basics import badge, card, fact_if, link, page_head
from portal.components.listing import list_region
from portal.components.rollout import state_badge
from portal.components.status import empty_state, note
from portal.components.table import TableColumn, data_table
from portal.features.deploys.detail_rows import (
    ClusterEventRow,
    ImageRow,
    PodRow,
    RevisionDifferenceRow,
    RevisionRow,
)
from portal.features.deploys.detail_state import WorkloadState
from portal.features.deploys.ledger_rows import LedgerRow
from portal.i18n import t
from portal.typed import is_filled


def head() -> rx.Component:
    """The name and the state in words, which are what one looks for first."""
    shown = WorkloadState.view
    return rx.fragment(
        page_head(
            rx.el.bdi(shown.name, dir="ltr", class_name="names"),
            rx.fragment(shown.kind, " · ", _latin(shown.namespace)),
            state_badge(shown.state, shown.tone, shown.mark),
        ),
        rx.cond(WorkloadState.freshness != "", note(WorkloadState.freshness, tone="warn"), rx.fragment()),
    )


def figures() -> rx.Component:
    """The figures of the rollout, and its images."""
    shown = WorkloadState.view
    pairs = (
        (t("page.workload.since"), _moment(shown.since_s, shown.since)),
        (t("page.workload.ready"), shown.ready),
        (t("page.workload.updated"), shown.updated),
        (t("page.workload.available"), shown.available),
        (t("page.workload.wanted"), shown.wanted),
        (t("page.workload.revision"), shown.revision),
        (t("page.workload.release"), _latin(shown.release)),
    )
    return rx.fragment(
        card(
            t("page.workload.rollout"),
            rx.el.dl(
                *[rx.el.div(rx.el.dt(name), rx.el.dd(value)) for name, value in pairs],
                class_name="facts tight",
            ),
            rx.cond(
                shown.words != "", rx.el.p(_latin(shown.words), class_name="muted small said"), rx.fragment()
            ),
            rx.foreach(shown.images, _image),
            data_testid="rollout",
        ),
    )


def _image(row: ImageRow) -> rx.Component:
    return rx.el.dl(
        rx.el.div(rx.el.dt(t("page.workload.container")), rx.el.dd(_latin(row.container))),
        rx.el.div(rx.el.dt(t("page.workload.image")), rx.el.dd(_latin(row.name))),
        rx.el.div(rx.el.dt(t("page.workload.tag")), rx.el.dd(_latin(row.tag))),
        rx.el.div(rx.el.dt(t("page.workload.digest")), rx.el.dd(_latin(row.digest))),
        rx.el.div(rx.el.dt(t("page.workload.resources")), rx.el.dd(_latin(row.resources))),
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
                fact_if(shown.pod != "", t("page.workload.pod"), _latin(shown.pod)),
                fact_if(shown.container != "", t("page.workload.container"), _latin(shown.container)),
                fact_if(shown.image != "", t("page.workload.image"), _latin(shown.image)),
                fact_if(shown.exit != "", t("page.workload.exit"), shown.exit),
                fact_if(shown.limit != "", t("page.workload.memory_limit"), _latin(shown.limit)),
                fact_if(shown.restarts != "", t("page.workload.restarts"), shown.restarts),
                fact_if(shown.since != "", t("page.workload.since"), _moment(shown.since_s, shown.since)),
                class_name="facts tight",
            ),
            rx.cond(
                shown.message != "",
                rx.el.p(_latin(shown.message), class_name="said cluster-words"),
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
                cell=lambda row: link(_latin(row.name), row.log_url, class_name="names"),
                leads=True,
            ),
            TableColumn(head=t("page.workload.state"), cell=lambda row: badge(_latin(row.state), row.tone)),
            TableColumn(head=t("page.workload.restarts"), cell=lambda row: row.restarts, opens=True),
            TableColumn(
                head=t("page.workload.created"),
                cell=lambda row: age(row.created_s, title=row.created),
                opens=True,
            ),
            TableColumn(head=t("page.workload.node"), cell=lambda row: _latin(row.node), opens=True),
            TableColumn(head=t("page.workload.ended"), cell=_ended, is_wide=True, opens=True),
            TableColumn(
                head=t("page.workload.resources"),
                cell=lambda row: rx.el.span(_latin(row.resources), class_name="small"),
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


def revisions() -> rx.Component:
    """The history, and the way to compare two revisions; nothing where the cluster keeps none."""
    table = data_table(
        WorkloadState.revisions,
        [
            TableColumn(head=t("page.workload.revision"), cell=_revision_number, leads=True),
            TableColumn(head=t("page.workload.image"), cell=lambda row: _latin(row.image)),
            TableColumn(
                head=t("page.workload.created"),
                cell=lambda row: _moment(row.created_s, row.created),
                opens=True,
            ),
            TableColumn(head=t("page.workload.pods"), cell=lambda row: row.pods, opens=True),
            TableColumn(head=t("page.workload.cause"), cell=_cause, is_wide=True, opens=True),
            TableColumn(head="", cell=_compare, opens=True),
        ],
        caption=t("page.workload.revisions"),
        key=lambda row: row.key,
        name=lambda row: row.number,
    )
    listed = list_region(
        t("page.workload.revisions"),
        table,
        pager=WorkloadState.revisions_pager,
        element_id="list-of-revisions",
    )
    return rx.cond(
        is_filled(WorkloadState.revisions),
        card(t("page.workload.revisions"), listed, flush=True),
        rx.fragment(),
    )


def _revision_number(row: RevisionRow) -> rx.Component:
    return rx.el.span(
        row.number,
        rx.cond(row.is_newest, rx.fragment(" ", badge(t("page.workload.newest"), "info")), rx.fragment()),
    )


def _cause(row: RevisionRow) -> rx.Component:
    return rx.el.bdi(row.cause, class_name="small said")


def _compare(row: RevisionRow) -> rx.Component:
    return rx.cond(
        row.compare_url != "",
        link(t("page.workload.compare"), row.compare_url, class_name="btn small"),
        rx.fragment(),
    )


def difference() -> rx.Component:
    """The differences between the two revisions that the address names."""
    shown = WorkloadState.comparison
    table = data_table(
        shown.lines,
        [
            TableColumn(head=t("page.workload.what"), cell=lambda row: row.what, leads=True),
            TableColumn(head=t("page.workload.where"), cell=lambda row: _latin(row.where)),
            TableColumn(head=t("page.workload.before"), cell=_before, is_wide=True),
            TableColumn(head=t("page.workload.after"), cell=_after, is_wide=True),
        ],
        caption=shown.title,
        key=lambda row: row.key,
    )
    return rx.cond(
        shown.title != "",
        card(
            shown.title,
            rx.cond(
                shown.is_same,
                empty_state(t("page.workload.same"), t("page.workload.same_why")),
                table,
            ),
            aside=link(t("page.workload.close_comparison"), shown.close_url, class_name="btn small"),
            flush=True,
            data_testid="comparison",
        ),
        rx.fragment(),
    )


def _before(row: RevisionDifferenceRow) -> rx.Component:
    return _latin(row.before)


def _after(row: RevisionDifferenceRow) -> rx.Component:
    return _latin(row.after)


def events() -> rx.Component:
    """The events of the cluster, newest first."""
    table = data_table(
        WorkloadState.events,
        [
            TableColumn(head=t("page.workload.event"), cell=_event, leads=True),
            TableColumn(head=t("page.workload.at"), cell=lambda row: age(row.at_s, title=row.at)),
            TableColumn(
                head=t("page.workload.about"), cell=lambda row: _latin(row.about), is_wide=True, opens=True
            ),
            TableColumn(
                head=t("page.workload.message"),
                cell=lambda row: rx.el.span(_latin(row.message), class_name="small said"),
                is_wide=True,
                opens=True,
                stays=lambda row: row.tone != "",
            ),
        ],
        caption=t("page.workload.events"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.reason} · {row.at}"),
    )
    listed = list_region(
        t("page.workload.events"), table, pager=WorkloadState.events_pager, element_id="list-of-events"
    )
    none = empty_state(t("page.workload.no_events"), t("page.workload.no_events_why"))
    return card(t("page.workload.events"), rx.cond(is_filled(WorkloadState.events), listed, none), flush=True)


def _event(row: ClusterEventRow) -> rx.Component:
    counted = rx.el.div(row.count, class_name="small muted")
    return rx.el.div(badge(_latin(row.reason), row.tone), rx.cond(row.count != "", counted, rx.fragment()))


def ledger() -> rx.Component:
    """The ledger's deployments that name the workload; nothing where no pipeline tells of any."""
    table = data_table(
        WorkloadState.ledger,
        [
            TableColumn(head=t("page.workload.version"), cell=_version, leads=True),
            TableColumn(head=t("page.workload.result"), cell=lambda row: badge(row.result, row.tone)),
            TableColumn(
                head=t("page.workload.started"),
                cell=lambda row: _moment(row.started_s, row.started),
                opens=True,
            ),
            TableColumn(head=t("page.workload.lasted"), cell=lambda row: row.lasted, opens=True),
            TableColumn(head=t("page.workload.author"), cell=lambda row: rx.el.bdi(row.author), opens=True),
            TableColumn(head=t("page.workload.commit"), cell=lambda row: _latin(row.commit), opens=True),
        ],
        caption=t("page.workload.ledger"),
        key=lambda row: row.key,
        name=lambda row: row.version,
    )
    return rx.cond(
        is_filled(WorkloadState.ledger),
        card(t("page.workload.ledger"), table, flush=True, data_testid="ledger"),
        rx.fragment(),
    )


def _version(row: LedgerRow) -> rx.Component:
    return rx.el.span(
        link(_latin(row.version), row.url),
        rx.cond(row.is_cause, rx.fragment(" ", badge(t("page.workload.is_cause"), "info")), rx.fragment()),
    )


def _moment(epoch_s: Any, words: Any) -> rx.Component:
    """An age, and the moment below it."""
    return rx.fragment(age(epoch_s), rx.el.div(words, class_name="small muted"))


def _latin(words: Any) -> rx.Component:
    """Names and words of the cluster: from left to right in both languages."""
    return rx.el.bdi(words, dir="ltr", class_name="names")
