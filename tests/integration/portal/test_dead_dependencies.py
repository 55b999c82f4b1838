"""Each party beside the portal is stopped, and hangs, in turn: pages answer, say what is unknown, and recover."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backend import config
from backend.actor import Role
from backend.alerts import service as alerts
from backend.clients.openai import shared_client
from backend.clients.reach import await_answer
from backend.db import outage, pulse
from backend.deploys import shared_view
from backend.overview import service as overview
from backend.sandbox.prometheus import PrometheusServer
from portal import bridge, routes, session
from portal.features.alerts.detail_state import AlertState
from portal.features.alerts.silence_state import SilenceFormState
from portal.features.alerts.state import AlertsState
from portal.features.audit.state import AuditState
from portal.features.deployments.state import DeploymentsState
from portal.features.deploys.detail_state import WorkloadState
from portal.features.deploys.log_state import PodLogState
from portal.features.deploys.state import DeploysState
from portal.features.jobs.state import JobsState
from portal.features.overview.state import OverviewState
from portal.features.runbooks.state import RunbooksState, RunbookState
from portal.loaded import LoadedPage
from tests.conftest import forget_caches
from tests.integration.alerts.conftest import World, alertmanagers, inbox, world
from tests.integration.alerts.test_one_alert import rules
from tests.integration.assistant.conftest import running_vendor, vendor
from tests.integration.portal.cluster import NAMESPACE, PROCESS, Cluster
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown
from tests.integration.portal.gate import Gate, gate_to
from tests.integration.telemetry.conftest import Vendor
from tests.waiting import until

__all__ = ["alertmanagers", "inbox", "rules", "running_vendor", "vendor", "world"]

WORKLOAD = routes.workload(NAMESPACE, "Deployment", "docuchat-api")
ALERT, SILENCES = "/alerts/<fingerprint>", f"{routes.ALERTS}?tab=silences"
LOG = f"{WORKLOAD}/pods/<pod>/log"
PAGES: Mapping[str, type[LoadedPage]] = {
    routes.OVERVIEW: OverviewState,
    routes.ALERTS: AlertsState,
    SILENCES: AlertsState,
    ALERT: AlertState,
    routes.NEW_SILENCE: SilenceFormState,
    routes.DEPLOYS: DeploysState,
    WORKLOAD: WorkloadState,
    LOG: PodLogState,
    routes.DEPLOYMENTS: DeploymentsState,
    routes.JOBS: JobsState,
    "/audit": AuditState,
    "/runbooks": RunbooksState,
    "/runbooks/HighErrorRate": RunbookState,
}
CLUSTER_LOST = "The cluster does not answer: its state is unknown since"
# Sentences of the pages that depend on a party, while it does not answer.
LOST: Mapping[str, Mapping[str, str]] = {
    "kubernetes": {
        routes.OVERVIEW: "Nothing is known of Kubernetes",
        routes.DEPLOYS: CLUSTER_LOST,
        WORKLOAD: CLUSTER_LOST,
        LOG: CLUSTER_LOST,
    },
    "alertmanager": {
        routes.OVERVIEW: "does not answer: alerts may be lost",
        routes.ALERTS: "has not answered since",
        SILENCES: "has not answered since",
    },
    "prometheus": {
        routes.OVERVIEW: "Nothing is known of Prometheus",
        routes.ALERTS: "Prometheus has not answered since",
    },
    "provider": {routes.OVERVIEW: "The model provider does not answer"},
}
DATABASE_LOST = '"is_database_lost_rx_state_": true'


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything that the portal asks, each party behind a gate, and what an operator's pages say meanwhile."""

    gates: Mapping[str, Gate]
    world: World
    pipeline: Pipeline
    cookie: str
    places: Mapping[str, str]

    def told(self, *pages: str) -> dict[str, str]:
        """What a new tab of each page is told when it loads: all pages by default."""

        async def load(tab: Tab, page: str) -> list[Delta]:
            state, path = PAGES[page].get_full_name(), self.places.get(page, page)
            at = {"cookie": self.cookie, "tab": page}
            return [*await tab.open(**at), *await tab.send(f"{state}.load", path=path, **at)]

        async def steps(tab: Tab) -> dict[str, str]:
            return {page: shown(await load(tab, page)) for page in pages or PAGES}

        found: dict[str, str] = self.pipeline.run(steps)
        return found

    def say(self, sentences: Mapping[str, str]) -> list[bool]:
        """Whether each page says its sentence, after the job has looked."""
        self.world.reconcile()
        found = self.told(*sentences)
        return [sentence in found[page] for page, sentence in sentences.items()]


def is_ready(told: str) -> bool:
    """Whether a page has its content: one that had asked a party that says nothing could not."""
    return '"phase_rx_state_": "ready"' in told and '"phase_rx_state_": "problem"' not in told


