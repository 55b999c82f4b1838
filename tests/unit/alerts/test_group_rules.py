"""Alerts of one service that began together, and what they inhibit, are one group; the worst comes first."""

from datetime import datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from backend.alerts.group_rules import TOGETHER, groups_of, watch_state
from backend.alerts.types import AlertGroup, Firing, Muting, Observation, Severity
from tests.unit.alerts.firings import START, firing


def names(groups: tuple[AlertGroup, ...]) -> list[list[str]]:
    return [[alert.name for alert in group.alerts] for group in groups]


def test_a_service_and_five_minutes_make_a_group() -> None:
    later = START + TOGETHER
    found = groups_of(
        [
            firing("A"),
            firing("B", started_at=later),
            firing("C", started_at=later + timedelta(seconds=1)),
            firing("D", service="worker"),
        ]
    )

    assert sorted(map(sorted, names(found))) == [["A", "B"], ["C"], ["D"]]


def test_an_inhibited_alert_follows_its_leader_into_another_service_and_through_others() -> None:
    database = firing("DatabaseDown", service="postgres", severity=Severity.CRITICAL, fingerprint="db")
    middle = firing("ApiDown", fingerprint="api", muting=Muting(inhibited_by=("db",)))
    last = firing("Slow", service="worker", muting=Muting(inhibited_by=("api", "unknown")))

    [group] = groups_of([last, middle, database])

    assert names((group,)) == [["DatabaseDown"]]
    assert {alert.name for alert in group.followers} == {"ApiDown", "Slow"}


def test_two_that_inhibit_each_other_are_shown_all_the_same() -> None:
    one = firing("One", fingerprint="1", muting=Muting(inhibited_by=("2",)))
    two = firing("Two", fingerprint="2", muting=Muting(inhibited_by=("1",)))

    found = groups_of([one, two])

    shown = [alert.name for group in found for alert in (*group.alerts, *group.followers)]
    assert sorted(shown) == ["One", "Two"]


def test_the_worst_comes_first_and_what_is_muted_last() -> None:
    silenced = Muting(silenced_by=("s",))
    found = groups_of(
        [
            firing("Old", service="a", severity=Severity.CRITICAL),
            firing("New", service="b", severity=Severity.CRITICAL, started_at=START + timedelta(hours=1)),
            firing("Mild", service="c", severity=Severity.INFO),
            firing("Muted", service="d", severity=Severity.CRITICAL, muting=silenced),
            firing("Watchdog", service="e"),
        ]
    )

    assert names(found) == [["New"], ["Old"], ["Mild"], ["Muted"]]


def test_a_muted_critical_alert_makes_no_group_critical() -> None:
    silenced = Muting(silenced_by=("s",))
    [group] = groups_of(
        [
            firing("Muted", severity=Severity.CRITICAL, muting=silenced),
            firing("Heard", started_at=START + timedelta(minutes=1)),
        ]
    )

    assert (group.severity, group.started_at) == (Severity.WARNING, START + timedelta(minutes=1))
    assert names((group,)) == [["Heard", "Muted"]]


fingerprints = st.sampled_from([f"f{number}" for number in range(6)])


@st.composite
def firings(draw: st.DrawFn) -> list[Firing]:
    found = []
    for fingerprint in draw(st.sets(fingerprints)):
        by = tuple(draw(st.lists(fingerprints, max_size=2)))
        started_at = START + timedelta(minutes=draw(st.integers(0, 20)))
        found.append(
            firing(
                "A",
                service=draw(st.sampled_from(["api", "worker"])),
                fingerprint=fingerprint,
                started_at=started_at,
                muting=Muting(inhibited_by=by),
            )
        )
    return found


@given(firings(), st.randoms(use_true_random=False))
def test_every_alert_is_in_exactly_one_group_in_whatever_order_they_come(
    alerts: list[Firing], dice: Random
) -> None:
    found = groups_of(alerts)
    dice.shuffle(alerts)

    shown = [alert.fingerprint for group in found for alert in (*group.alerts, *group.followers)]
    assert sorted(shown) == sorted(alert.fingerprint for alert in alerts)
    assert groups_of(alerts) == found


def test_who_has_not_looked_for_long_is_blind() -> None:
    def is_blind(until: datetime) -> bool:
        return watch_state([], Observation(since=START, until=until), START + timedelta(minutes=10)).is_blind

    assert watch_state([], None, START).is_blind
    assert is_blind(START + timedelta(minutes=7))
