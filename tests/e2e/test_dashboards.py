"""Every panel of the dashboards shows something while the product runs, and every choice has values."""

import math
from contextlib import suppress
from typing import Any

from backend.sandbox.stack import Stack
from tests.delivery.monitoring.reading import asked, chosen_from
from tests.waiting import until


def has_data(result: list[dict[str, Any]]) -> bool:
    return any(not math.isnan(float(each["value"][1])) for each in result)


def test_every_panel_has_data(stack: Stack) -> None:
    # A rate needs two scrapes, and a mean some work.
    empty = list(asked())

    def shows_all() -> bool:
        empty[:] = [each for each in empty if not has_data(stack.prometheus.query(each.expr))]
        return not empty

    with suppress(AssertionError):
        until(shows_all)
    assert empty == []


def test_every_choice_has_values(stack: Stack) -> None:
    for metric, label in chosen_from():
        found = {each["metric"].get(label, "") for each in stack.prometheus.query(metric)}
        assert found - {""}, f"{metric} has no {label}"