@pytest.fixture
def outside(  # noqa: PLR0917 - everything that there is
    house: House,
    database: str,
    cluster: Cluster,
    world: World,
    rules: PrometheusServer,
    vendor: Vendor,
    pipeline: Pipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Outside]:
    monkeypatch.setattr(shared_view, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(shared_view, "HEARTBEAT_TIMEOUT_S", 0.3)
    often = {name: dataclasses.replace(each, every_s=0.2) for name, each in overview.SOURCES.items()}
    monkeypatch.setattr(overview, "SOURCES", often)
    servers = {
        "kubernetes": str(cluster.http.base_url).rstrip("/"),
        "alertmanager": world.servers[0].url,
        "prometheus": rules.url,
        "provider": vendor.url.removesuffix("/v1"),
        "database": database.rpartition("/")[0],
    }
    with ExitStack() as ways:
        gates = {name: ways.enter_context(gate_to(url)) for name, url in servers.items()}
        monkeypatch.setenv("KUBECONFIG", str(_through(cluster, gates["kubernetes"], tmp_path)))
        monkeypatch.setenv("ALERTMANAGER_URLS", gates["alertmanager"].url)
        monkeypatch.setenv("ALERTMANAGER_TIMEOUT_S", "1")
        monkeypatch.setenv("PROMETHEUS_URL", gates["prometheus"].url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{gates['provider'].url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-sandbox-key-of-the-tests")
        port = urlsplit(database).port
        monkeypatch.setenv("DATABASE_URL", database.replace(f":{port}/", f":{gates['database'].port}/"))
        _forget()
        ways.enter_context(pulse.beating())
        world.fire("HighErrorRate", service="docuchat", severity="critical")
        world.fire("Watchdog", severity="none")
        world.reconcile()
        operator = house.people[Role.OPERATOR]
        [group] = alerts.board(operator.actor).groups
        places = {
            ALERT: f"{routes.ALERTS}/{group.alerts[0].fingerprint}",
            LOG: LOG.replace("<pod>", cluster.pod),
        }
        yield Outside(gates=gates, world=world, pipeline=pipeline, cookie=operator.cookie, places=places)
        _forget()
        bridge.close()


def _through(cluster: Cluster, gate: Gate, folder: Path) -> Path:
    """The way to the cluster that leads through a gate."""
    way = folder / "kubeconfig"
    port = cluster.http.base_url.port
    way.write_text(cluster.kubeconfig.read_text().replace(f":{port}", f":{gate.port}"))
    return way


def _forget() -> None:
    overview.close(PROCESS)
    config.settings.cache_clear()
    forget_caches()
    session.forget_everybody()
    if shared_client.cache_info().currsize:
        shared_client().close()
    shared_client.cache_clear()


Step = Callable[[Gate], None]
WAYS: Mapping[str, tuple[Step, Step]] = {
    "stopped": (Gate.stop, Gate.start),
    "hanging": (Gate.shut, Gate.open),
}


@pytest.mark.parametrize("how", WAYS)
def test_each_party_in_turn_is_lost_said_and_found_again(how: str, outside: Outside) -> None:
    lose, give_back = WAYS[how]
    for party, sentences in LOST.items():
        until(lambda: not any(outside.say(sentences)))  # noqa: B023 - asked at once

        lose(outside.gates[party])
        until(lambda: all(outside.say(sentences)))  # noqa: B023 - asked at once
        told = outside.told()
        give_back(outside.gates[party])

        assert [page for page in PAGES if not is_ready(told[page])] == [], party
        until(lambda: not any(outside.say(sentences)))  # noqa: B023 - asked at once

    _without_database(outside, lose, give_back)


def _without_database(outside: Outside, lose: Step, give_back: Step) -> None:
    """No page has content then: nobody can say whose session it is."""
    lose(outside.gates["database"])
    session.forget_everybody()
    told = outside.told()
    give_back(outside.gates["database"])

    assert [page for page in PAGES if DATABASE_LOST not in told[page]] == []
    assert '"database_lost_s_rx_state_": 0' not in "".join(told.values())
    until(lambda: outage.since() is None)
    until(lambda: all(is_ready(each) for each in outside.told().values()))


def test_alerts_are_summed_up_by_our_own_rules_while_the_model_hangs(outside: Outside) -> None:
    outside.gates["provider"].shut()
    told = outside.told(routes.ALERTS)[routes.ALERTS]
    outside.gates["provider"].open()

    assert "A model is wording these alerts. Until it has, our own rules speak." in told
    assert "More than one request in twenty fails" in told
    until(lambda: "A model worded these summaries" in outside.told(routes.ALERTS)[routes.ALERTS])


def test_an_encrypted_party_answers(cluster: Cluster) -> None:
    await_answer(str(cluster.http.base_url), "kubernetes", 20)
