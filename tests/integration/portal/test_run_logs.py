"""A run's log live: without gap or repeat, read once for all, in each reader's language, and only for the staff."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from backend import clock
from backend.accounts import service as accounts
from backend.actor import Actor, Role
from backend.db.news import Topic
from backend.runbooks import service as runs
from backend.runbooks.types import LineKind, RunbookRun, RunLine, RunStage, Words
from backend.runbooks.words_rules import line_of
from backend.sandbox.processes import free_port
from portal import feeds, routes, session
from portal.http import run_log_reader, run_logs
from runbooks import engine
from tests.integration.portal.conftest import House
from tests.integration.portal.event_streams import events_of
from tests.integration.runbooks.conftest import MakeAction, confirmed, make_action, world
from tests.waiting import until

__all__ = ["make_action", "world"]

RUNNER = Actor.process_named("runbooks")
WORDS = line_of(Words(key="runbooks.log.stops"))


class Told(NamedTuple):
    """An event of a stream."""

    name: str
    identity: str
    data: dict[str, Any]

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(text, kind) for _, text, kind in self.data.get("lines", [])]


@pytest.fixture
def url() -> Iterator[str]:
    """A small application with the two routes of a run's log."""
    app = Starlette(
        routes=[Route(routes.RUN_LOG, run_logs.follow), Route(routes.RUN_LOG_TEXT, run_logs.download)]
    )
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def run(house: House, make_action: MakeAction) -> RunbookRun:
    """A run that is at work, as far as the database knows."""
    make_action()
    queued = confirmed(house.people[Role.OPERATOR].actor)
    taken = runs.take_up(RUNNER, queued.id, "here:1:1")
    assert taken is not None
    return taken


def write(run: RunbookRun, *lines: str, kind: LineKind = LineKind.OUTPUT) -> None:
    """Store lines as the run's process does, and tell this process's pages."""
    last = runs.last_line(RUNNER, run.id)
    now = clock.utc_now()
    runs.append_log(
        RUNNER,
        run,
        [
            RunLine(number=number, at=now, step="write", kind=kind, text=text)
            for number, text in enumerate(lines, last + 1)
        ],
    )
    feeds.announce(Topic.RUNBOOK_LOG)


