"""Incidents of the demo begin and end as they do in production, and the console says how they stand."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.sandbox.companies import CHAT_MODEL
from backend.sandbox.docuchat_app import application
from backend.sandbox.incidents.board import AlertStage, Board
from backend.sandbox.incidents.catalogue import BY_KEY, INCIDENTS
from backend.sandbox.incidents.cluster import ClusterHands
from backend.sandbox.incidents.console import create_console
from backend.sandbox.incidents.pipeline import Pipeline, next_version
from backend.sandbox.incidents.world import World
from backend.sandbox.kubernetes.server import running
from backend.sandbox.openai import application as provider
from backend.sandbox.processes import SandboxError, free_port
from backend.sandbox.serving import serving
from tests.waiting import until

Json = dict[str, Any]
TENANT = "arvand-logistics"


@dataclass(slots=True)
class Outside:
    """The portal's door and Prometheus, as far as incidents ask them; what was posted and which parts run."""

    posted: list[Json] = field(default_factory=list)
    alerts: list[Json] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    modules: list[tuple[str, ...]] = field(default_factory=list)

    async def ledger(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer secret"
        self.posted.append(await request.json())
        return JSONResponse({})

    async def prometheus(self, _request: Request) -> Response:
        return JSONResponse({"data": {"alerts": self.alerts}})

    def app(self) -> Starlette:
        routes = [
            Route("/api/v1/deployments", self.ledger, methods=["POST"]),
            Route("/api/v1/alerts", self.prometheus),
        ]
        return Starlette(routes=routes)


@pytest.fixture(scope="module")
def outside() -> Outside:
    return Outside()


@pytest.fixture(scope="module")
def places(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    kubeconfig = tmp_path_factory.mktemp("incidents") / "kubeconfig"
    with ExitStack() as stack:
        stack.enter_context(running(kubeconfig))
        openai_url = stack.enter_context(serving(provider(), free_port()))
        app = application(f"{openai_url}/v1", [TENANT], leaving=threading.Event())
        docuchat_url = stack.enter_context(serving(app, free_port()))
        portal_url = stack.enter_context(serving(outside.app(), free_port()))
        yield {
            "kubeconfig": str(kubeconfig),
            "openai": openai_url,
            "docuchat": docuchat_url,
            "portal": portal_url,
        }


@pytest.fixture
def world(places: dict[str, str], outside: Outside) -> Iterator[World]:
    cluster = ClusterHands(Path(places["kubeconfig"]))
    outside.posted.clear()
    outside.alerts.clear()
    outside.stopped.clear()
    outside.modules.clear()
    found = World(
        cluster=cluster,
        pipeline=Pipeline(cluster=cluster, portal_url=places["portal"], token="secret"),
        openai_url=places["openai"],
        docuchat_urls=[places["docuchat"]],
        stop_part=outside.stopped.append,
        start_part=outside.stopped.remove,
        run_module=lambda *module: outside.modules.append(module),
    )
    yield found
    for key in ("provider_failing", "docuchat_errors", "token_spike"):
        found.heal_provider(key)
        found.heal_docuchat(key)


@pytest.fixture
def cluster(world: World) -> ClusterHands:
    """The cluster on its first day, with every pod ready."""
    world.cluster.control("reset")
    for name in ("docuchat-api", "docuchat-worker", "docuchat-ingest", "docuchat-gpu-worker"):
        until(lambda: world.cluster.is_rolled_out(name))  # noqa: B023 - asked before the next turn
    return world.cluster


@pytest.fixture
def board(world: World, places: dict[str, str]) -> Board:
    return Board(world=world, prometheus_url=places["portal"], is_calm=threading.Event())


def reasons(cluster: ClusterHands, workload: str) -> set[str]:
    """What stands in the pods of a workload as the reason of their trouble."""
    found: set[str] = set()
    for pod in cluster.pods_of(workload):
        for one in pod["status"].get("containerStatuses", []):
            found |= {state.get("reason", "") for state in one["state"].values()}
            found |= {state.get("reason", "") for state in one["lastState"].values()}
        found |= {one.get("reason", "") for one in pod["status"].get("conditions", [])}
    return found


@pytest.mark.parametrize(
    ("key", "workload", "reason"),
    [
        ("bad_image", "docuchat-api", "ImagePullBackOff"),
        ("crash_loop", "docuchat-worker", "CrashLoopBackOff"),
        ("out_of_memory", "docuchat-ingest", "OOMKilled"),
        ("no_gpu", "docuchat-gpu-worker", "Unschedulable"),
    ],
)
def test_trouble_in_the_cluster_shows_its_reason_in_a_pod_and_ends(
    cluster: ClusterHands, board: Board, key: str, workload: str, reason: str
) -> None:
    board.start(key)
    until(lambda: reason in reasons(cluster, workload))
    is_on = board.states[key].is_on
    board.end(key)

    assert (is_on, board.states[key].is_on, board.states[key].problem) == (True, False, "")
    until(lambda: cluster.is_rolled_out(workload))


def test_a_broken_release_is_told_to_the_ledger_and_rolled_back(
    cluster: ClusterHands, world: World, board: Board, outside: Outside
) -> None:
    before = world.cluster.image_of("docuchat-api")
    board.start("bad_image")
    broken = world.cluster.image_of("docuchat-api")
    board.end("bad_image")

    began, ended = outside.posted
    assert (began["service"], began["version"]) == ("docuchat-api", "2.16.0-rc1")
    assert broken.endswith(":2.16.0-rc1")
    assert ended == began | {"result": "rolled_back", "finished_at": ended["finished_at"]}
    assert world.cluster.image_of("docuchat-api") == before


def test_an_incident_that_somebody_else_mends_is_over_and_the_console_says_so(
    cluster: ClusterHands, world: World, places: dict[str, str], outside: Outside
) -> None:
    now = 100.0
    board = Board(world=world, prometheus_url=places["portal"], is_calm=threading.Event(), clock=lambda: now)
    before = cluster.image_of("docuchat-worker")

    def is_over() -> bool:
        nonlocal now
        now += 2
        board.refresh()
        return not board.states["crash_loop"].is_on

    board.start("crash_loop")
    was_over = is_over()
    cluster.set_image("docuchat-worker", before)  # as a rollback by a runbook does
    until(is_over)
    generation = cluster.get("deployments", "docuchat-worker")["metadata"]["generation"]
    board.end("crash_loop")

    assert (was_over, board.states["crash_loop"].was_mended, board.is_calm.is_set()) == (False, True, True)
    assert [one.get("result", "running") for one in outside.posted] == ["running", "rolled_back"]
    assert cluster.get("deployments", "docuchat-worker")["metadata"]["generation"] == generation
    with serving(create_console(board, "http://portal.test"), free_port()) as url:
        assert "Mended from outside" in httpx.get(url, params={"lang": "en"}).text


def test_ending_an_incident_leaves_the_image_that_somebody_has_chosen_since(
    cluster: ClusterHands, board: Board, outside: Outside
) -> None:
    board.start("bad_image")
    chosen = cluster.image_of("docuchat-api").replace("2.16.0-rc1", "2.16.0-rc0")
    cluster.set_image("docuchat-api", chosen)

    board.end("bad_image")

    assert (cluster.image_of("docuchat-api"), outside.posted[-1]["result"]) == (chosen, "rolled_back")


def test_gpu_workers_that_are_scaled_away_end_the_incident_that_they_have_no_node(
    cluster: ClusterHands, board: Board
) -> None:
    board.start("no_gpu")
    board.refresh()
    was_on = board.states["no_gpu"].is_on
    path = "/apis/apps/v1/namespaces/docuchat/deployments/docuchat-gpu-worker"
    none = {"spec": {"replicas": 0}}
    cluster._ask("PATCH", path, none, "application/merge-patch+json")

    until(lambda: (board.refresh(), not board.states["no_gpu"].is_on)[1])

    assert (was_on, board.states["no_gpu"].was_mended) == (True, True)


def test_a_delivery_rolls_out_and_tells_its_start_and_its_end(
    cluster: ClusterHands, world: World, outside: Outside
) -> None:
    result = world.pipeline.deliver("docuchat-frontend", "2.15.7")

    assert result == "succeeded"
    assert [one.get("result", "running") for one in outside.posted] == ["running", "succeeded"]
    assert outside.posted[0]["image_digest"] in world.cluster.image_of("docuchat-frontend")
    labels = world.cluster.get("deployments", "docuchat-frontend")["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == "2.15.7"


@pytest.mark.parametrize(
    ("image", "version"),
    [("registry.example:5000/docuchat:2.14.3", "2.14.4"), ("r/frontend:2.9.9@sha256:4b1d", "2.9.10")],
)
def test_a_delivery_brings_the_version_after_the_present_one(image: str, version: str) -> None:
    assert next_version(image) == version


def ask(places: dict[str, str]) -> int:
    url = f"{places['docuchat']}/api/tenants/{TENANT}/questions"
    return httpx.post(url, json={"text": "why?"}, timeout=30).status_code


def test_errors_of_docuchat_are_every_third_answer(
    board: Board, world: World, places: dict[str, str]
) -> None:
    board.start("docuchat_errors")
    answers = [ask(places) for _ in range(9)]
    board.end("docuchat_errors")

    assert answers.count(500) == 3
    assert {ask(places) for _ in range(4)} == {200}


def test_ending_one_trouble_leaves_the_others(board: Board, places: dict[str, str]) -> None:
    board.start("docuchat_errors")
    board.start("token_spike")

    board.end("token_spike")

    assert 500 in {ask(places) for _ in range(4)}


def test_a_failing_provider_makes_the_spare_model_answer(board: Board, places: dict[str, str]) -> None:
    board.start("provider_failing")
    answers = {ask(places) for _ in range(2)}
    board.end("provider_failing")

    metrics = httpx.get(f"{places['docuchat']}/metrics").text
    assert answers == {200}
    fallbacks = [line for line in metrics.splitlines() if line.startswith("ml_fallback_total{")]
    assert any(f'from_model="{CHAT_MODEL}"' in line and not line.endswith(" 0.0") for line in fallbacks)


def test_a_dead_api_of_the_cluster_is_dead_until_the_end(board: Board, world: World) -> None:
    board.start("dead_kubernetes")
    with pytest.raises(httpx.HTTPError):
        world.cluster.get("deployments", "docuchat-api")
    board.end("dead_kubernetes")

    assert world.cluster.get("deployments", "docuchat-api")["kind"] == "Deployment"


def test_dead_processes_are_stopped_and_started_and_a_night_has_its_command(
    board: Board, outside: Outside
) -> None:
    for key in ("dead_alertmanager", "dead_docuchat", "missed_night"):
        board.start(key)
        board.start(key)
    stopped = list(outside.stopped)
    for key in ("dead_alertmanager", "dead_docuchat", "missed_night"):
        board.end(key)

    assert (stopped, outside.stopped) == (["alertmanager", "docuchat-1"], [])
    assert [one[1] for one in outside.modules] == ["miss", "catch-up"]


def test_the_board_notes_when_an_alert_came_and_went(
    world: World, places: dict[str, str], outside: Outside
) -> None:
    now = 100.0
    board = Board(world=world, prometheus_url=places["portal"], is_calm=threading.Event(), clock=lambda: now)
    board.start("docuchat_errors")

    def at(moment: float, *alerts: tuple[str, str]) -> AlertStage:
        nonlocal now
        now = moment
        outside.alerts[:] = [{"labels": {"alertname": name}, "state": state} for name, state in alerts]
        board.refresh()
        return board.stage_of(BY_KEY["docuchat_errors"])

    seen = [at(110), at(120, ("HighErrorRate", "pending")), at(150, ("HighErrorRate", "firing"))]
    board.end("docuchat_errors")
    seen += [at(160, ("HighErrorRate", "firing")), at(190)]

    assert seen == ["inactive", "pending", "firing", "firing", "inactive"]
    state = board.states["docuchat_errors"]
    assert (state.fired_after_s, state.resolved_after_s) == (50.0, 40.0)
    assert board.is_calm.is_set()


def test_an_incident_that_cannot_be_made_says_so(world: World, places: dict[str, str]) -> None:
    def refuse(_name: str) -> None:
        raise SandboxError("Another program has taken its port")

    world.stop_part = refuse
    board = Board(world=world, prometheus_url=places["portal"], is_calm=threading.Event())

    with serving(create_console(board, "http://portal.test"), free_port()) as url:
        httpx.post(f"{url}/incidents/dead_docuchat/start?lang=en", follow_redirects=True)
        page = httpx.get(url, params={"lang": "en"}).text

    assert "That did not work: Another program has taken its port" in page


def test_the_console_starts_and_ends_by_a_click_in_both_languages(board: Board, outside: Outside) -> None:
    with serving(create_console(board, "http://portal.test"), free_port()) as url:
        calm = httpx.get(url).text
        started = httpx.post(f"{url}/incidents/docuchat_errors/start?lang=en", follow_redirects=True)
        outside.alerts.append({"labels": {"alertname": "HighErrorRate"}, "state": "firing"})
        until(lambda: "HighErrorRate fired after" in httpx.get(f"{url}/cards", params={"lang": "en"}).text)
        ended = httpx.post(f"{url}/incidents/docuchat_errors/end?lang=fa", follow_redirects=True)

    assert all(one.title.fa in calm for one in INCIDENTS)
    assert ('dir="rtl"' in calm, 'dir="ltr"' in started.text) == (True, True)
    assert "Under way for 0 s" in started.text
    assert "پایان یافت" in ended.text


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("incidents/docuchat_errors/start", {"origin": "http://evil.test"}, 403),
        ("incidents/nothing/start", {}, 404),
        ("incidents/docuchat_errors/explode", {}, 404),
    ],
)
def test_the_console_obeys_only_its_own_page(
    board: Board, path: str, headers: dict[str, str], status: int
) -> None:
    with serving(create_console(board, "http://portal.test"), free_port()) as url:
        answer = httpx.post(f"{url}/{path}", headers=headers)

    assert answer.status_code == status
    assert not any(one.is_on for one in board.states.values())
