"""Deploys as a person watches them: a rollout to its end, a stuck one with its reason, and logs in many tabs."""

import json
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from portal import routes
from tests.e2e.conftest import WIDTHS, Visit, Visitor
from tests.e2e.looks import keep, keeps_nobody_out
from tests.waiting import until

NAMESPACE = "docuchat"
WATCHED = "docuchat-ingest"
PAGE = routes.workload(NAMESPACE, "Deployment", WATCHED)
TABS = 7
# What a browser does when another tab is chosen; the tabs of a headless one are all in sight.
LOOK_AWAY = """isHidden => {
  Object.defineProperty(document, 'hidden', {value: isHidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


class ClusterAPI:
    """Whoever deploys: a client with all rights in the stack's cluster."""

    def __init__(self, stack: Stack) -> None:
        config = json.loads(stack.kubeconfig.read_text())
        users = {each["name"]: each["user"]["token"] for each in config["users"]}
        authority = stack.kubeconfig.parent / "kubernetes.crt"
        self.http = httpx.Client(
            base_url=config["clusters"][0]["cluster"]["server"],
            verify=ssl.create_default_context(cafile=str(authority)),
            headers={"authorization": f"Bearer {users['cluster-admin']}"},
            timeout=20,
        )

    def set_image(self, tag: str) -> None:
        containers = [{"name": "ingest", "image": f"registry.docuchat.example/docuchat:{tag}"}]
        self.http.patch(
            f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{WATCHED}",
            json={"spec": {"template": {"spec": {"containers": containers}}}},
            headers={"content-type": "application/strategic-merge-patch+json"},
        ).raise_for_status()

    def sandbox(self, method: str, what: str, **wanted: object) -> None:
        self.http.request(method, f"/sandbox/{what}", json=wanted).raise_for_status()

    def pods(self) -> list[dict[str, Any]]:
        return list(self.http.get(f"/api/v1/namespaces/{NAMESPACE}/pods").json()["items"])

    def is_in_trouble(self, workload: str) -> bool:
        """Whether a pod of the workload shows something else than that it is starting."""
        pods = [pod for pod in self.pods() if pod["metadata"]["name"].startswith(f"{workload}-")]
        statuses = [one for pod in pods for one in pod["status"].get("containerStatuses", ())]
        waiting = [one["state"].get("waiting", {}).get("reason", "") for one in statuses]
        conditions = [one["status"] for pod in pods for one in pod["status"].get("conditions", ())]
        return "False" in conditions and "ContainerCreating" not in waiting

    def pod(self, prefix: str) -> str:
        return next(
            name
            for pod in self.pods()
            if (name := str(pod["metadata"]["name"])).startswith(prefix)
            and pod["status"]["phase"] == "Running"
        )


@pytest.fixture
def cluster_api(stack: Stack) -> Iterator[ClusterAPI]:
    api = ClusterAPI(stack)
    with api.http:
        yield api


def at_a_desk(now: Visit, name: str) -> None:
    """The page keeps nobody out on a wide screen either."""
    phone = now.page.viewport_size
    now.page.set_viewport_size({"width": WIDTHS["desktop"], "height": 800})
    keeps_nobody_out(now, name)
    if phone:
        now.page.set_viewport_size(phone)


def test_a_deploy_is_watched_from_start_to_done_and_a_stuck_one_says_why(
    visit: Visitor, people: dict[str, SignIn], cluster_api: ClusterAPI
) -> None:
    now = visit("fa", "phone").sign_in(people["operator"])
    now.go(PAGE)
    state = now.page.locator("main .page-head .badge")
    expect(state).to_have_text(now.t("deploy.state.done"))

    cluster_api.set_image("2.99.0")
    expect(state).to_have_text(now.t("deploy.state.progressing"))
    expect(now.page.get_by_test_id("rollout")).to_contain_text("2.99.0")
    expect(state).to_have_text(now.t("deploy.state.done"))

    cluster_api.set_image("missing")
    reason = now.page.get_by_test_id("reason")
    expect(reason.get_by_role("heading")).to_have_text(now.t("deploy.stuck.image_pull"))
    expect(reason).to_contain_text("docuchat:missing")
    # What arrives while somebody looks may move the page; what is there from the beginning may not.
    now.go(PAGE)
    keep(now, "workload-stuck")
    at_a_desk(now, "workload-stuck")
    now.go(routes.DEPLOYS)
    first = now.page.locator("#list tbody tr:not(.group-head)").first
    expect(first).to_contain_text(WATCHED)
    expect(first).to_contain_text(now.t("deploy.stuck.image_pull"))
    keep(now, "deploys-stuck")

    cluster_api.set_image("2.14.3")
    expect(now.page.get_by_text(now.t("deploy.stuck.image_pull"))).to_have_count(0)


