"""The token of scrapes is rotated while a real Prometheus scrapes, and not one scrape is refused."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from backend import config
from backend.actor import Actor
from backend.runbooks.types import RunStage
from backend.sandbox import tools
from backend.sandbox.kubernetes.store import Change
from backend.sandbox.prometheus import PrometheusServer
from tests.integration.rotations.runs import confirmed, ended, gone_on, planned, why, work_until_killed
from tests.integration.rotations.world import World
from tests.waiting import until

KUBELET_S = 0.5
FILE = "secrets/scrape-token"


@pytest.fixture
def prometheus(runner: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrometheusServer]:
    """A Prometheus that reads its token from a file, which follows the Secret a moment later."""
    home = tmp_path / "prometheus"
    scrapes = {
        "job_name": "portal",
        "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
        "authorization": {"type": "Bearer", "credentials_file": FILE},
        "static_configs": [{"targets": [runner.docuchat_url.removeprefix("http://")]}],
    }
    files = {"prometheus.yml": yaml.safe_dump({"scrape_configs": [scrapes]}), FILE: token_of(runner)}
    server = PrometheusServer(tools.monitoring().prometheus, home, files=files)

    def put() -> None:
        (home / "fresh").write_text(token_of(runner))
        (home / "fresh").replace(home / FILE)

    def follow(change: Change) -> None:
        if change.plural == "secrets" and change.object["metadata"]["name"] == "docuchat-metrics":
            threading.Timer(KUBELET_S, put).start()

    listeners = runner.cluster.cluster.store.listeners
    listeners.append(follow)
    server.start()
    monkeypatch.setenv("PROMETHEUS_URL", server.url)
    monkeypatch.setattr("runbooks.actions.rotate_metrics_token.QUIET_S", 3)
    config.settings.cache_clear()
    until(lambda: server.query("up == 1"))
    yield server
    listeners.remove(follow)
    server.stop()


def token_of(world: World) -> str:
    return world.secret("docuchat-metrics")["scrape-token"]


@pytest.mark.usefixtures("prometheus")
def test_no_scrape_is_refused(runner: World, operator: Actor) -> None:
    old = runner.secret("docuchat-metrics")["token"]

    run = ended(operator, "rotate_metrics_token")

    assert run.state is RunStage.SUCCEEDED, why(run)
    assert set(runner.pods.scrapes) == {200}
    now = runner.secret("docuchat-metrics")
    assert now["token"] == now["scrape-token"] != old
    assert now["previous-token"] == ""
    assert run.memory["least_available"] == {"docuchat-portal": 2}


@pytest.mark.usefixtures("prometheus")
def test_a_token_that_prometheus_gets_before_the_portal_is_refused(runner: World) -> None:
    runner.put_secret("docuchat-metrics", token="another", scrape_token="another")

    until(lambda: runner.pods.scrapes[401])


@pytest.mark.parametrize("step", ["hand_over"])
@pytest.mark.usefixtures("prometheus")
def test_a_run_that_died_goes_on_to_the_same_end(
    runner: World, operator: Actor, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_metrics_token")
    work_until_killed(run, step, monkeypatch)

    again = gone_on(operator, run)

    now = runner.secret("docuchat-metrics")
    assert again.state is RunStage.SUCCEEDED, why(again)
    assert (now["token"] == now["scrape-token"], now["previous-token"]) == (True, "")


def test_a_secret_that_prometheus_does_not_share_is_refused(runner: World, operator: Actor) -> None:
    runner.put_secret("docuchat-metrics", scrape_token="somebody-changed-it")

    assert "not laid out" in why(planned(operator, "rotate_metrics_token"))
