"""Logs, access reviews and refusals of the cluster, as services tell them."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend import config
from backend.actor import Actor, Role
from backend.deploys import service
from backend.deploys.types import LogQuery, Permission, PodId, PodLogLine, StuckKind, WorkloadKind
from backend.errors import AppError, Forbidden, NotFound, Refused, Unavailable
from backend.i18n.errors import error_text
from tests.integration.deploys.conftest import OPERATOR, PROCESS, ClusterFile, Site, health, named, reason
from tests.waiting import until

API = "docuchat-api"
CUSTOMER = Actor(name="sara@example.com", role=Role.TENANT_ADMIN)
PATCH = Permission(verb="patch", group="apps", resource="deployments", namespace="docuchat", name=API)
QUERY = LogQuery(pod=PodId(namespace="docuchat", name="x"))


def first_pod() -> PodId:
    return service.workload(OPERATOR, named(API)).pods[0].id


def write(site: Site, pod: PodId, *numbers: int) -> None:
    site.console("logs", pod=pod.name, lines=[f"line {number}" for number in numbers])


def numbers_in(lines: list[PodLogLine]) -> list[int]:
    return [int(line.text.removeprefix("line ")) for line in lines if line.text.startswith("line ")]


def test_a_workload_that_is_there_is_never_said_to_be_missing_while_a_view_begins(view: Site) -> None:
    del view
    # Its kind is listed late, right before the view is complete.
    wanted = named("docuchat-redis", WorkloadKind.STATEFUL_SET)

    def is_known() -> bool:
        try:
            return service.workload(OPERATOR, wanted).summary.id == wanted
        except Unavailable:
            return False

    for _ in range(5):
        service.close_cluster(PROCESS)
        deadline = time.monotonic() + 20
        while not is_known():
            assert time.monotonic() < deadline


def test_the_end_of_a_log_is_read_with_its_times(view: Site) -> None:
    pod = first_pod()
    write(view, pod, *range(30))

    found = service.read_log(OPERATOR, LogQuery(pod=pod, tail_lines=10))

    assert numbers_in(list(found)) == list(range(20, 30))
    assert all(line.at.startswith("20") for line in found)
    assert [line.at for line in found] == sorted(line.at for line in found)


def test_a_followed_log_loses_no_line_and_repeats_none_when_its_stream_is_cut(view: Site) -> None:
    pod = first_pod()
    write(view, pod, 0, 1, 2)

    async def read() -> list[PodLogLine]:
        found: list[PodLogLine] = []
        stream = service.follow_log(OPERATOR, LogQuery(pod=pod))
        async for batch in stream:
            found += batch
            got = len(numbers_in(found))
            if got == 12:
                break
            if got % 3 == 0:
                await asyncio.to_thread(view.console, "cut")
                await asyncio.to_thread(write, view, pod, *range(got, got + 3))
        await stream.aclose()
        return found

    assert numbers_in(asyncio.run(read())) == list(range(12))


def test_a_thousand_lines_a_second_come_without_a_gap(view: Site) -> None:
    pod = first_pod()
    view.console("logs", pod=pod.name, lines_per_s=1000)

    async def read() -> list[int]:
        found: list[int] = []
        stream = service.follow_log(OPERATOR, LogQuery(pod=pod))
        async for batch in stream:
            told = [json.loads(line.text) for line in batch]
            found += [each["number"] for each in told if "number" in each]
            if len(found) > 2_000:
                break
        await stream.aclose()
        return found

    numbers = asyncio.run(read())

    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_log_goes_on_after_the_line_that_the_reader_has(view: Site) -> None:
    pod = first_pod()
    for number in range(5):
        write(view, pod, number)
    have = service.read_log(OPERATOR, LogQuery(pod=pod))
    for number in range(5, 8):
        write(view, pod, number)

    async def read() -> list[PodLogLine]:
        found: list[PodLogLine] = []
        stream = service.follow_log(OPERATOR, LogQuery(pod=pod), after=have[-1])
        async for batch in stream:
            found += batch
            if 7 in numbers_in(found):
                break
        await stream.aclose()
        return found

    assert numbers_in(asyncio.run(read())) == [5, 6, 7]


def test_a_followed_log_ends_when_its_pod_is_gone_and_leaves_no_stream_open(view: Site) -> None:
    pod = first_pod()

    async def read() -> int:
        batches = 0
        async for _batch in service.follow_log(OPERATOR, LogQuery(pod=pod)):
            batches += 1
            if batches == 1:
                await asyncio.to_thread(view.delete, "pods", pod.name)
        return batches

    assert asyncio.run(read()) >= 1


def test_the_log_of_the_container_before_is_read_apart(view: Site) -> None:
    view.console("faults", workload=API, fault="CrashLoopBackOff", message="the first life")
    view.change_container(API, image="registry.docuchat.example/docuchat:2.15.0")
    until(lambda: (found := reason(API)) and found.kind is StuckKind.CRASH and found.restarts)
    found = reason(API)
    assert found is not None
    pod = PodId(namespace="docuchat", name=found.pod)

    before = service.read_log(OPERATOR, LogQuery(pod=pod, is_previous=True))

    assert any("the first life" in line.text for line in before)


def test_a_log_that_is_not_there_is_refused_in_words(view: Site) -> None:
    for elsewhere in (QUERY, LogQuery(pod=PodId(namespace="kube-system", name=first_pod().name))):
        with pytest.raises(NotFound):
            service.read_log(OPERATOR, elsewhere)
    with pytest.raises(Refused) as refused:
        service.read_log(OPERATOR, LogQuery(pod=first_pod(), is_previous=True))

    assert "previous terminated container" in error_text(refused.value, "en")

    async def follow() -> None:
        async for _batch in service.follow_log(OPERATOR, QUERY):
            pass

    with pytest.raises(NotFound):
        asyncio.run(follow())


def test_the_runner_may_what_the_portal_may_not(view: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused) as unset:
        service.runner_may(OPERATOR, PATCH)
    assert unset.value.data["reason"] == "kubernetes_no_runner"
    monkeypatch.setenv("KUBERNETES_RUNNER_ACCOUNT", "docuchat-runbooks:portal-operator")
    config.settings.cache_clear()

    assert not service.portal_may(OPERATOR, PATCH).is_allowed
    assert service.runner_may(OPERATOR, PATCH).is_allowed
    view.console("denied", account="portal-operator", verb="patch", resource="deployments")
    assert not service.runner_may(OPERATOR, PATCH).is_allowed


@pytest.mark.parametrize(
    ("prepare", "reason_key"),
    [
        pytest.param({"KUBECONFIG": ""}, "kubernetes_not_configured", id="nothing is set"),
        pytest.param({"KUBECONFIG": "/nowhere/kubeconfig"}, "kubernetes_configuration", id="no such file"),
        pytest.param({"KUBECONFIG": __file__}, "kubernetes_configuration", id="not a kubeconfig"),
    ],
)
def test_a_cluster_that_is_not_configured_is_said_plainly(
    site: Site, monkeypatch: pytest.MonkeyPatch, prepare: dict[str, str], reason_key: str
) -> None:
    for name, value in prepare.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(Refused) as refused:
        service.workload(OPERATOR, named(API))

    assert refused.value.data == {"reason": reason_key}
    if reason_key == "kubernetes_not_configured":
        assert not health().is_configured
        assert service.workloads(OPERATOR).items == ()
    else:
        with pytest.raises(Refused):
            service.workloads(OPERATOR)


def test_a_withdrawn_token_and_a_dead_server_are_errors_of_the_house(
    site: Site, cluster_file: ClusterFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = cluster_file.kubeconfig.read_text()
    for name, wrong, kind in (
        ("token", text.replace(site.address.tokens["portal-viewer"], "withdrawn"), Refused),
        ("server", text.replace(site.address.url, "https://127.0.0.1:9"), Unavailable),
    ):
        (tmp_path / name).write_text(wrong)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / name))
        config.settings.cache_clear()
        with pytest.raises(kind):
            service.read_log(OPERATOR, QUERY)
        until(lambda: len(health().problems) == 8)
        assert {type(one.error) for one in health().problems} == {kind}
        with pytest.raises(kind):
            service.workload(OPERATOR, named(API))
        service.close_cluster(PROCESS)


DOORS: dict[str, Callable[[Actor], Any]] = {
    "health": service.cluster_health,
    "workloads": service.workloads,
    "workload": lambda actor: service.workload(actor, named(API)),
    "compare": lambda actor: service.compare_revisions(actor, named(API), 1, 2),
    "events": service.cluster_events,
    "jobs": service.cluster_jobs,
    "read a log": lambda actor: service.read_log(actor, QUERY),
    "follow a log": lambda actor: service.follow_log(actor, QUERY),
    "portal may": lambda actor: service.portal_may(actor, PATCH),
    "runner may": lambda actor: service.runner_may(actor, PATCH),
    "follow changes": lambda actor: service.follow_cluster(actor, lambda _: None),
    "close": service.close_cluster,
}


@pytest.mark.parametrize("ask", DOORS.values(), ids=DOORS.keys())
def test_a_customer_is_told_nothing_of_the_cluster(ask: Callable[[Actor], Any]) -> None:
    with pytest.raises(Forbidden):
        ask(CUSTOMER)


@pytest.mark.parametrize("lang", ["fa", "en"])
@pytest.mark.parametrize(
    "error",
    [
        Unavailable(service="kubernetes", cause="timeout"),
        Refused(reason="kubernetes_not_configured"),
        Refused(reason="kubernetes_forbidden", verb="list", resource="pods", namespace="docuchat"),
    ],
)
def test_each_error_of_the_cluster_has_its_own_sentence(error: AppError, lang: Any) -> None:
    sentence = error_text(error, lang)

    assert "Kubernetes" in sentence or "pods" in sentence
    assert "{" not in sentence
