"""The chart's accounts may do exactly what the list says that the demo's cluster enforces, and the actions declare."""

from typing import Any

import pytest

from backend.sandbox.kubernetes.roles import ROLES, RuleScope
from delivery.chart.rendering import NAMESPACE, Manifest, render, values_of
from delivery.chart.roles import ACCOUNTS
from tests.delivery.chart.conftest import NEWEST, rendered_by

RUNS = f"{NAMESPACE}-runbooks"
PLACES = {
    RuleScope.APPLICATION: {NAMESPACE},
    RuleScope.RUNBOOKS: {RUNS},
    RuleScope.BOTH: {NAMESPACE, RUNS},
    RuleScope.CLUSTER: {""},
}
Permitted = tuple[str, str, str, str, str]
"""Verb, group, resource, name, and the namespace in which it holds."""


def granted(manifests: list[Manifest], account: str) -> set[Permitted]:
    """Every single permission that bindings give to an account of the chart."""
    found: set[Permitted] = set()
    for binding in manifests:
        if not binding["kind"].endswith("RoleBinding"):
            continue
        home = RUNS if account == "runner" else NAMESPACE
        subject = {"kind": "ServiceAccount", "name": f"docuchat-{account}", "namespace": home}
        if subject in binding["subjects"]:
            found |= permissions(role_of(manifests, binding), binding["metadata"].get("namespace", ""))
    return found


def role_of(manifests: list[Manifest], binding: Manifest) -> Manifest:
    ref, namespace = binding["roleRef"], binding["metadata"].get("namespace")
    return next(
        each
        for each in manifests
        if (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace"))
        == (ref["kind"], ref["name"], namespace)
    )


def permissions(role: Manifest, namespace: str) -> set[Permitted]:
    return {
        (verb, group, resource, name, namespace)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or ("",)
    }


@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_account_may_exactly_what_the_list_says(account: str) -> None:
    listed = {
        (verb, rule.group, resource, name, namespace)
        for rule in ROLES[ACCOUNTS[account]] or ()
        for namespace in PLACES[rule.scope]
        for verb in rule.verbs
        for resource in rule.resources
        for name in rule.names or {""}
    }

    assert granted(rendered_by(NEWEST, "minimal"), account) == listed


def test_nobody_else_is_given_anything() -> None:
    known = {f"docuchat-{account}" for account in ACCOUNTS}
    bindings = [each for each in rendered_by(NEWEST, "everything") if each["kind"].endswith("RoleBinding")]

    assert {subject["name"] for each in bindings for subject in each["subjects"]} == known


def test_no_role_has_a_wildcard_and_none_shows_the_secrets_of_the_release(
    manifests: list[Manifest],
) -> None:
    for role in manifests:
        if role["kind"] not in {"Role", "ClusterRole"}:
            continue
        for verb, group, resource, name, namespace in permissions(
            role, role["metadata"].get("namespace", "")
        ):
            assert "*" not in {verb, group, resource, name}
            if resource == "secrets" and namespace == NAMESPACE:
                assert verb == "patch"
                assert name


def test_a_run_changes_only_what_the_operator_names() -> None:
    ways = ("deployments=[web]", "statefulsets=[]", "daemonsets=[]", "services=[]", "secrets=[key]")
    chosen = [part for way in ways for part in ("--set-json", f"runbooks.mayChange.{_as_json(way)}")]
    manifests = render(NEWEST, "--values", str(values_of("minimal")), *chosen)

    changed = {(resource, name) for _, _, resource, name, _ in granted(manifests, "runner") if name}

    assert changed == {("deployments", "web"), ("deployments/scale", "web"), ("secrets", "key")}


def test_further_namespaces_are_only_looked_at() -> None:
    manifests = render(
        NEWEST, "--values", str(values_of("minimal")), "--set", "runbooks.watchedNamespaces=shop"
    )

    def there(account: str) -> set[Any]:
        return {one[:3] for one in granted(manifests, account) if one[4] == "shop"}

    assert (there("jobs"), there("runner")) == (set(), set())
    assert {verb for verb, _, resource in there("portal") if resource != "localsubjectaccessreviews"} == {
        "get",
        "list",
        "watch",
    }


def _as_json(way: str) -> str:
    kind, _, names = way.partition("=")
    quoted = ",".join(f'"{name}"' for name in names.strip("[]").split(",") if name)
    return f"{kind}=[{quoted}]"
