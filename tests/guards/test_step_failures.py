"""Every action, and each of its steps, stands in the table of failures."""

import pytest

from runbooks import registry
from tests.integration.runbooks.failures import ROWS


@pytest.mark.parametrize("name", registry.actions())
def test_the_failures_of_every_step_are_known(name: str) -> None:
    action, row = registry.actions()[name], ROWS[name]

    assert list(row.steps) == [step.name for step in action.steps]
    assert list(row.undo) == [step.name for step in (action.undo.steps if action.undo else ())]


def test_no_failures_are_of_an_action_that_is_gone() -> None:
    assert ROWS.keys() == registry.actions().keys()