# Each fault strikes a workload of its own, so that one wait is enough for all of them.
FAULTS = {
    "crowd-1": ("CrashLoopBackOff", "crash"),
    "crowd-2": ("OOMKilled", "out_of_memory"),
    "crowd-3": ("Unschedulable", "unschedulable"),
    "crowd-4": ("ReadinessFailing", "probe"),
    "crowd-5": ("CreateContainerConfigError", "configuration"),
}
SOON_MS = 5_000


@pytest.fixture
def troubled(cluster_api: ClusterAPI) -> Iterator[None]:
    """Workloads that are stuck, each for another reason; their pods show it already."""
    for name, (fault, _) in FAULTS.items():
        cluster_api.sandbox("POST", "faults", workload=name, fault=fault)
    cluster_api.sandbox("POST", "crowd", workloads=len(FAULTS), pods=len(FAULTS))
    until(lambda: all(map(cluster_api.is_in_trouble, FAULTS)))
    yield
    for name in FAULTS:
        cluster_api.http.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}").raise_for_status()
    cluster_api.sandbox("DELETE", "faults")


def test_each_kind_of_stuck_rollout_says_its_reason_within_five_seconds(
    visit: Visitor, people: dict[str, SignIn], troubled: None
) -> None:
    for lang, width in (("fa", "desktop"), ("en", "phone")):
        now = visit(lang, width).sign_in(people["operator"])
        now.go(f"{routes.DEPLOYS}?q=crowd-")
        for name, (_, kind) in FAULTS.items():
            line = now.page.locator("#list tbody tr", has_text=name)
            expect(line).to_contain_text(now.t(f"deploy.stuck.{kind}"), timeout=SOON_MS)
        keep(now, "deploys-in-trouble")

    now.go(routes.workload(NAMESPACE, "Deployment", "crowd-1"))
    expect(now.page.get_by_test_id("reason")).to_contain_text("no route to the database")
    now.go(routes.workload(NAMESPACE, "Deployment", "crowd-3"))
    expect(now.page.get_by_test_id("reason")).to_contain_text("nodes are available")


def test_seven_log_tabs_of_one_browser_follow_and_a_click_still_answers(
    visit: Visitor, people: dict[str, SignIn], cluster_api: ClusterAPI
) -> None:
    now = visit("en").sign_in(people["operator"])
    page = routes.workload(NAMESPACE, "Deployment", "docuchat-api")
    address = routes.pod_log(page, cluster_api.pod("docuchat-api-"), {"container": "api"})
    now.go(address)
    tabs = [now.page, *(_tab(now, address) for _ in range(TABS - 1))]

    for tab in tabs:
        expect(tab.locator(".log-line").first).to_be_attached()
    states = [tab.locator("[data-log]").get_attribute("data-log-state") for tab in tabs]
    tabs[-1].get_by_role("link", name="docuchat-api", exact=True).click()

    expect(tabs[-1].get_by_test_id("rollout")).to_be_visible()
    assert states.count("live") == 4
    assert set(states) == {"live", "crowded"}


def _tab(now: Visit, address: str) -> Page:
    tab = now.context.new_page()
    tab.goto(now.stack.web_url + address, wait_until="domcontentloaded")
    return tab


def test_a_log_is_searched_paused_and_followed_on(
    visit: Visitor, people: dict[str, SignIn], cluster_api: ClusterAPI
) -> None:
    now = visit("fa", "phone").sign_in(people["operator"])
    page = routes.workload(NAMESPACE, "Deployment", "docuchat-api")
    pod = cluster_api.pod("docuchat-api-")
    now.go(routes.pod_log(page, pod, {"container": "api"}))
    root, lines = now.page.locator("[data-log]"), now.page.locator(".log-line")
    expect(root).to_have_attribute("data-log-state", "live")

    now.page.get_by_role("button", name=now.t("log.pause")).click()
    expect(root).to_have_attribute("data-log-state", "paused")
    said = ["the first secret sk-0123456789abcdefghij", "needle in the log", "the last"]
    cluster_api.http.post("/sandbox/logs", json={"pod": pod, "lines": said}).raise_for_status()
    now.page.get_by_role("button", name=now.t("log.resume")).click()
    expect(lines.filter(has_text="the last")).to_have_count(1)
    expect(lines.filter(has_text="the first secret ***")).to_have_count(1)
    keep(now, "pod-log")
    at_a_desk(now, "pod-log")

    for is_hidden, state in ((True, "hidden"), (False, "live")):
        now.page.evaluate(LOOK_AWAY, is_hidden)
        expect(root).to_have_attribute("data-log-state", state)
    expect(lines.filter(has_text="the last")).to_have_count(1)

    now.page.get_by_label(now.t("log.search")).fill("NEEDLE")
    expect(lines.filter(visible=True)).to_have_count(1)
    expect(now.page.get_by_test_id("log-found")).to_contain_text("۱")
