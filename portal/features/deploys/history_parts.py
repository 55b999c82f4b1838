"""The history of a workload on its page: deployments of the ledger, revisions, and events of the cluster."""

import reflex as rx

from portal.components.age import age
from portal.components.basics import badge, card, link
from portal.components.listing import list_region
from portal.components.status import empty_state
from portal.components.table import TableColumn, data_table
from portal.features.deploys.detail_parts import latin, moment
from portal.features.deploys.detail_state import WorkloadState
from portal.features.deploys.history_rows import ClusterEventRow, RevisionDifferenceRow, RevisionRow
from portal.features.deploys.ledger_rows import LedgerRow
from portal.i18n import t
from portal.typed import is_filled


def ledger() -> rx.Component:
    """The ledger's deployments that name the workload; nothing where no pipeline tells of any."""
    table = data_table(
        WorkloadState.ledger,
        [
            TableColumn(head=t("page.workload.version"), cell=_version, leads=True),
            TableColumn(head=t("page.workload.result"), cell=lambda row: badge(row.result, row.tone)),
            TableColumn(
                head=t("page.workload.started"),
                cell=lambda row: moment(row.started_s, row.started),
                opens=True,
            ),
            TableColumn(head=t("page.workload.lasted"), cell=lambda row: row.lasted, opens=True),
            TableColumn(head=t("page.workload.author"), cell=lambda row: rx.el.bdi(row.author), opens=True),
            TableColumn(head=t("page.workload.commit"), cell=lambda row: latin(row.commit), opens=True),
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
        link(latin(row.version), row.url),
        rx.cond(row.is_cause, rx.fragment(" ", badge(t("page.workload.is_cause"), "info")), rx.fragment()),
    )


def revisions() -> rx.Component:
    """The history, and the way to compare two revisions; nothing where the cluster keeps none."""
    table = data_table(
        WorkloadState.revisions,
        [
            TableColumn(head=t("page.workload.revision"), cell=_revision_number, leads=True),
            TableColumn(head=t("page.workload.image"), cell=lambda row: latin(row.image)),
            TableColumn(
                head=t("page.workload.created"),
                cell=lambda row: moment(row.created_s, row.created),
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
            TableColumn(head=t("page.workload.where"), cell=lambda row: latin(row.where)),
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
    return latin(row.before)


def _after(row: RevisionDifferenceRow) -> rx.Component:
    return latin(row.after)


def events() -> rx.Component:
    """The events of the cluster, newest first."""
    table = data_table(
        WorkloadState.events,
        [
            TableColumn(head=t("page.workload.event"), cell=_event, leads=True),
            TableColumn(head=t("page.workload.at"), cell=lambda row: age(row.at_s, title=row.at)),
            TableColumn(
                head=t("page.workload.about"), cell=lambda row: latin(row.about), is_wide=True, opens=True
            ),
            TableColumn(
                head=t("page.workload.message"),
                cell=lambda row: rx.el.span(latin(row.message), class_name="small said"),
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
    return rx.el.div(badge(latin(row.reason), row.tone), rx.cond(row.count != "", counted, rx.fragment()))
