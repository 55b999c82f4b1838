"""The chart of thirty days: recharts, mirrored on a Persian page, with the page's digits."""

import reflex as rx

from portal.i18n import IS_PERSIAN, by_language
from portal.usage.rows import COLOURS, SeriesRow
from portal.usage.state import ChartState

# Making a formatter costs more than a hundred uses of it; a page keeps its language, so one of each is made once.
_NUMBER = (
    "(globalThis.{name} ??= new Intl.NumberFormat("
    "document.documentElement.lang === 'en' ? 'en-US' : 'fa-IR', {options})).format(value)"
)
# The drawing runs left to right; an isolate lets a Persian label run its own way inside it.
_OWN_WAY = "(value) => document.documentElement.lang === 'en' ? {text} : '\\u2067' + {text} + '\\u2069'"
_COMPACT = _OWN_WAY.replace(
    "{text}",
    _NUMBER.replace("{name}", "portalCompact").replace(
        "{options}", "{notation: 'compact', maximumFractionDigits: 1}"
    ),
)
_EXACT = f"(value) => {_NUMBER.replace('{name}', 'portalExact').replace('{options}', '{}')}"
_LABEL = _OWN_WAY.replace("{text}", "value")


def usage_chart() -> rx.Component:
    """Bars of tokens by day, stacked by model, with the models named above."""
    return rx.el.figure(
        rx.el.ul(rx.foreach(ChartState.series, _legend_entry), class_name="legend"),
        rx.el.div(
            rx.recharts.bar_chart(
                *[_bars(n, colour) for n, colour in enumerate(COLOURS)],
                rx.recharts.cartesian_grid(vertical=False, stroke_dasharray="3 3"),
                rx.recharts.x_axis(
                    data_key="day",
                    reversed=IS_PERSIAN,
                    tick_formatter=_LABEL,
                    interval="preserveStartEnd",
                    min_tick_gap=28,
                    tick_line=False,
                ),
                rx.recharts.y_axis(
                    orientation=by_language("right", "left"),
                    tick_formatter=_COMPACT,
                    tick_line=False,
                    axis_line=False,
                    width=78,
                ),
                rx.recharts.graphing_tooltip(
                    custom_attrs={"formatter": rx.Var(_EXACT)}, is_animation_active=False
                ),
                data=ChartState.chart,
                margin={"top": 12, "right": 0, "bottom": 0, "left": 0},
                width="100%",
                height="100%",
            ),
            class_name="chart",
        ),
    )


def _bars(place: int, colour: str) -> rx.Component:
    entry = ChartState.series[place]
    known = ChartState.series.length() > place  # type: ignore[attr-defined]  # a list on the server, a Var here
    return rx.recharts.bar(
        data_key=f"s{place}",
        name=rx.cond(known, entry.name, ""),
        fill=colour,
        stack_id="day",
        is_animation_active=False,
        max_bar_size=30,
    )


def _legend_entry(entry: SeriesRow) -> rx.Component:
    return rx.el.li(
        rx.el.span(class_name="dot", style={"background": entry.colour}),
        rx.el.span(entry.name, class_name="ltr"),
    )
