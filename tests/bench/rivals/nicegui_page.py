"""``python nicegui_page.py PORT``: the page of the bench, the way NiceGUI's own documentation builds one."""

import sys

from nicegui import ui

COLUMNS = [
    {"name": name, "label": name, "field": name}
    for name in ("day", "prompt", "cached", "completion", "total")
]
ROWS = [
    {"day": f"day {n}", "prompt": 1000 * n, "cached": 100 * n, "completion": 500 * n, "total": 1600 * n}
    for n in range(1, 31)
]


@ui.page("/")
def page() -> None:
    """A chart, a table and a pager."""
    ui.echart(
        {
            "animation": False,
            "xAxis": {"type": "category", "data": [row["day"] for row in ROWS]},
            "yAxis": {"type": "value"},
            "series": [{"type": "bar", "data": [row["total"] for row in ROWS]}],
        }
    )
    table = ui.table(columns=COLUMNS, rows=ROWS[:20], row_key="day")
    shown = ui.label("1-20").classes("shown")

    def older() -> None:
        table.rows = ROWS[20:]
        shown.text = "21-30"

    ui.button("Older", on_click=older)


ui.run(host="127.0.0.1", port=int(sys.argv[1]), reload=False, show=False)
