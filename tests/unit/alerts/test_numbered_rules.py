"""A model reads what is on the allow-list, numbered without a gap, and no sign that nobody sees."""

from datetime import UTC, datetime

from backend.alerts.group_rules import groups_of
from backend.alerts.numbered_rules import MOST_ALERTS, numbered
from tests.unit.alerts.firings import firing

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_alerts_are_numbered_by_group_and_those_beyond_fifty_are_left_out() -> None:
    many = [firing(f"Alert{number:02}", service=f"service-{number % 3}") for number in range(60)]

    found = numbered(groups_of(many))

    assert [alert.number for alert in found] == list(range(1, MOST_ALERTS + 1))
    assert [alert.group for alert in found] == sorted(alert.group for alert in found)
    assert {alert.group for alert in found} == {1, 2, 3}


def test_only_listed_names_are_facts_and_they_are_clean() -> None:
    one = firing(
        "A",
        labels={"pod": "api\u202e-1", "secret_label": "x", "tenant": "y" * 500},
        annotations={
            "summary": "token sk-abcdefghijklmnopqrstuvwx leaked",
            "runbook_url": "https://evil.example",
        },
    )

    [found] = numbered(groups_of([one]))

    facts = dict(found.facts)
    assert set(facts) == {"pod", "tenant", "summary"}
    assert (facts["pod"], len(facts["tenant"])) == ("api-1", 200)
    assert "sk-abcdefghijklmnopqrstuvwx" not in facts["summary"]
