"""What a dashboard's file says: panels, expressions, variables and links."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from delivery.dashboards.boards import FOLDER

_VALUES = re.compile(r"label_values\((?:(?P<metric>[\w:]+), *)?(?P<label>\w+)\)")


class Asked(NamedTuple):
    """An expression and the panel that shows it."""

    panel: str
    expr: str


def files() -> dict[str, dict[str, Any]]:
    """Every dashboard of the chart by the name of its file."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def asked() -> Iterator[Asked]:
    """Every expression as Prometheus is asked: all companies, all models, rates over five minutes."""
    for name, board in files().items():
        for panel in panels(board):
            for target in panel["targets"]:
                expr = target["expr"].replace("$__rate_interval", "5m")
                yield Asked(f"{name}: {panel['title']}", re.sub(r"\$\w+", ".*", expr))


def chosen_from() -> set[tuple[str, str]]:
    """Metric and label that the variables take their values from."""
    queries = [each["query"] for board in files().values() for each in board["templating"]["list"]]
    found = [_VALUES.fullmatch(query) for query in queries]
    assert all(found)
    return {(match["metric"], match["label"]) for match in found if match}
