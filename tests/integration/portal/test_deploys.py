"""The pages of workloads: they show the cluster as it changes, only what changed, and say when it is old."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from backend import clock
from backend.actor import Role
from backend.db.news import Topic
from backend.deploys import service as deploys
from backend.deploys.ledger_types import NewDeploy
from backend.deploys.types import RolloutState
from portal import feeds, live, routes
from portal.features.deploys.detail_state import WorkloadState
from portal.features.deploys.log_state import PodLogState
from portal.features.deploys.state import DeploysState
from tests.integration.portal.cluster import NAMESPACE, OPERATOR, PROCESS, Cluster, workload
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown
from tests.waiting import until

LIST, DETAIL, LOG = (state.get_full_name() for state in (DeploysState, WorkloadState, PodLogState))
WORKER = routes.workload(NAMESPACE, "Deployment", "docuchat-worker")


def opened(pipeline: Pipeline, house: House, page: str, path: str, lang: str = "en") -> dict[str, Any]:
    """What a tab knows of a page after its first load."""
    cookie = house.people[Role.AUDITOR].cookie.replace("lang=en", f"lang={lang}")

    async def steps(tab: Tab) -> list[Delta]:
        return await tab.send(f"{page}.load", cookie=cookie, path=path)

    told: dict[str, Any] = {}
    for delta in json.loads(shown(pipeline.run(steps))):
        told |= delta.get(page, {})
    return {name.removesuffix("_rx_state_"): value for name, value in told.items()}


def slots(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for name, value in told.items() if name.startswith("slot_") and value["key"]]


def test_trouble_stands_first_with_its_reason_in_both_languages(
    cluster: Cluster, house: House, pipeline: Pipeline
) -> None:
    cluster.set_image("docuchat-worker", "missing")
    until(lambda: is_stuck("docuchat-worker"))

    english = opened(pipeline, house, LIST, routes.DEPLOYS)
    persian = opened(pipeline, house, LIST, f"{routes.DEPLOYS}?state=trouble&namespace={NAMESPACE}", "fa")

    first = slots(english)[0]
    assert (first["name"], first["state"], first["reason"]) == (
        "docuchat-worker",
        "stuck",
        "The image cannot be pulled",
    )
    assert first["heading"].startswith("docuchat · docuchat-")
    assert len(slots(english)) > 5
    assert [row["reason"] for row in slots(persian)] == ["ایمیج دریافت نمی‌شود"]
    assert persian["tally"]["summary"].startswith("۱ مورد از")


def is_stuck(name: str) -> bool:
    found = workload(name)
    return bool(found and found.summary.rollout.reason)


def test_a_crash_is_told_with_container_exit_code_and_last_lines(
    cluster: Cluster, house: House, pipeline: Pipeline
) -> None:
    cluster.control(
        "faults",
        {"workload": "docuchat-worker", "fault": "CrashLoopBackOff", "exit_code": 3, "message": "no way"},
    )
    env = [{"name": "FEATURE_X", "value": "a-value-that-nobody-may-read"}]
    cluster.set_image("docuchat-worker", "2.15.0", env=env)
    until(lambda: (found := workload("docuchat-worker")) and last_lines(found))
    deploys.record_deploy(
        PROCESS,
        NewDeploy(
            key="run-1",
            service="docuchat",
            version="2.15.0",
            started_at=clock.utc_now(),
            namespace=NAMESPACE,
            workloads=("docuchat-worker",),
            author="Sara",
        ),
    )

    page = opened(pipeline, house, DETAIL, f"{WORKER}?before=1&after=2")

    card = page["view"]["reason"]
    assert (card["title"], card["container"], card["exit"]) == ("The container crashes", "worker", "3")
    assert any("no way" in line for line in card["last_lines"])
    assert card["log_url"].endswith("/log?container=worker&previous=1")
    assert [(row["what"], row["after"]) for row in page["comparison"]["lines"]] == [
        ("image", "registry.docuchat.example/docuchat:2.15.0"),
        ("environment variable (name)", "FEATURE_X"),
    ]
    assert [row["number"] for row in page["revisions"]] == ["2", "1"]
    assert [(row["version"], row["author"], row["is_cause"]) for row in page["ledger"]] == [
        ("2.15.0", "Sara", True)
    ]
    assert "a-value-that-nobody-may-read" not in json.dumps(page)
    assert len(page["pods"]) == 3
    assert page["events"]


def last_lines(found: Any) -> bool:
    reason = found.summary.rollout.reason
    return bool(reason and reason.last_lines)


def test_an_open_list_is_sent_only_the_lines_that_changed(
    cluster: Cluster, house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    monkeypatch.setattr(live, "SHORTEST_GAP_S", 0.01)
    sockets = {"tab": "none"}
    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid=sockets))
    cookie = house.people[Role.OPERATOR].cookie
    # It stands first whatever comes, so no other line moves.
    cluster.control("faults", {"workload": "docuchat-worker", "fault": "ImagePullBackOff"})
    cluster.set_image("docuchat-worker", "2.15.0")
    until(lambda: is_stuck("docuchat-worker") and all_others_are_done("docuchat-worker"))

    async def steps(tab: Tab) -> list[Delta]:
        seen: list[Delta] = []
        where = {"cookie": cookie, "path": routes.DEPLOYS}
        await tab.open(cookie=cookie)
        await tab.send(f"{LIST}.load", **where)
        following = asyncio.ensure_future(tab.send(f"{LIST}.follow", told=seen, **where))
        await asyncio.to_thread(cluster.set_image, "docuchat-worker", "2.15.1")
        await soon(lambda: announced() and "docuchat:2.15.1" in shown(seen))
        sockets.clear()
        feeds.announce(Topic.CLUSTER)
        await following
        return seen

    told = json.loads(shown(pipeline.run(steps)))

    lines = [
        value["name"]
        for delta in told
        for name, value in delta.get(LIST, {}).items()
        if name.startswith("slot_")
    ]
    assert set(lines) == {"docuchat-worker"}


def all_others_are_done(name: str) -> bool:
    items = deploys.workloads(OPERATOR).items
    return {each.id.name for each in items if each.rollout.state != RolloutState.DONE} == {name}


def announced() -> bool:
    """The feed that a running process has is announced by hand here."""
    feeds.announce(Topic.CLUSTER)
    return True


async def soon(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not so within 20 s")


def test_a_dead_cluster_is_unknown_since_and_what_was_known_stays(
    cluster: Cluster, house: House, pipeline: Pipeline
) -> None:
    cluster.control("trouble", {"is_dead": True})
    try:
        until(lambda: deploys.cluster_health(house.people[Role.OPERATOR].actor).unknown_since is not None)

        pages = [
            opened(pipeline, house, LIST, routes.DEPLOYS),
            opened(pipeline, house, DETAIL, WORKER),
            opened(pipeline, house, LOG, routes.pod_log(WORKER, "gone-0", {})),
        ]
    finally:
        cluster.control("trouble", {"is_dead": False})

    warnings = [pages[0]["view"]["freshness"], pages[1]["freshness"], pages[2]["view"]["freshness"]]
    assert all(
        words.startswith("The cluster does not answer: its state is unknown since") for words in warnings
    )
    assert slots(pages[0])
    assert pages[1]["pods"]
    assert pages[2]["view"]["state"] == "gone"
    assert pages[2]["view"]["stream_url"] == "/api/v1/logs/docuchat/gone-0"


def test_a_history_that_the_cluster_does_not_show_leaves_the_rest_of_the_page(
    cluster: Cluster, house: House, pipeline: Pipeline
) -> None:
    refused = {"account": "portal-viewer", "verb": "list", "resource": "controllerrevisions"}
    cluster.control("denied", refused)
    deploys.close_cluster(PROCESS)
    try:
        until(lambda: workload("docuchat-api"))
        address = routes.workload(NAMESPACE, "StatefulSet", "docuchat-redis")
        # A view that has just begun tells what it may not see as soon as it was refused it.
        told = "list controllerrevisions in the namespace docuchat"
        until(lambda: told in opened(pipeline, house, DETAIL, address)["freshness"])
        page = opened(pipeline, house, DETAIL, address)
    finally:
        cluster.http.request("DELETE", "/sandbox/denied").raise_for_status()

    assert told in page["freshness"]
    assert page["pods"]
    assert page["revisions"] == []


def test_a_workload_that_is_not_there_is_told_in_words(
    cluster: Cluster, house: House, pipeline: Pipeline
) -> None:
    page = opened(pipeline, house, DETAIL, routes.workload(NAMESPACE, "Deployment", "none"))

    assert page["phase"] == "problem"
    assert page["problem"]["text"]
