"""The laptop's Prometheus and Alertmanager: real servers that scrape, keep and forget nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.sandbox import tools
from backend.sandbox.alertmanager import AlertmanagerServer
from backend.sandbox.prometheus import PrometheusServer, ScrapeTarget, scraping


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[PrometheusServer]:
    server = PrometheusServer(tools.monitoring().prometheus, tmp_path)
    itself = ScrapeTarget(job="self", instance="itself", address=f"127.0.0.1:{server.port}")
    server.files = scraping([itself], interval_s=1)
    try:
        yield server
    finally:
        server.stop()


def _wait_for_sample(server: PrometheusServer, expression: str) -> float:
    deadline = time.monotonic() + 20
    while not (result := server.query(expression)):
        assert time.monotonic() < deadline, f"{expression} never had a sample"
        time.sleep(0.1)
    return float(result[0]["value"][1])


def test_a_target_is_known_by_its_instance_and_not_by_its_port(prometheus: PrometheusServer) -> None:
    prometheus.start()

    assert _wait_for_sample(prometheus, 'up{job="self", instance="itself"}') == 1


def test_folding_the_log_keeps_every_sample(prometheus: PrometheusServer) -> None:
    prometheus.start()
    _wait_for_sample(prometheus, "count_over_time(up[1h]) >= 3")
    before = _wait_for_sample(prometheus, "count_over_time(up[1h])")
    prometheus.stop()

    prometheus.fold_log_into_blocks()
    prometheus.files = scraping([])
    prometheus.start()

    assert list(prometheus.data_dir.glob("*/meta.json"))
    assert _wait_for_sample(prometheus, "count_over_time(up[1h])") >= before


def test_alertmanager_takes_an_alert_and_shows_it(tmp_path: Path) -> None:
    server = AlertmanagerServer(tools.monitoring().alertmanager, tmp_path)
    server.start()
    try:
        alert = {"labels": {"alertname": "Test"}, "annotations": {"summary": "x"}}
        httpx.post(f"{server.url}/api/v2/alerts", json=[alert]).raise_for_status()

        shown = httpx.get(f"{server.url}/api/v2/alerts").json()
        assert [found["labels"]["alertname"] for found in shown] == ["Test"]
    finally:
        server.stop()
