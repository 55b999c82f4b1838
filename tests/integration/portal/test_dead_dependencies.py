"""While everything outside hangs, every page of the operators answers, says what is unknown, and recovers."""

from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread

import pytest

from backend import config
from backend.actor import Role
from backend.clients.openai import shared_client
from backend.deploys import shared_view
from backend.overview import service as overview
from backend.sandbox.prometheus import PrometheusServer
from portal import routes
from portal.features.alerts.state import AlertsState
from portal.features.deploys.state import DeploysState
from portal.features.jobs.state import JobsState
from portal.features.overview.state import OverviewState
from tests.conftest import forget_caches
from tests.integration.alerts.conftest import World, alertmanagers, inbox, world
from tests.integration.alerts.test_one_alert import rules
from tests.integration.assistant.conftest import running_vendor, vendor
from tests.integration.portal.cluster import PROCESS, Cluster
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown
from tests.integration.portal.gate import Gate, gate_to
from tests.integration.telemetry.conftest import Vendor
from tests.waiting import until

__all__ = ["alertmanagers", "inbox", "rules", "running_vendor", "vendor", "world"]

PAGES = {
    routes.OVERVIEW: OverviewState.get_full_name(),
    routes.DEPLOYS: DeploysState.get_full_name(),
    routes.ALERTS: AlertsState.get_full_name(),
    routes.JOBS: JobsState.get_full_name(),
}
LOST = {
    routes.OVERVIEW: (
        "Nothing is known of Kubernetes",
        "Nothing is known of Prometheus",
        "does not answer: alerts may be lost",
    ),
    routes.DEPLOYS: ("The cluster does not answer: its state is unknown since",),
    routes.ALERTS: ("has not answered since", "Prometheus has not answered since"),
    routes.JOBS: (),
}


class Outside:
    """All that the portal asks, behind gates."""

    def __init__(self, gates: list[Gate], cluster: Cluster) -> None:
        self._gates, self._cluster = gates, cluster

    def hang(self) -> None:
        self._cluster.control("trouble", {"delay_s": 30})
        for gate in self._gates:
            gate.shut()

    def answer(self) -> None:
        self._cluster.control("trouble", {"delay_s": 0})
        for gate in self._gates:
            gate.open()


@pytest.fixture
def outside(
    cluster: Cluster,
    world: World,
    rules: PrometheusServer,
    vendor: Vendor,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Outside]:
    overview.close(PROCESS)
    monkeypatch.setattr(shared_view, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(shared_view, "HEARTBEAT_TIMEOUT_S", 0.3)
    with ExitStack() as ways:
        alertmanager, prometheus, provider = (
            ways.enter_context(gate_to(url)) for url in (world.servers[0].url, rules.url, vendor.url)
        )
        monkeypatch.setenv("ALERTMANAGER_URLS", alertmanager.url)
        monkeypatch.setenv("PROMETHEUS_URL", prometheus.url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-sandbox-key-of-the-tests")
        monkeypatch.setenv("ALERTMANAGER_TIMEOUT_S", "30")
        forget_caches()
        made = Outside([alertmanager, prometheus, provider], cluster)
        yield made
        made.answer()
        overview.close(PROCESS)
        if shared_client.cache_info().currsize:
            shared_client().close()
        shared_client.cache_clear()


def told(pipeline: Pipeline, house: House, path: str) -> str:
    """What a tab is told when it loads a page; the page has content."""
    name = PAGES[path]

    async def steps(tab: Tab) -> list[Delta]:
        cookie = house.people[Role.OPERATOR].cookie
        await tab.open(cookie=cookie)
        return await tab.send(f"{name}.load", cookie=cookie, path=path)

    deltas = pipeline.run(steps)
    phases = [one[name]["phase_rx_state_"] for one in deltas if "phase_rx_state_" in one.get(name, {})]
    assert phases[-1:] == ["ready"], f"{path} shows {phases}"
    return shown(deltas)


def test_pages_answer_while_all_outside_hangs_say_what_is_unknown_and_recover(
    house: House, world: World, outside: Outside, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fire("HighErrorRate", service="docuchat", severity="critical")
    world.fire("Watchdog", severity="none")
    world.reconcile()
    until(lambda: "Nothing is known of" not in told(pipeline, house, routes.OVERVIEW))

    outside.hang()
    waiting = Thread(target=world.reconcile)
    waiting.start()
    answers = {path: told(pipeline, house, path) for path in PAGES}
    is_still_waiting = waiting.is_alive()
    assert is_still_waiting
    assert "A model is wording these alerts. Until it has, our own rules speak." in answers[routes.ALERTS]
    assert "More than one request in twenty fails" in answers[routes.ALERTS]

    monkeypatch.setenv("ALERTMANAGER_TIMEOUT_S", "1")
    config.settings.cache_clear()
    world.reconcile()
    for path, sentences in LOST.items():
        until(lambda: all(each in told(pipeline, house, path) for each in sentences))  # noqa: B023 - asked at once

    outside.answer()
    waiting.join()
    world.reconcile()
    for path, sentences in LOST.items():
        until(lambda: not any(each in told(pipeline, house, path) for each in sentences))  # noqa: B023 - asked at once
    until(lambda: "A model worded these summaries" in told(pipeline, house, routes.ALERTS))
