"""The usage page of a tenant."""

import reflex as rx

from backend.i18n.catalog import LANGUAGES, text
from backend.i18n.format import number
from portal import routes
from portal.components.basics import card, page_head, tile, tiles
from portal.components.listing import listing
from portal.components.reasons import reasons
from portal.components.status import empty_state, error_panel, note
from portal.components.table import TableColumn, data_table
from portal.features.usage.chart import usage_chart
from portal.features.usage.rows import DayRow
from portal.features.usage.state import UsageState
from portal.guard import TENANT
from portal.i18n import by_language, t
from portal.layout import page
from portal.loaded import loaded
from portal.typed import is_filled


@page(
    routes.USAGE,
    "page.usage.title",
    TENANT,
    nav="page.usage.nav",
    order=10,
    on_load=[UsageState.load, UsageState.follow],
)
def usage() -> rx.Component:
    """Today, this month, thirty days as a chart and as a table."""
    return rx.fragment(
        page_head(
            t("page.usage.heading"),
            t("page.usage.intro"),
            aside=_as_of(),
        ),
        rx.cond(
            UsageState.today_phase == "problem",
            error_panel(UsageState.today_problem, UsageState.measure_again),
            rx.fragment(),
        ),
        _figures(),
        loaded(
            UsageState,
            rx.fragment(_settling(), rx.cond(is_filled(UsageState.view.days), _days(), _no_days())),
            lines=8,
        ),
        # Below all that comes by itself, for today's measurement comes later.
        rx.foreach(
            UsageState.today.flags,
            lambda flag: note(rx.el.strong(flag.name, ": "), flag.sentence, tone="info"),
        ),
    )


def _as_of() -> rx.Component:
    """Time of today's last measurement. Its place is kept until then."""
    is_there = UsageState.today.as_of != ""
    return rx.el.span(
        t("page.usage.as_of", time=rx.cond(is_there, UsageState.today.as_of, "00:00")),
        class_name=rx.cond(
            is_there, rx.cond(UsageState.today_phase == "problem", "live stale", "live"), "live waiting"
        ),
        data_testid="as-of",
    )


def _figures() -> rx.Component:
    today, month = UsageState.today, UsageState.month
    is_there, is_month_there = today.tokens != "", month.tokens != ""
    waiting = rx.el.div(class_name="skeleton", style={"width": "7rem"})
    dash = rx.cond(UsageState.today_phase == "problem", rx.fragment("—"), waiting)
    month_dash = rx.cond(UsageState.phase == "problem", rx.fragment("—"), waiting)
    remark = rx.cond(UsageState.is_month_whole, t("page.usage.with_today"), t("page.usage.without_today"))
    span = rx.el.span(month.span, class_name="line")
    return tiles(
        tile(
            t("page.usage.today"),
            rx.cond(is_there, today.tokens, dash),
            rx.cond(is_there, today.by_type, rx.el.span(_usual_types(), class_name="waiting")),
            data_testid="today-tokens",
        ),
        tile(
            t("page.usage.today_cost"),
            rx.cond(is_there, today.cost, dash),
            t("page.usage.estimate"),
            data_testid="today-cost",
        ),
        tile(
            _of_month("page.usage.month"),
            rx.cond(is_month_there, month.tokens, month_dash),
            rx.fragment(span, remark),
            data_testid="month-tokens",
        ),
        tile(
            _of_month("page.usage.month_cost"),
            rx.cond(is_month_there, month.cost, month_dash),
            rx.fragment(span, t("page.usage.with_estimate")),
            data_testid="month-cost",
        ),
    )


def _settling() -> rx.Component:
    return rx.cond(
        UsageState.view.settling != "",
        note(UsageState.view.settling, tone="info", data_testid="settling"),
        rx.fragment(),
    )


def _of_month(key: str) -> rx.Component:
    """The label of a month's tile, which names the month; a name like it keeps its place."""
    name = UsageState.month.name
    return rx.cond(
        name != "",
        t(key, month=name),
        rx.el.span(t(key, month=by_language("آذر ۱۴۰۵", "Nov 2026")), class_name="waiting"),
    )


def _usual_types() -> rx.Var[str]:
    """Words as long as the real ones will be, to keep their place."""
    usual = {"prompt": 1_234_567, "cached": 1_234_567, "completion": 123_456}
    return by_language(
        *(
            text("page.usage.by_type", lang, **{name: number(tokens, lang) for name, tokens in usual.items()})
            for lang in LANGUAGES
        )
    )


def _days() -> rx.Component:
    return rx.fragment(
        card(
            t("page.usage.chart"),
            usage_chart(),
            aside=rx.el.span(t("page.usage.tokens"), class_name="muted small"),
        ),
        listing(
            t("page.usage.days"),
            UsageState.view.days,
            data_table(
                UsageState.view.days,
                [
                    TableColumn(head=t("page.usage.day"), cell=lambda row: row.day, leads=True),
                    TableColumn(
                        head=t("usage.type.prompt"), cell=lambda row: row.prompt, is_number=True, opens=True
                    ),
                    TableColumn(
                        head=t("usage.type.cached_prompt"),
                        cell=lambda row: row.cached_prompt,
                        is_number=True,
                        opens=True,
                    ),
                    TableColumn(
                        head=t("usage.type.completion"),
                        cell=lambda row: row.completion,
                        is_number=True,
                        opens=True,
                    ),
                    TableColumn(head=t("page.usage.total"), cell=lambda row: row.total, is_number=True),
                    TableColumn(head=t("page.usage.cost"), cell=lambda row: row.cost, is_number=True),
                    TableColumn(
                        head=t("page.usage.coverage"),
                        cell=lambda row: row.coverage,
                        is_number=True,
                        opens=True,
                    ),
                    TableColumn(
                        head=t("page.usage.remarks"),
                        cell=_remarks,
                        is_wide=True,
                        opens=True,
                        stays=_has_remarks,
                    ),
                ],
                caption=t("page.usage.days"),
                key=lambda row: row.key,
                name=lambda row: row.day,
                heading=lambda row: row.month,
            ),
            pager=UsageState.view.pager,
        ),
    )


def _has_remarks(row: DayRow) -> rx.Var[bool]:
    return is_filled(row.flags)


def _remarks(row: DayRow) -> rx.Component:
    return rx.cond(_has_remarks(row), reasons(row.flags), rx.fragment())


def _no_days() -> rx.Component:
    return rx.el.div(
        empty_state(t("page.usage.none"), t("page.usage.none_why")),
        class_name="card",
    )
