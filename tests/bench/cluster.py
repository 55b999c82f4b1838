"""The pages of the cluster under load: live logs, and the list of workloads with many tabs open, on one web process.

The emulator stands in for the cluster, in a process of its own, and so does the web process; the readers share this
one. "Event to pixel" begins when a change is sent to the cluster's API and ends when Chromium has put it into the page.
"""

import argparse
import asyncio
import contextlib
import json
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
from playwright.sync_api import Page, sync_playwright
from websockets import Origin
from websockets.asyncio.client import ClientConnection, connect

from backend.actor import Role
from backend.sandbox import frontend, tools
from backend.sandbox.kubernetes.access import read_or_make_tokens
from backend.sandbox.postgres import data_home
from backend.sandbox.processes import Child, Command, free_port, wait_until
from portal import routes
from portal.guard import HYDRATE
from portal.http.log_streams import MOST_OF_ONE
from tests import factories
from tests.bench.figures import Figures, say, say_table
from tests.bench.pages import CHROMIUM_ARGS
from tests.bench.payments import ground
from tests.integration.portal.processes import WebProcess
from tests.integration.portal.socket import event_address
from tests.waiting import until

LOG_TABS = 20
LINES_PER_S = 1_000
LOG_S = 20.0
WORKLOADS, PODS, CHANGES_PER_S = 300, 3_000, 50
LIST_TABS = 50
# As many of them look at the workload that is measured, and at nothing else.
MEASURING_TABS = 10
LIST_S = 20.0
PIXEL_ROUNDS = 40
NAMESPACE = "docuchat"
MEASURED = "docuchat-worker"

