"""The Roles of the chart, from the list that the demo's cluster enforces: `python -m delivery.chart.roles` writes them.

The chart's accounts are named as its parts are; what the list calls ``portal-viewer`` is the account of the web.
"""

from collections.abc import Iterable
from typing import Any

import yaml

from backend.sandbox.kubernetes.roles import JOBS, ROLES, RUNNER, WEB, Rule, RuleScope
from delivery.chart.rendering import CHART

FILE = CHART / "files" / "roles.yaml"
ACCOUNTS = {"portal": WEB, "jobs": JOBS, "runner": RUNNER}
"""The accounts of the list, by the parts of the chart to which they belong."""
PLACES = {
    "application": {RuleScope.APPLICATION, RuleScope.BOTH},
    "runbooks": {RuleScope.RUNBOOKS, RuleScope.BOTH},
    "cluster": {RuleScope.CLUSTER},
}
HEADER = """\
# Made by `python -m delivery.chart.roles` from backend/sandbox/kubernetes/roles.py; a guard holds the two equal.
# The rules of each account in the namespace of the release, in that of the runs, and in none.
"""


def rules_in(place: str, rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """The rules that hold in a place, as Kubernetes writes them."""
    return [_manifest(rule) for rule in rules if rule.scope in PLACES[place]]


def roles_text() -> str:
    """The file, whole."""
    listed = {
        part: {place: found for place in PLACES if (found := rules_in(place, ROLES[account] or ()))}
        for part, account in ACCOUNTS.items()
    }
    return HEADER + str(yaml.safe_dump(listed, sort_keys=False, default_flow_style=None, width=110))


def _manifest(rule: Rule) -> dict[str, Any]:
    names = {"resourceNames": sorted(rule.names)} if rule.names else {}
    return {
        "apiGroups": [rule.group],
        "resources": list(rule.resources),
        **names,
        "verbs": sorted(rule.verbs),
    }


if __name__ == "__main__":
    FILE.write_text(roles_text())