@contextmanager
def stream(url: str, run: RunbookRun, cookie: str, after: str = "") -> Iterator[Iterator[Told]]:
    """The events of a stream, as long as the block lasts."""
    headers = {"cookie": cookie, **({"last-event-id": after} if after else {})}
    address = f"{url}{routes.run_log(run.id, run.launch)}"
    with httpx.stream("GET", address, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["x-accel-buffering"] == "no"
        yield (Told(each.name, each.id, each.data) for each in events_of(answer))


def read_until(told: Iterator[Told], wanted: str) -> list[Told]:
    """Events until one holds a line, or the stream ends."""
    found = []
    for each in told:
        found.append(each)
        if wanted in [text for text, _ in each.lines] or each.name == "end":
            return found
    raise AssertionError(f"no {wanted}: {found}")


def texts(told: list[Told]) -> list[str]:
    return [text for each in told for text, _ in each.lines]


def test_a_stream_goes_on_after_the_last_line_without_gap_or_repeat(
    url: str, run: RunbookRun, house: House
) -> None:
    cookie = house.people[Role.AUDITOR].cookie
    numbers = [f"line {number}" for number in range(30)]

    write(run, *numbers[:10])
    with stream(url, run, cookie) as told:
        first = read_until(told, numbers[9])
        write(run, *numbers[10:20])
        first += read_until(told, numbers[19])
    write(run, *numbers[20:])
    with stream(url, run, cookie, first[-1].identity) as told:
        second = read_until(told, numbers[29])

    assert texts(first) + texts(second) == numbers
    assert (first[-1].identity, second[-1].identity) == ("20", "30")


def test_twenty_browsers_cost_the_reading_of_one_and_each_reads_its_own_language(
    url: str, run: RunbookRun, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    lines = runs.lines

    def counted(actor: Actor, *given: Any) -> list[RunLine]:
        read.append(actor.process)
        return lines(actor, *given)

    monkeypatch.setattr(runs, "lines", counted)
    english = house.people[Role.AUDITOR].cookie
    persian = house.people[Role.OPERATOR].cookie.replace("lang=en", "lang=fa")

    with ExitStack() as open_streams:
        watchers = [
            open_streams.enter_context(stream(url, run, cookie)) for cookie in [english, persian] * 10
        ]
        for number in range(5):
            write(run, WORDS, kind=LineKind.WORDS)
            write(run, f"line {number}")
            found = [read_until(told, f"line {number}") for told in watchers]

    assert set(read) == {"run_log"}
    # A reading for each news, one more for each that follows by itself, and none for each browser.
    assert len(read) < 5 * 2 * 2 + 10
    [said_en, said_fa] = [{line for each in told for line in each.lines} for told in found[:2]]
    assert ("It is cancelled, and stops here.", "words") in said_en
    assert ("لغو شده است و همین‌جا می‌ایستد.", "words") in said_fa
    assert ("line 4", "output") in said_en & said_fa


def test_a_long_log_begins_near_its_end_says_how_much_is_older_and_is_whole_as_a_file(
    url: str, run: RunbookRun, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log_reader, "KEPT_LINES", 20)
    cookie = house.people[Role.OPERATOR].cookie
    numbers = [f"line {number}" for number in range(100)]
    write(run, *numbers)

    with stream(url, run, cookie) as told:
        newest = read_until(told, numbers[-1])
        with stream(url, run, cookie, "10") as far_behind:
            rest = read_until(far_behind, numbers[-1])
    file = httpx.get(f"{url}{routes.run_log_text(run.id)}", headers={"cookie": cookie})

    assert (texts(newest), newest[0].data["older"]) == (numbers[80:], 80)
    assert texts(rest) == numbers[10:]
    assert [line.split(" ", 2)[2] for line in file.text.splitlines()] == numbers
    assert file.headers["content-disposition"].startswith("attachment")


def test_the_stream_ends_when_the_run_has_ended_and_every_line_of_it_was_sent(
    url: str, house: House, make_action: MakeAction
) -> None:
    make_action()
    queued = confirmed(house.people[Role.OPERATOR].actor)

    with stream(url, queued, house.people[Role.AUDITOR].cookie) as told:
        assert engine.work_on(queued.id) is RunStage.SUCCEEDED
        feeds.announce(Topic.RUNBOOKS, Topic.RUNBOOK_LOG)
        found = read_until(told, "nothing like this")

    assert "written" in texts(found)
    assert (found[-1].name, found[-1].data["why"], found[-1].data["again"]) == ("end", "ended", False)


def test_only_the_staff_reads_it_and_only_while_it_is_the_staff(
    url: str, run: RunbookRun, house: House
) -> None:
    auditor = house.people[Role.AUDITOR]
    addresses = [routes.run_log(run.id, 1), routes.run_log_text(run.id)]
    nothing = [address.replace(str(run.id), named) for address in addresses for named in (str(uuid4()), "x")]

    def status(address: str, cookie: str) -> int:
        return httpx.get(f"{url}{address}", headers={"cookie": cookie}, timeout=20).status_code

    strangers = {status(address, "") for address in addresses}
    customers = {
        status(address, house.people[role].cookie)
        for address in addresses
        for role in (Role.TENANT_ADMIN, Role.TENANT_VIEWER)
    }
    with stream(url, run, auditor.cookie) as told:
        write(run, "before")
        read_until(told, "before")
        assert auditor.actor.user_id is not None
        accounts.disable_user(Actor.process_named("test_seed"), auditor.actor.user_id)
        session.forget_everybody()
        write(run, "after")
        last = read_until(told, "after")

    assert (strangers, customers) == ({401, 303}, {403})
    assert {status(address, house.people[Role.OPERATOR].cookie) for address in nothing} == {404}
    assert (last[-1].name, texts(last), last[-1].data["again"]) == ("end", [], False)


def test_nobody_who_watches_leaves_no_reader_behind(url: str, run: RunbookRun, house: House) -> None:
    with stream(url, run, house.people[Role.AUDITOR].cookie) as told:
        write(run, "one")
        read_until(told, "one")
        assert len(run_log_reader._watched) == 1

    until(lambda: not run_log_reader._watched)