WATCH_ROW = """
() => {
  window.benchSeen = [];
  new MutationObserver(() => {
    const cell = document.querySelector('main tbody tr td:nth-child(3)');
    if (cell && cell.textContent !== window.benchSeen.at(-1)?.text) {
      window.benchSeen.push({text: cell.textContent, at: Date.now()});
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A cluster, a web process that watches it, and somebody who is signed in."""

    web: WebProcess
    console: httpx.Client
    api: httpx.Client
    cookies: list[str]

    @property
    def cookie(self) -> str:
        """Of one of those who are signed in."""
        return self.cookies[0]

    def act(self, what: str, **wanted: Any) -> Any:
        """Tell the emulator's console something."""
        return self.console.post(f"/sandbox/{what}", json=wanted).raise_for_status().json()

    def cpu_s(self) -> float:
        """CPU time of the web process so far."""
        fields = Path(f"/proc/{self.web.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(asked: argparse.Namespace) -> Figures:
    """Measure once; prints as it goes."""
    del asked
    say("\nCluster: live logs and the list of workloads, one web process")
    frontend.build("e2e")
    figures: Figures = {}
    with ground(), _scene() as scene:
        figures |= _told({"cluster_live_logs": asyncio.run(_live_logs(scene))})
        _crowd(scene)
        figures |= _told({"cluster_list": _many_tabs(scene)})
    return figures


def _told(figures: Figures) -> Figures:
    for name, figure in figures.items():
        say("\n" + name.replace("_", " "))
        say_table([{key.replace("_", " "): value for key, value in figure.items()}])
    return figures


@contextmanager
def _scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="cluster-", dir=data_home()) as name:
        folder, port = Path(name), free_port()
        kubeconfig = folder / "kubeconfig"
        argv = [sys.executable, "-m", "backend.sandbox.kubernetes", "--port", str(port)]
        emulator = Child(
            Command(
                name="kubernetes",
                argv=[*argv, "--kubeconfig", str(kubeconfig)],
                log_path=folder / "kubernetes.log",
            )
        )
        try:
            wait_until(kubeconfig.is_file, child=emulator)
            tls = ssl.create_default_context(cafile=str(folder / "kubernetes.crt"))
            url = f"https://127.0.0.1:{port}"
            wait_until(lambda: _answers(url, tls), child=emulator)
            web = WebProcess(
                folder,
                os.environ["DATABASE_URL"],
                KUBECONFIG=str(kubeconfig),
                KUBERNETES_NAMESPACES=NAMESPACE,
            )
            try:
                until(web.is_ready)
                # A session may follow a few logs at a time.
                people = [factories.user(Role.OPERATOR) for _ in range(-(-LOG_TABS // MOST_OF_ONE))]
                tokens = [factories.signed_in(person).token for person in people]
                with (
                    httpx.Client(base_url=url, verify=tls, timeout=60) as console,
                    _operator(url, tls, kubeconfig) as api,
                ):
                    yield Scene(
                        web=web,
                        console=console,
                        api=api,
                        cookies=[f"portal={token}; lang=fa" for token in tokens],
                    )
            finally:
                web.child.stop()
        finally:
            emulator.stop()


def _answers(url: str, tls: ssl.SSLContext) -> bool:
    try:
        return httpx.get(f"{url}/sandbox/health", verify=tls).is_success
    except httpx.TransportError:
        return False


def _operator(url: str, tls: ssl.SSLContext, kubeconfig: Path) -> httpx.Client:
    """A client that may change workloads."""
    accounts = read_or_make_tokens(kubeconfig).items()
    token = next(token for token, account in accounts if account == "cluster-admin")
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, verify=tls, timeout=60, headers=headers)


async def _live_logs(scene: Scene) -> dict[str, object]:
    """Many tabs follow a talkative pod: lines that did not come, and what the web process needs for it."""
    pod = _pod(scene)
    scene.act("logs", pod=pod, lines_per_s=LINES_PER_S)
    address = scene.web.url + routes.live_log(NAMESPACE, pod, {})
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as browser:
        cpu, began = scene.cpu_s(), time.perf_counter()
        tabs = await asyncio.gather(
            *(
                _log_tab(browser, scene.cookies[number % len(scene.cookies)], address)
                for number in range(LOG_TABS)
            )
        )
        took = time.perf_counter() - began
        cpu = scene.cpu_s() - cpu
    return {
        "tabs": LOG_TABS,
        "lines_per_s_and_tab": LINES_PER_S,
        "seconds": round(took, 1),
        "lines_received": sum(len(tab.numbers) for tab in tabs),
        "lines_lost": sum(tab.lost for tab in tabs),
        "lines_twice": sum(len(tab.numbers) - len(set(tab.numbers)) for tab in tabs),
        "lines_dropped_and_told": sum(tab.dropped for tab in tabs),
        "web_cpu_percent_of_a_core": round(100 * cpu / took, 1),
    }


@dataclass(slots=True)
class LogTab:
    """The numbers of the lines that a tab got, in their order."""

    numbers: list[int]
    dropped: int = 0

    @property
    def lost(self) -> int:
        """Lines between the first and the last one that did not come."""
        return self.numbers[-1] - self.numbers[0] + 1 - len(set(self.numbers)) if self.numbers else 0


async def _log_tab(browser: httpx.AsyncClient, cookie: str, address: str) -> LogTab:
    tab = LogTab([])
    until_s = time.perf_counter() + LOG_S
    async with browser.stream("GET", address, headers={"cookie": cookie}) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                told = json.loads(line[6:])
                tab.dropped += told["dropped"]
                found = (json.loads(text) for _, text in told["lines"])
                tab.numbers += [each["number"] for each in found if "number" in each]
            if time.perf_counter() > until_s:
                return tab
    return tab


def _pod(scene: Scene) -> str:
    """A pod that is ready: only then does it say what it is told to say."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"

    def ready() -> list[str]:
        items = scene.api.get(path).raise_for_status().json()["items"]
        named = [each for each in items if each["metadata"]["name"].startswith("docuchat-api-")]
        return [each["metadata"]["name"] for each in named if _is_ready(each)]

    until(ready)
    return ready()[0]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _crowd(scene: Scene) -> None:
    scene.act("crowd", workloads=WORKLOADS, pods=PODS)
    until(lambda: scene.console.get("/sandbox/crowd").json()["ready_pods"] >= PODS, within_s=300)


def _many_tabs(scene: Scene) -> dict[str, object]:
    """Many tabs of the list while pods change: bytes of a tab, CPU, and the way of a change to the screen."""
    scene.act("churn", changes_per_s=CHANGES_PER_S)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(tools.chromium()), args=CHROMIUM_ARGS)
        page = chromium.new_context().new_page()
        name, _, value = scene.cookie.partition(";")[0].partition("=")
        page.context.add_cookies([{"name": name, "value": value, "url": scene.web.url}])
        page.goto(f"{scene.web.url}{routes.DEPLOYS}?q={MEASURED}")
        page.wait_for_selector("main tbody tr a")
        figures = _with_tabs(scene, page)
        chromium.close()
    return figures


def _with_tabs(scene: Scene, page: Page) -> dict[str, object]:
    measuring = [ListTab(query=f"q={MEASURED}") for _ in range(MEASURING_TABS)]
    tabs = [ListTab() for _ in range(LIST_TABS - MEASURING_TABS)]
    with _open_tabs(scene, [*tabs, *measuring]):
        until(lambda: all(tab.bytes for tab in tabs))
        time.sleep(3.0)
        before, cpu, began = sum(tab.bytes for tab in tabs), scene.cpu_s(), time.perf_counter()
        frames = sum(tab.frames for tab in tabs)
        time.sleep(LIST_S)
        took = time.perf_counter() - began
        cpu, told = scene.cpu_s() - cpu, sum(tab.bytes for tab in tabs) - before
        frames = sum(tab.frames for tab in tabs) - frames
        sent, pixels = zip(*_event_to_pixel(scene, page), strict=True)
    pixels, told_ms = sorted(pixels), sorted(_event_to_tab(measuring, sent))
    return {
        "workloads": WORKLOADS,
        "pods": PODS,
        "changes_per_s": CHANGES_PER_S,
        "tabs": LIST_TABS + 1,
        "bytes_per_tab_and_s": round(told / took / len(tabs)),
        "updates_per_tab_and_s": round(frames / took / len(tabs), 2),
        "web_cpu_percent_of_a_core": round(100 * cpu / took, 1),
        "event_to_tab_p50_ms": round(statistics.median(told_ms)),
        "event_to_tab_p95_ms": round(told_ms[int(len(told_ms) * 0.95)]),
        "event_to_pixel_p50_ms": round(statistics.median(pixels)),
        "event_to_pixel_p95_ms": round(pixels[int(len(pixels) * 0.95)]),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _event_to_tab(tabs: list["ListTab"], sent: Sequence[float]) -> Iterator[float]:
    """Milliseconds from each change to the frame in which each tab is told of it."""
    for tab in tabs:
        for at in sent:
            told = next((each for each in tab.lines_at if each > at), None)
            if told is not None:
                yield told - at


def _event_to_pixel(scene: Scene, page: Page) -> Iterator[tuple[float, float]]:
    """When the number of pods is changed, and the milliseconds until its line in the page says so."""
    page.evaluate(WATCH_ROW)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{MEASURED}/scale"
    for number in range(PIXEL_ROUNDS):
        wanted, seen = 3 - number % 2, page.evaluate("window.benchSeen.length")
        sent = time.time() * 1000
        scene.api.patch(
            path,
            json={"spec": {"replicas": wanted}},
            headers={"content-type": "application/merge-patch+json"},
        ).raise_for_status()
        page.wait_for_function("seen => window.benchSeen.length > seen", arg=seen)
        yield sent, page.evaluate("seen => window.benchSeen[seen].at", seen) - sent
        # What follows of the change, such as the new pod, must be over before the next one begins.
        page.wait_for_timeout(1500)


@dataclass(slots=True)
class ListTab:
    """What a tab of the list was told."""

    query: str = ""
    bytes: int = 0
    frames: int = 0
    lines_at: list[float] = field(default_factory=list)

    def take(self, frame: str) -> None:
        """Note a frame, and when one of the lines came with it."""
        self.bytes += len(frame)
        self.frames += 1
        if '"slot_' in frame:
            self.lines_at.append(time.time() * 1000)


@contextmanager
def _open_tabs(scene: Scene, tabs: list[ListTab]) -> Iterator[None]:
    """Sockets that do what the page does, read in a thread of their own while the block lasts."""
    over = Event()

    async def run() -> None:
        reading = [asyncio.create_task(_list_tab(scene, tab)) for tab in tabs]
        await asyncio.to_thread(over.wait)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    thread = Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def _list_tab(scene: Scene, tab: ListTab) -> None:
    url = scene.web.url.replace("http", "ws", 1) + event_address(str(uuid4()))
    async with connect(
        url, additional_headers={"cookie": scene.cookie}, origin=Origin(scene.web.url), max_size=None
    ) as line:
        await _enter(line, tab.query)
        async for frame in line:
            if frame == "2":
                await line.send("3")
                continue
            tab.take(str(frame))


async def _enter(line: ClientConnection, query: str) -> None:
    await line.recv()
    await line.send("40/_event,")
    await line.recv()
    words = dict(parse_qsl(query))
    address = f"{routes.DEPLOYS}?{query}" if query else routes.DEPLOYS
    place = {"pathname": routes.DEPLOYS, "asPath": address, "query": words}
    event = {"name": HYDRATE, "payload": {}, "router_data": place}
    with contextlib.suppress(TimeoutError):
        await line.send(f"42/_event,{json.dumps(['event', event])}")
