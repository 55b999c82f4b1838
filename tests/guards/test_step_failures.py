"""Every action, and each of its steps, stands in the table of failures, and each row of that is put to the test."""

import pytest

from runbooks import registry
from tests.guards.rules import ROOT
from tests.integration.runbooks.failures import ROWS, WAITS


@pytest.mark.parametrize("name", registry.actions())
def test_the_failures_of_every_step_are_known(name: str) -> None:
    action, row = registry.actions()[name], ROWS[name]

    assert list(row.steps) == [step.name for step in action.steps]
    assert list(row.undo) == [step.name for step in (action.undo.steps if action.undo else ())]


def test_no_failures_are_of_an_action_that_is_gone() -> None:
    assert ROWS.keys() == registry.actions().keys()


@pytest.mark.parametrize("family", sorted({row.family for row in ROWS.values()}))
def test_every_family_puts_its_actions_to_the_test(family: str) -> None:
    text = (ROOT / "tests/integration" / family / "test_step_failures.py").read_text(encoding="utf-8")
    fates = {
        fate
        for row in ROWS.values()
        if row.family == family
        for asked in row.steps.values()
        for fate in asked.values()
    }
    wanted = {"survive_every_kill", "survive_every_crash"}
    wanted |= {"survive_every_plague" if fate == WAITS else "fail_in_every_step" for fate in fates}

    assert f'actions_of("{family}")' in text
    assert [name for name in wanted if f"{name}(" not in text] == []
