"""The page of the audit trail, for the staff."""

import reflex as rx

from portal import routes
from portal.components.age import age
from portal.components.answer import answer_region, answered_by
from portal.components.basics import PlainLink, button, card, code_number, link, page_head
from portal.components.isolated import isolated
from portal.components.listing import LIST, listing
from portal.components.status import note
from portal.components.table import TableColumn, data_table
from portal.features.audit.rows import ActionChoice, AuditRow, RawField
from portal.features.audit.state import AuditState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.pages import Group
from portal.place import LONGEST_WORD, PlaceState
from portal.typed import is_filled

CHECKED = "checked"


@page(
    routes.AUDIT,
    "page.audit.title",
    STAFF,
    nav="page.audit.nav",
    group=Group.WATCH,
    order=80,
    on_load=[AuditState.load],
)
def audit() -> rx.Component:
    """The search, the proof of the chain, and the entries."""
    return rx.fragment(
        page_head(t("page.audit.heading"), t("page.audit.intro")), loaded(AuditState, _audit(), lines=10)
    )


def _audit() -> rx.Component:
    return rx.fragment(_search(), _check(), _entries())


def _search() -> rx.Component:
    shown = AuditState.view
    export = PlainLink.create(t("page.audit.export"), href=shown.export_url, class_name="btn", download=True)
    return card(
        t("page.audit.search"),
        rx.el.form(
            rx.el.div(
                _words("who", t("page.audit.who"), shown.who),
                _actions(),
                _words("target", t("page.audit.target"), shown.target),
                _words("since", t("page.audit.since"), shown.since),
                _words("until", t("page.audit.until"), shown.until),
                class_name="fields",
            ),
            rx.el.p(t("page.audit.hint"), class_name="hint"),
            rx.cond(shown.problem != "", note(shown.problem, tone="bad"), rx.fragment()),
            rx.el.div(button(t("page.audit.do"), type="submit", kind="primary"), export, class_name="row"),
            on_submit=PlaceState.seek,
            role="search",
            class_name="form",
            custom_attrs={"data-answered-by": LIST},
        ),
        data_testid="search",
    )


def _words(name: str, label: rx.Var[str], value: str) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=f"audit-{name}"),
        rx.el.input(
            id=f"audit-{name}",
            name=name,
            dir="auto",
            default_value=value,
            key=value,
            max_length=LONGEST_WORD,
            auto_complete="off",
            class_name="input",
        ),
        class_name="field",
    )


def _actions() -> rx.Component:
    shown = AuditState.view
    return rx.el.div(
        rx.el.label(t("page.audit.what"), html_for="audit-what"),
        rx.el.select(
            rx.el.option(t("page.audit.any"), value=""),
            rx.foreach(shown.choices, _option),
            id="audit-what",
            name="what",
            default_value=shown.action,
            key=shown.action,
            class_name="input",
        ),
        class_name="field",
    )


def _option(choice: ActionChoice) -> rx.Component:
    return rx.el.option(choice.title, value=choice.value)


def _check() -> rx.Component:
    shown = AuditState.check
    again = rx.cond(shown.can_go_on, t("page.audit.go_on"), t("page.audit.verify"))
    return card(
        t("page.audit.chain"),
        rx.el.p(t("page.audit.chain_what"), class_name="muted"),
        answer_region(
            CHECKED,
            rx.cond(AuditState.is_checking, "", shown.words + AuditState.check_problem),
            rx.cond(
                AuditState.check_problem != "",
                note(AuditState.check_problem, tone="bad"),
                rx.cond(shown.words != "", note(shown.words, tone=shown.tone), rx.fragment()),
            ),
            rx.cond(is_filled(shown.broken), rx.el.ul(rx.foreach(shown.broken, rx.el.li)), rx.fragment()),
            rx.cond(
                shown.head != "",
                rx.el.p(t("page.audit.head"), " ", code_number(shown.head), class_name="small muted"),
                rx.fragment(),
            ),
            data_testid="checked",
        ),
        aside=button(
            again,
            kind="small",
            disabled=AuditState.is_checking,
            on_click=AuditState.verify,
            custom_attrs=answered_by(CHECKED),
        ),
    )


def _entries() -> rx.Component:
    shown = AuditState.view
    table = data_table(
        shown.rows,
        [
            TableColumn(head=t("page.audit.entry"), cell=_said, leads=True),
            TableColumn(head=t("page.audit.age"), cell=lambda row: age(row.at_s)),
            TableColumn(head=t("page.payments.time"), cell=lambda row: row.at, opens=True),
            TableColumn(head=t("page.audit.raw"), cell=_raw, is_wide=True, opens=True),
        ],
        caption=t("page.audit.heading"),
        key=lambda row: row.key,
        name=lambda row: row.at,
    )
    return listing(t("page.audit.found"), shown.rows, table, pager=shown.pager, data_testid="entries")


def _said(row: AuditRow) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.cond(row.url != "", link(isolated(row.sentence), row.url), isolated(row.sentence)),
            class_name="two-lines",
        ),
        rx.cond(
            row.reason != "",
            rx.el.p(row.reason, class_name="given small muted more", dir="auto"),
            rx.fragment(),
        ),
    )


def _raw(row: AuditRow) -> rx.Component:
    return rx.el.details(
        rx.el.summary(t("page.audit.show_raw")),
        rx.el.dl(rx.foreach(row.raw, _field), class_name="raw", dir="ltr"),
    )


def _field(each: RawField) -> rx.Component:
    return rx.el.div(rx.el.dt(each.name), rx.el.dd(rx.el.code(each.value)))
