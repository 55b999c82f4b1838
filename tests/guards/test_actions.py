"""Every alert says which actions help, and every action that it names is there."""

from collections.abc import Iterator
from string import Formatter

import pytest

from runbooks import form_rules, registry
from runbooks.offers import ENTRIES, Help, NoHelp
from tests.alert_files import alerts


def helps() -> Iterator[tuple[str, Help]]:
    for alert, entry in ENTRIES.items():
        if not isinstance(entry, NoHelp):
            yield from ((alert, each) for each in entry)


def faults(known: Help) -> list[str]:
    """The fields of an entry that its action does not have or could not take."""
    action = registry.actions().get(known.action)
    if action is None:
        return [known.action]
    fixed = {
        name: value
        for name, value in known.fields.items()
        if not any(n for _, n, _, _ in Formatter().parse(value))
    }
    wrong = form_rules.problems_of(action.parameters, fixed)
    return [
        name
        for name in known.fields
        if name not in action.parameters.model_fields or name in wrong.keys() & fixed
    ]


def test_every_alert_has_an_entry_and_nothing_else_has() -> None:
    assert ENTRIES.keys() == alerts().keys()


@pytest.mark.parametrize(("alert", "known"), list(helps()))
def test_an_entry_names_an_action_and_its_fields(alert: str, known: Help) -> None:
    assert faults(known) == [], alert


def test_an_alert_that_no_action_helps_says_why() -> None:
    assert [
        alert for alert, entry in ENTRIES.items() if isinstance(entry, NoHelp) and len(entry.why) < 20
    ] == []


def test_an_entry_of_nothing_is_seen() -> None:
    assert faults(Help(action="pause_the_world")) == ["pause_the_world"]
    assert faults(Help(action="pause_job", fields={"jobs": "x"})) == ["jobs"]
    assert faults(Help(action="silence_alert", fields={"length": "forever"})) == ["length"]
