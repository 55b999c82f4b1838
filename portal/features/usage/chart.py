"""The chart of thirty days: plain boxes that follow the page's direction, because a drawing library costs every first
load 107 KB of gzip and a fifth of a second, and runs left to right only.
"""

import reflex as rx

from portal.features.usage.chart_layout import ChartColumn, ChartSegment, ChartTick
from portal.features.usage.rows import SeriesRow
from portal.features.usage.state import ChartState
from portal.i18n import t
from portal.typed import count


def usage_chart() -> rx.Component:
    """Bars of tokens by day, stacked by model, with the models named above. The table below says the same in words."""
    return rx.el.figure(
        rx.el.ul(rx.foreach(ChartState.series, _legend_entry), class_name="legend"),
        rx.el.div(
            rx.el.div(rx.foreach(ChartState.ticks, _line), class_name="chart-lines"),
            rx.el.div(
                rx.foreach(ChartState.columns, _column),
                class_name="chart-days",
                custom_attrs={"data-arrows": "1"},
            ),
            class_name="chart",
            role="group",
            aria_label=t("page.usage.chart_keys"),
        ),
    )


def _line(tick: ChartTick) -> rx.Component:
    return rx.el.div(rx.el.span(tick.label), style={"insetBlockEnd": tick.height})


def _column(column: ChartColumn, place: rx.Var[int]) -> rx.Component:
    """A day. The newest is a stop of the Tab key; from there the arrow keys lead on (assets/portal.js)."""
    is_newest = place == count(ChartState.columns) - 1
    return rx.el.div(
        rx.foreach(column.segments, _segment),
        rx.el.span(column.label, class_name="chart-label"),
        rx.el.span(column.about, class_name="chart-tip"),
        class_name="chart-day",
        role="img",
        aria_label=column.about,
        tab_index=rx.cond(is_newest, 0, -1),
    )


def _segment(segment: ChartSegment) -> rx.Component:
    return rx.el.i(style={"blockSize": segment.height, "background": segment.colour})


def _legend_entry(entry: SeriesRow) -> rx.Component:
    return rx.el.li(
        rx.el.span(class_name="dot", style={"background": entry.colour}),
        rx.el.span(entry.name, class_name="ltr"),
    )
