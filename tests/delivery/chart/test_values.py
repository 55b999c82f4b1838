"""The values of the chart: each documented, each bounded, and a typo refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from delivery.chart.readme import README, readme_text
from delivery.chart.rendering import HELMS, ChartError, render
from delivery.chart.values import SCHEMA, VALUES, documented, schema_of, schema_text, undocumented

TEXT = VALUES.read_text(encoding="utf-8")
FREE = {
    "env",
    "nodeSelector",
    "annotations",
    "ingressAnnotations",
    "podLabels",
    "requests",
    "limits",
    "items",
}


def objects(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, (*path, name))
    if schema.get("type") == "object":
        yield path, schema.get("additionalProperties")


def test_every_value_says_what_it_means() -> None:
    assert undocumented(TEXT) == []
    assert [each.path for each in documented(TEXT) if not each.about.endswith(".")] == []


def test_schema_and_readme_are_made_of_the_comments() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(TEXT), "run `make chart-docs`"
    assert README.read_text(encoding="utf-8") == readme_text(TEXT), "run `make chart-docs`"


def test_the_schema_lets_no_unknown_key_in_but_where_names_are_free() -> None:
    open_ones = {path for path, more in objects(schema_of(TEXT)) if more is not False}

    assert {path for path in open_ones if path[-1] not in FREE} == set()


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("web.replica=2", "replica"),
        ("secrets.openAiApiKey=sk-x", "openAiApiKey"),
        ("produktion.enabled=true", "produktion"),
        ("settings.BILLING_WINDOW_DAY=3", "BILLING_WINDOW_DAY"),
        ("web.replicas=two", "replicas"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("secrets.metricsToken=short", "metricsToken"),
    ],
)
def test_helm_refuses_a_wrong_value_by_its_name(helm: str, wrong: str, named: str) -> None:
    with pytest.raises(ChartError, match=named):
        render(helm, "--set", wrong)
