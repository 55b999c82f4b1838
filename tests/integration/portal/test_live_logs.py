"""A pod's log live: without gap or repeat, without secrets, only for staff, and only as long as they are."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from backend.accounts import service as accounts
from backend.actor import Role
from backend.deploys.types import PodLogLine
from backend.sandbox.processes import free_port
from portal import routes, session
from portal.http import live_logs, log_frames, log_streams
from tests.integration.portal.cluster import SECRET, Cluster
from tests.integration.portal.conftest import House
from tests.integration.portal.event_streams import events_of
from tests.waiting import until


class Told(NamedTuple):
    """An event of a stream."""

    name: str
    identity: str
    data: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.data.get("lines", [])]


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """The stream's address, served with the portal's own limits by a small application."""
    app = Starlette(routes=[Route(routes.LIVE_LOG, live_logs.follow)])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}{routes.live_log('docuchat', cluster.pod, {'container': 'api'})}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def stream(url: str, cookie: str, after: str = "") -> Iterator[Iterator[Told]]:
    """The events of a stream, as long as the block lasts."""
    headers = {"cookie": cookie, **({"last-event-id": after} if after else {})}
    with httpx.stream("GET", url, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        yield (Told(each.name, each.id, each.data) for each in events_of(answer))


def read_until(told: Iterator[Told], wanted: str) -> list[Told]:
    """Events until one holds a line."""
    found = []
    for each in told:
        found.append(each)
        if wanted in each.texts or each.name == "end":
            return found
    raise AssertionError(f"no {wanted}: {found}")


def test_lines_come_as_they_are_written_and_a_new_stream_goes_on_without_gap_or_repeat(
    cluster: Cluster, url: str, house: House
) -> None:
    cookie = house.people[Role.AUDITOR].cookie
    numbers = [f"line {number}" for number in range(30)]

    with stream(url, cookie) as told:
        cluster.say(*numbers[:10])
        first = read_until(told, numbers[9])
        cluster.cut()
        cluster.say(*numbers[10:20])
        first += read_until(told, numbers[19])
    cluster.say(*numbers[20:])
    with stream(url, cookie, first[-1].identity) as told:
        second = read_until(told, numbers[29])

    shown = [text for each in first + second for text in each.texts]
    assert [text for text in shown if text in numbers] == numbers
    assert len(shown) == len(set(shown))


def test_a_log_that_is_written_fast_loses_no_line(cluster: Cluster, url: str, house: House) -> None:
    cluster.control("logs", {"pod": cluster.pod, "lines_per_s": 1000})

    with stream(url, house.people[Role.OPERATOR].cookie) as told:
        numbers: list[int] = []
        while len(numbers) < 2_000:
            each = next(told)
            assert each.data["dropped"] == 0
            numbers += [json.loads(text)["number"] for text in each.texts if '"number"' in text]

    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_no_secret_leaves_the_server(cluster: Cluster, url: str, house: House) -> None:
    with stream(url, house.people[Role.OPERATOR].cookie) as told:
        cluster.say(f"token {SECRET}", "\x1b[31mkey sk-0123456789abcdefghij\x1b[0m", "the last")
        shown = [text for each in read_until(told, "the last") for text in each.texts]

    assert shown[-3:] == ["token ***", "key ***", "the last"]


def test_a_session_that_ends_ends_its_stream_and_no_other(cluster: Cluster, url: str, house: House) -> None:
    operator, auditor = house.people[Role.OPERATOR], house.people[Role.AUDITOR]

    with stream(url, operator.cookie) as told, stream(url, auditor.cookie) as others:
        cluster.say("before")
        read_until(told, "before")
        accounts.sign_out(operator.token)
        session.forget(operator.token)
        cluster.say("after")
        end = read_until(told, "after")[-1]
        read_until(others, "after")

    assert (end.name, end.data["why"], end.data["again"]) == ("end", "sign_in_required", False)


def test_whoever_may_not_read_and_whatever_is_not_there_is_refused_in_words(url: str, house: House) -> None:
    staff = house.people[Role.OPERATOR].cookie
    strangers = {
        "lang=en": 401,
        house.people[Role.TENANT_VIEWER].cookie: 403,
        house.people[Role.TENANT_ADMIN].cookie: 403,
    }
    asked = {(url, cookie): status for cookie, status in strangers.items()} | {
        (str(httpx.URL(url).join(f"/api/v1/logs/{path}")), staff): status
        for path, status in {
            "docuchat/no-such-pod?container=api": 404,
            "docuchat/UPPER?container=api": 404,
            "another-namespace/no-such-pod": 404,
        }.items()
    }

    answers = {key: httpx.get(key[0], headers={"cookie": key[1]}, timeout=20) for key in asked}

    assert {key: answer.status_code for key, answer in answers.items()} == asked
    assert [answer.json()["again"] for answer in answers.values()] == [False] * len(asked)
    assert all(answer.json()["text"] for answer in answers.values())


def test_one_reader_too_many_waits_until_another_leaves(
    url: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_streams, "MOST_OF_ONE", 1)
    cookie = house.people[Role.OPERATOR].cookie

    def status(of: str = cookie) -> int:
        with httpx.stream("GET", url, headers={"cookie": of}, timeout=20) as answer:
            return answer.status_code

    with stream(url, cookie):
        assert status() == 429
        assert status(house.people[Role.APPROVER].cookie) == 200

    until(lambda: status() == 200)


def test_a_reader_who_takes_nothing_costs_bounded_memory_and_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_frames, "MOST_WAITING_LINES", 10)
    lines = tuple(PodLogLine(at=f"2026-11-28T11:40:{n:02}Z", text=f"line {n}") for n in range(50))

    async def batches() -> Any:
        for at in range(5, 50):
            yield lines[at : at + 1]

    async def steps() -> bytes:
        first: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        first.set_result(lines[:5])
        backlog = log_frames.LogBacklog()
        await live_logs._pump(batches(), first, live_logs._Sender(None, ()), backlog)
        return backlog.frame()

    told = json.loads(asyncio.run(steps()).split(b"data: ")[1])
    assert told["dropped"] == 40
    assert [text for _, text in told["lines"]] == [f"line {n}" for n in range(40, 50)]
