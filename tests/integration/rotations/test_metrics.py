"""The token of scrapes is rotated while a real Prometheus scrapes, and not one scrape is refused."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from backend import config
from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from backend.sandbox import tools
from backend.sandbox.kubernetes.store import Change
from backend.sandbox.prometheus import PrometheusServer
from runbooks import engine
from tests.integration.rotations.runs import (
    before_first_bound_write,
    confirmed,
    ended,
    found_dead,
    gone_on,
    planned,
    why,
    work_until_killed,
)
from tests.integration.rotations.world import World
from tests.waiting import until

KUBELET_S = 0.5
FILE = "secrets/scrape-token"
STUCK = "stuck"


@pytest.fixture
def prometheus(runner: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrometheusServer]:
    """A Prometheus that reads its token from a file, which follows the Secret a moment later unless it is stuck."""
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
        if (home / STUCK).exists():
            return
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


def test_starting_again_keeps_the_token_that_prometheus_still_sends(
    runner: World,
    operator: Actor,
    prometheus: PrometheusServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runbooks.actions.rotate_metrics_token.LONGEST_WAIT_S", 2.0)
    home = tmp_path / "prometheus"
    (home / STUCK).touch()
    first = ended(operator, "rotate_metrics_token")
    assert first.state is RunStage.FAILED
    left, generation = runner.secret("docuchat-metrics"), runner.generation("docuchat-portal")

    again = ended(operator, "rotate_metrics_token")

    assert (again.state, why(again)) == (RunStage.FAILED, why(first))
    assert runner.secret("docuchat-metrics") == left
    assert runner.generation("docuchat-portal") == generation
    monkeypatch.setattr("runbooks.actions.rotate_metrics_token.LONGEST_WAIT_S", 60.0)
    (home / STUCK).unlink()
    (home / FILE).write_text(left["scrape-token"])
    until(lambda: hands_over(prometheus))
    last = ended(operator, "rotate_metrics_token")
    assert last.state is RunStage.SUCCEEDED, why(last)
    assert set(runner.pods.scrapes) == {200}


def hands_over(prometheus: PrometheusServer) -> bool:
    """Whether every scrape of the last seconds came with the fresh token."""
    found = prometheus.query("sum by (token) (increase(metrics_scrape_total[3s])) > 0")
    return [row["metric"]["token"] for row in found] == ["current"]


def test_a_token_that_somebody_writes_before_the_first_write_is_kept_and_no_pod_is_replaced(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, "rotate_metrics_token")
    generation, old = runner.generation("docuchat-portal"), token_of(runner)

    def write_another() -> None:
        runner.put_secret("docuchat-metrics", token="another", previous_token=old)

    with before_first_bound_write(write_another, monkeypatch):
        engine.work_on(run.id)

    failed = runs.run(operator, run.id)
    assert failed.state is RunStage.FAILED
    assert runner.secret("docuchat-metrics") == {
        "token": "another",
        "previous-token": old,
        "scrape-token": old,
    }
    assert runner.generation("docuchat-portal") == generation


@pytest.mark.usefixtures("prometheus")
def test_pods_that_do_not_start_keep_the_previous_token_that_an_earlier_run_left(
    runner: World, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = confirmed(operator, "rotate_metrics_token")
    work_until_killed(earlier, "hand_over", monkeypatch)
    found_dead(operator, earlier)
    left = runner.secret("docuchat-metrics")
    monkeypatch.setattr("runbooks.rotation.STUCK_S", 0.0)
    monkeypatch.setattr("runbooks.rotation.ROLLOUT_S", 3.0)
    runner.control("faults", workload="docuchat-portal", fault="CrashLoopBackOff")

    run = ended(operator, "rotate_metrics_token")

    assert "do not start" in why(run)
    assert runner.secret("docuchat-metrics") == left


@pytest.mark.usefixtures("prometheus")
def test_a_lost_run_does_not_forget_the_token_that_a_later_one_could_not_replace(
    runner: World, operator: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = confirmed(operator, "rotate_metrics_token")
    work_until_killed(lost, "forget", monkeypatch)
    found_dead(operator, lost)
    monkeypatch.setattr("runbooks.actions.rotate_metrics_token.LONGEST_WAIT_S", 2.0)
    (tmp_path / "prometheus" / STUCK).touch()
    later = ended(operator, "rotate_metrics_token")
    assert later.state is RunStage.FAILED
    left = runner.secret("docuchat-metrics")

    again = gone_on(operator, lost)

    assert (again.state, why(again)) == (RunStage.FAILED, why(later))
    assert runner.secret("docuchat-metrics") == left
    assert set(runner.pods.scrapes) == {200}
