"""The chart's README, made of README.md.in and the comments of values.yaml."""

import json
from itertools import groupby

import yaml

from delivery.chart.rendering import CHART
from delivery.chart.values import Value, documented

README, TEMPLATE = CHART / "README.md", CHART / "README.md.in"
VERSION_MARK, VALUES_MARK = "@VERSION@", "@VALUES@"
LONGEST_DEFAULT = 60


def readme_text(values: str) -> str:
    """The README as its file holds it."""
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    tables = "\n\n".join(
        _table(section, list(group))
        for section, group in groupby(documented(values), lambda each: each.path[0])
    )
    text = TEMPLATE.read_text(encoding="utf-8")
    return text.replace(VERSION_MARK, version).replace(VALUES_MARK, tables)


def _table(section: str, values: list[Value]) -> str:
    rows = [
        f"| `{'.'.join(each.path)}` | {_default(each.default)} | {_cell(each.about)} |" for each in values
    ]
    return "\n".join((f"### {section}", "", "| value | default | meaning |", "| --- | --- | --- |", *rows))


def _default(value: object) -> str:
    if value is None or value == "":
        return "(empty)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "see values.yaml" if len(text) > LONGEST_DEFAULT else f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
