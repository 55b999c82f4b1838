"""The Role of the runner's account against what the actions declare by ``needs``: exactly as much, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from backend import config
from backend.sandbox.kubernetes.roles import OPERATOR, Rule, RuleScope
from runbooks import registry
from runbooks.action import Action, ActionParameters, Need

HOME = "docuchat"
# What every run may need, whatever its action: the secret that a person gave to it.
OF_EVERY_RUN = {
    ("get", "", "secrets", "", RuleScope.RUNBOOKS),
    ("delete", "", "secrets", "", RuleScope.RUNBOOKS),
}
KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
GPU_WORKERS = "Deployment/docuchat/docuchat-gpu-worker"
Permitted = tuple[str, str, str, str, RuleScope]


def permitted(rule: Rule) -> set[Permitted]:
    """Each single permission of a rule: verb, group, resource, name and where."""
    names = rule.names or {""}
    return {
        (verb, rule.group, resource, name, rule.scope)
        for verb in rule.verbs
        for resource in rule.resources
        for name in names
    }


def needed(need: Need) -> Permitted:
    below = f"/{need.subresource}" if need.subresource else ""
    scope = RuleScope.APPLICATION if need.namespace else RuleScope.CLUSTER
    return (need.verb, need.group, f"{need.resource}{below}", need.name, scope)


def workloads() -> list[str]:
    """Every workload that the Role lets a run change, as a parameter names it."""
    return [
        f"{KINDS[resource]}/{HOME}/{name}"
        for rule in OPERATOR
        for resource in rule.resources
        for name in sorted(rule.names)
        if "patch" in rule.verbs and resource in KINDS
    ]


def examples(action: Action[Any]) -> Iterator[ActionParameters]:
    """Parameters that go through everything that an action may be pointed at."""
    fields = action.parameters.model_fields
    if "workload" not in fields:
        yield action.parameters.model_construct(namespace=HOME)
        return
    for workload in [GPU_WORKERS] if action.name == "scale_gpu" else workloads():
        given = {"workload": workload, "replicas": 1, "revision": 1}
        try:
            yield action.parameters.model_validate(
                {name: value for name, value in given.items() if name in fields}
            )
        except ValidationError:
            continue  # a kind of workload that this action is not for


@pytest.fixture
def _database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of a portal whose database is in the cluster."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://docuchat@docuchat-postgresql/docuchat")
    monkeypatch.setenv("DATABASE_STATEFUL_SET", f"{HOME}/docuchat-postgresql")
    config.settings.cache_clear()
    yield
    config.settings.cache_clear()


@pytest.mark.usefixtures("_database")
def test_the_runners_role_is_exactly_what_the_actions_declare() -> None:
    declared = OF_EVERY_RUN | {
        needed(need)
        for action in registry.actions().values()
        for parameters in examples(action)
        for need in action.needs(parameters)
    }
    granted = {one for rule in OPERATOR for one in permitted(rule)}
    # Who may do something to every object of a kind may do it to each of them.
    declared = {one for one in declared if not one[3] or (*one[:3], "", one[4]) not in declared}

    assert (granted - declared, declared - granted) == (set(), set())
