"""The small chart of an alert: plain boxes that follow the page's direction."""

from typing import Any

import reflex as rx

from portal.features.alerts.trend_layout import TrendColumn, TrendTick
from portal.i18n import t
from portal.typed import count


def trend_chart(shown: Any) -> rx.Component:
    """A box for each step, and a line at the limit. Arrow keys lead from step to step (assets/portal.js)."""
    return rx.el.figure(
        rx.el.div(
            rx.el.div(
                rx.foreach(shown.ticks, _line),
                rx.cond(
                    shown.limit != "",
                    rx.el.div(
                        rx.el.b(shown.limit), class_name="limit", style={"insetBlockEnd": shown.limit_height}
                    ),
                    rx.fragment(),
                ),
                class_name="chart-lines",
            ),
            rx.el.div(
                rx.foreach(shown.columns, lambda column, place: _column(column, place, shown)),
                class_name="chart-days",
                custom_attrs={"data-arrows": "1"},
            ),
            class_name="chart trend",
            role="group",
            aria_label=t("page.usage.chart_keys"),
        ),
    )


def _line(tick: TrendTick) -> rx.Component:
    return rx.el.div(rx.el.span(tick.label), style={"insetBlockEnd": tick.height})


def _column(column: TrendColumn, place: rx.Var[int], shown: Any) -> rx.Component:
    is_newest = place == count(shown.columns) - 1
    return rx.el.div(
        rx.el.i(
            style={"blockSize": column.height},
            class_name=rx.cond(column.is_over, "over", ""),
        ),
        rx.el.span(column.label, class_name="chart-label"),
        rx.el.span(column.about, class_name="chart-tip"),
        class_name="chart-day",
        role="img",
        aria_label=column.about,
        tab_index=rx.cond(is_newest, 0, -1),
    )
