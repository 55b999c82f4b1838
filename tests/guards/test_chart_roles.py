"""The chart ships the Roles that the demo's cluster enforces, and nobody edits its file by hand."""

from delivery.chart.roles import FILE, roles_text


def test_the_charts_roles_are_those_of_the_list() -> None:
    assert FILE.read_text() == roles_text(), "Run `python -m delivery.chart.roles`."
