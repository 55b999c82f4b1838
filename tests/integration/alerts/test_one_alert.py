"""An alert from a rule of a real Prometheus: through Alertmanager to its page, with what the rule measures."""

import json
from collections.abc import Iterator

import pytest

from backend.actor import Role
from backend.alerts import service as alerts
from backend.alerts.types import AlertEventKind, Firing, NewSilence
from backend.clock import utc_now
from backend.errors import Forbidden, NotFound, Unavailable
from backend.sandbox import tools
from backend.sandbox.prometheus import PrometheusServer
from tests import factories
from tests.conftest import forget_caches
from tests.integration.alerts.conftest import World
from tests.integration.alerts.test_silences import in_hours
from tests.waiting import until

STAFF = factories.actor(Role.OPERATOR)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A Prometheus that scrapes itself and evaluates every second; its rules go nowhere until a test names a place."""
    server = PrometheusServer(tools.monitoring().prometheus, tmp_path_factory.mktemp("rules"))
    rule = {
        "alert": "HighLatency",
        "expr": "up > 0 and on() vector(1) == 1",
        "labels": {"severity": "warning", "service": "{{ $labels.job }}"},
        "annotations": {"summary": "{{ $labels.instance }} is up"},
    }
    watchdog = {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"}}
    groups = {"groups": [{"name": "all", "interval": "1s", "rules": [rule, watchdog]}]}
    server.files = {
        "rules.yml": json.dumps(groups),
        "prometheus.yml": json.dumps(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [
                    {"job_name": "itself", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}
                ],
            }
        ),
    }
    server.start()
    yield server
    server.stop()


@pytest.fixture
def watched(world: World, rules: PrometheusServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The Prometheus tells both Alertmanagers."""
    config = json.loads(rules.files["prometheus.yml"])
    targets = [f"127.0.0.1:{server.port}" for server in world.servers]
    config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": targets}]}]}
    quiet = dict(rules.files)
    rules.files = {**quiet, "prometheus.yml": json.dumps(config)}
    rules.reload()
    monkeypatch.setenv("PROMETHEUS_URL", rules.url)
    forget_caches()
    yield world
    rules.files = quiet
    rules.reload()


def firing() -> dict[str, Firing]:
    return {alert.name: alert for group in alerts.board(STAFF).groups for alert in group.alerts}


def test_a_rule_becomes_an_alert_with_its_course_and_its_chart(watched: World) -> None:
    until(lambda: watched.reconcile() and "HighLatency" in firing())
    fingerprint = firing()["HighLatency"].fingerprint
    alerts.create_silence(
        STAFF, NewSilence(matchers='alertname="HighLatency"', ends_at=in_hours(1), reason="x")
    )
    until(lambda: watched.reconcile() and firing()["HighLatency"].muting.silenced_by)

    detail, trend = alerts.alert(STAFF, fingerprint), alerts.trend(STAFF, fingerprint)

    assert detail.firing.service == "itself"
    assert [event.kind for event in detail.events] == [AlertEventKind.SILENCED, AlertEventKind.FIRED]
    assert len(detail.silences) == 1
    assert trend.expression.startswith("up > 0 and on")
    assert trend.limit == 0
    measured = [point for point in trend.points if point.value is not None]
    assert {point.value for point in measured} == {1.0}
    assert abs((measured[-1].at - utc_now()).total_seconds()) < 600
    assert alerts.board(STAFF).watch.alarms == ()


def test_a_prometheus_that_is_away_takes_only_the_chart_along(world: World) -> None:
    world.fire("HighLatency", service="api")
    world.reconcile()
    fingerprint = firing()["HighLatency"].fingerprint

    assert alerts.alert(STAFF, fingerprint).firing.name == "HighLatency"
    with pytest.raises(Unavailable):
        alerts.trend(STAFF, fingerprint)


def test_who_asks_for_what_is_not_there_or_not_theirs_is_refused(
    world: World, rules: PrometheusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", rules.url)
    forget_caches()
    world.fire("NoRule")
    world.reconcile()
    for ask in (alerts.alert, alerts.trend):
        with pytest.raises(NotFound):
            ask(STAFF, "none\0such")
        with pytest.raises(Forbidden):
            ask(factories.actor(Role.TENANT_ADMIN), "x")
    with pytest.raises(NotFound) as refused:
        alerts.trend(STAFF, firing()["NoRule"].fingerprint)
    assert refused.value.data["reason"] == "rule"
