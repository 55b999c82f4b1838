"""Alertmanager's API is the truth; what it shows is kept as history, and what nobody saw is called that."""

from datetime import timedelta

import pytest

from backend import clock
from backend.actor import Role
from backend.alerts import service as alerts
from backend.alerts.types import AlertBoard, Firing, HistoryQuery, Resolution, SourceKind
from backend.errors import Forbidden
from tests import factories
from tests.integration.alerts.conftest import HOSTILE, JOB, World
from tests.waiting import until

AUDITOR = factories.actor(Role.AUDITOR)


def board() -> AlertBoard:
    return alerts.board(AUDITOR)


def shown() -> dict[str, Firing]:
    return {alert.name: alert for group in board().groups for alert in (*group.alerts, *group.followers)}


def history(name: str = "") -> list[Firing]:
    found = alerts.history(AUDITOR, HistoryQuery(wanted=name), limit=50).rows
    return [each.firing for each in found]


def test_two_alertmanagers_are_one_list_and_one_may_be_dead(world: World) -> None:
    one, two = world.servers
    world.fire("Both", service="api", severity="critical")
    world.fire("OnlySecond", to=[two], service="worker")

    world.reconcile()
    assert set(shown()) == {"Both", "OnlySecond"}

    one.stop()
    world.reconcile()
    assert set(shown()) == {"Both", "OnlySecond"}
    [failing] = [each for each in board().watch.alarms if each.kind == SourceKind.ALERTMANAGER]
    assert (failing.name, failing.cause) == (f"127.0.0.1:{one.port}", "connection")
    assert failing.failing_since is not None

    one.start()
    world.reconcile()
    assert not [each for each in board().watch.alarms if each.kind == SourceKind.ALERTMANAGER]


def test_without_any_alertmanager_nothing_changes_and_nothing_is_green(world: World) -> None:
    world.fire("Known")
    world.reconcile()
    for server in world.servers:
        server.stop()

    done = world.reconcile()

    assert done.is_blind
    assert set(shown()) == {"Known"}
    assert len(board().watch.alarms) == 3  # both, and the Prometheus that is not there
    assert history()[0].resolved_at is None


def test_a_resolved_alert_stays_in_history_and_a_second_firing_is_a_new_one(world: World) -> None:
    world.fire("Flaps", service="api")
    world.reconcile()
    world.resolve("Flaps", service="api")
    until(lambda: not world.reconcile().firing)

    world.fire("Flaps", service="api", since=clock.utc_now())
    world.reconcile()

    newer, older = history("Flaps")
    assert (older.resolution, newer.resolution) == (Resolution.CONDITION, None)
    assert older.resolved_at is not None
    assert alerts.history(AUDITOR, HistoryQuery(), limit=5).rows[0].fired_in_day == 2


def test_an_inhibited_alert_follows_the_one_that_inhibits_it(world: World) -> None:
    world.fire("ProcessDown", service="api", severity="critical")
    world.fire("HighLatency", service="api", severity="warning")
    world.fire("Elsewhere", service="worker", severity="warning")

    until(lambda: world.reconcile() and shown()["HighLatency"].muting.inhibited_by)

    first, second = board().groups
    assert [alert.name for alert in first.alerts] == ["ProcessDown"]
    assert [alert.name for alert in first.followers] == ["HighLatency"]
    assert first.followers[0].muting.inhibited_by == (first.alerts[0].fingerprint,)
    assert [alert.name for alert in second.alerts] == ["Elsewhere"]
    assert history("HighLatency")[0].was_inhibited


def test_labels_of_strangers_are_kept_as_they_are(world: World) -> None:
    world.fire("Hostile", pod=HOSTILE, annotations={"summary": HOSTILE, "long": "x" * 5000})

    world.reconcile()

    assert shown()["Hostile"].labels["pod"] == HOSTILE
    assert len(shown()["Hostile"].annotations["long"]) == 1000


def test_a_secret_in_the_notes_of_an_alert_is_never_stored(world: World) -> None:
    secret = f"postgresql://app:{'hunter2' * 20}@db/x"
    world.fire(
        "Leaky", annotations={"summary": f"cannot connect to {secret}", "long": f"{'.' * 900} {secret}"}
    )

    world.reconcile()

    assert shown()["Leaky"].annotations["summary"] == "cannot connect to postgresql://app:***@db/x"
    assert "hunter2" not in repr(shown()["Leaky"])


def test_a_restart_of_the_portal_repeats_nothing(world: World) -> None:
    world.fire("Steady", service="api")
    world.reconcile()
    before = history()

    from tests.conftest import forget_caches  # noqa: PLC0415 (what a new process knows: nothing)

    forget_caches()
    done = world.reconcile()

    assert (done.opened, done.ended) == (0, 0)
    assert history() == before


def test_what_nobody_saw_is_called_that(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fire("Before", service="api")
    world.reconcile()
    world.resolve("Before", service="api")
    later = clock.utc_now() + timedelta(minutes=20)
    monkeypatch.setattr(clock, "utc_now", lambda: later)
    world.fire("Meanwhile", service="api", until=later + timedelta(minutes=4))

    done = world.reconcile()

    assert (done.opened, done.ended) == (1, 1)
    [gap] = alerts.gaps(AUDITOR)
    assert gap.until == later
    assert later - gap.since > timedelta(minutes=19)
    assert history("Before")[0].resolution == Resolution.UNSEEN


def test_what_is_older_than_thirteen_months_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fire("Ended")
    world.fire("GoesOn", until=clock.utc_now() + timedelta(days=500))
    world.reconcile()
    world.resolve("Ended")
    world.reconcile()
    assert {each.name for each in history()} == {"Ended", "GoesOn"}
    much_later = clock.utc_now() + timedelta(days=397)
    monkeypatch.setattr(clock, "utc_now", lambda: much_later)

    assert alerts.forget_old(JOB) == 1

    assert [each.name for each in history()] == ["GoesOn"]


def test_nobody_but_staff_reads_and_nobody_but_a_process_reconciles(world: World) -> None:
    customer = factories.actor(Role.TENANT_ADMIN)
    for ask in (alerts.board, alerts.gaps, alerts.reconcile):
        with pytest.raises(Forbidden):
            ask(customer)
    with pytest.raises(Forbidden):
        alerts.history(customer, HistoryQuery(), limit=1)
    with pytest.raises(Forbidden):
        alerts.reconcile(factories.actor(Role.OPERATOR))
    with pytest.raises(Forbidden):
        alerts.forget_old(factories.actor(Role.OPERATOR))
