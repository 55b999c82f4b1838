"""What Alertmanager does when it is slow, starts anew or shows again what it had forgotten."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from backend.actor import Role
from backend.alerts import rules
from backend.alerts import service as alerts
from backend.alerts.types import AlertEventKind, Firing, HistoryQuery
from tests import factories
from tests.conftest import forget_caches
from tests.integration.alerts.conftest import World

STAFF = factories.actor(Role.OPERATOR)


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def fired() -> list[Firing]:
    return [each.firing for each in alerts.history(STAFF, HistoryQuery(), limit=10).rows]


def test_an_alertmanager_that_hangs_is_named_and_hides_nothing(
    world: World, hanging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTMANAGER_URLS", f"{hanging},{world.servers[0].url}")
    monkeypatch.setenv("ALERTMANAGER_TIMEOUT_S", "1")
    forget_caches()
    world.fire("Known", service="api")

    assert world.reconcile().firing == 1

    causes = {each.name: each.cause for each in alerts.board(STAFF).watch.alarms}
    assert causes[hanging.removeprefix("http://")] == "timeout"


def test_an_alertmanager_that_starts_without_its_data_ends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fire("Steady", service="api")
    world.reconcile()
    monkeypatch.setattr(rules, "SETTLING", timedelta(seconds=90))
    world.forget_everything()

    world.reconcile()
    assert [firing.resolved_at for firing in fired()] == [None]

    world.fire("Steady", service="api")
    done = world.reconcile()
    assert (done.opened, done.ended) == (0, 0)


def test_an_alert_that_is_there_again_from_the_same_start_goes_on(world: World) -> None:
    world.fire("Again", service="api")
    world.reconcile()
    world.resolve("Again", service="api")
    world.reconcile()
    world.fire("Again", service="api")
    world.reconcile()

    [firing] = fired()
    assert firing.resolved_at is None
    assert [event.kind for event in alerts.alert(STAFF, firing.fingerprint).events] == [
        AlertEventKind.FIRED_AGAIN,
        AlertEventKind.RESOLVED,
        AlertEventKind.FIRED,
    ]


def test_several_that_reconcile_at_once_store_each_thing_once(world: World) -> None:
    for number in range(5):
        world.fire(f"Alert{number}", service="api")
    threads = [threading.Thread(target=world.reconcile) for _ in range(6)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    events = [alerts.alert(STAFF, firing.fingerprint).events for firing in fired()]
    assert len(alerts.board(STAFF).groups[0].alerts) == 5
    assert {len(each) for each in events} == {1}
