"""Two web processes and two of jobs behind one address: people notice nothing of it, whichever of them dies."""

import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from reflex_base.constants import SocketEvent
from websockets import ConnectionClosed

from backend import clock
from backend.actor import Actor, Role
from backend.job_runs import service as job_runs
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from backend.sandbox import frontend, tools
from backend.sandbox.neighbours import RedisServer
from backend.sandbox.processes import free_port
from backend.sandbox.zibal.driver import Driver
from portal import routes
from portal.guard import HYDRATE
from runbooks import asking_service
from runbooks.engine import RUNNER
from runbooks.log_writer import LogWriter
from tests.integration.invoices.conftest import write_past
from tests.integration.jobs.test_scheduler import Scheduler, scheduler
from tests.integration.payments import payer
from tests.integration.portal.cluster import Cluster
from tests.integration.portal.conftest import (
    PASSWORD,
    House,
    bank,
    cluster,
    house,
    one_cluster,
    payments_stand_in,
    quick_hashes,
)
from tests.integration.portal.event_streams import events_of
from tests.integration.portal.processes import WebProcess
from tests.integration.portal.socket import LOADED, RawSocket
from tests.integration.runbooks.conftest import confirmed, wish
from tests.integration.twos.balancer import Balancer, balanced
from tests.past import PastPrometheus
from tests.waiting import until

__all__ = ["bank", "cluster", "house", "one_cluster", "payments_stand_in", "quick_hashes"]

LOST = '"is_state_store_lost_rx_state_":true'
CHOOSE_TAB = "reflex___state____state.portal___features___billing___state____billing_state.choose_tab"
MISMATCH = str(SocketEvent.STATE_MISMATCH)
SCHEMA = re.compile(r"stateSchema=[`'\"]([0-9a-f]{32})")
MEASURED = '"today_phase_rx_state_":"ready"'
# How a log is written and read: a few events at a time, at one process after the other.
LINE_EVERY_S, MOST_EVENTS, TURNS = 0.01, 2, 6
HELD = '"tab_rx_state_":"held"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """Two of each, their Redis, and the address before them."""

    url: str
    balancer: Balancer
    web: list[WebProcess]
    jobs: list[Scheduler]
    redis: RedisServer

    def browser(self, cookie: str = "") -> httpx.Client:
        """A browser that opens a connection for each request, and so meets another process each time."""
        return httpx.Client(
            base_url=self.url,
            headers={"origin": self.url, **({"cookie": cookie} if cookie else {})},
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            timeout=30,
        )

    @contextmanager
    def tab(self, process: WebProcess, cookie: str, *, token: str | None = None) -> Iterator[RawSocket]:
        """A tab of the common address whose connection goes to this process."""
        with ExitStack() as stack:
            with self.balancer.only(process.port):
                tab = stack.enter_context(RawSocket(self.url, cookie=cookie, tab=token))
            yield tab

    def loads(self, process: WebProcess, path: str, cookie: str) -> bool:
        """Whether a page that is opened now at this process gets its content."""
        with self.tab(process, cookie) as tab:
            tab.send(HYDRATE, path=path)
            return tab.tells(LOADED)


@pytest.fixture
def two(house: House, cluster: Cluster, bank: Driver, database: str, tmp_path: Path) -> Iterator[Two]:
    """All of it, running; the gateway and the cluster are stand-ins on ports."""
    del house, cluster, bank
    frontend.build("e2e")
    redis = RedisServer(tmp_path)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        redis.start()
        stack.callback(redis.stop)
        prometheus = PastPrometheus(tmp_path / "prometheus")
        now = clock.utc_now()
        write_past(prometheus.data_dir, clock.billing_day(now) - timedelta(days=1), now)
        prometheus.start()
        stack.callback(prometheus.stop)
        shared = {"REDIS_URL": redis.url, "PUBLIC_URL": url, "PROMETHEUS_URL": prometheus.url}
        balancer = stack.enter_context(balanced(port))
        web = [WebProcess(tmp_path, database, name, **shared) for name in ("one", "two")]
        for process in web:
            stack.callback(process.child.stop)
        jobs = [
            stack.enter_context(scheduler(tmp_path / f"jobs-{name}.log", PUBLIC_URL=url)) for name in "ab"
        ]
        for process in web:
            process.wait()
            until(process.is_ready)
        balancer.ports = [process.port for process in web]
        yield Two(url=url, balancer=balancer, web=web, jobs=jobs, redis=redis)


def test_two_of_each_serve_as_one(
    two: Two, house: House, bank: Driver, cluster: Cluster, database: str
) -> None:
    """One installation for all of it: starting its processes is what takes time."""
    operator = house.people[Role.OPERATOR].cookie
    who_signs_in_at_one_is_known_to_the_other(two, house)
    a_payment_may_be_begun_here_and_come_back_there(two, house, bank, database)
    both_measure_today_and_a_tab_takes_it_along(two, house)
    both_show_what_the_cluster_does(two, operator, cluster)
    a_run_goes_on_when_the_leader_of_jobs_dies_and_both_tell_its_log(two, house)
    a_log_that_is_being_written_is_told_whole_while_its_reader_hops(two, house)
    a_tab_of_another_build_is_told_to_load_again(two, operator)
    for lose, find in ways_to_lose(two.redis):
        a_page_that_is_being_opened_outlives_redis(two, operator, lose, find)
    a_tab_goes_on_at_the_other_process_when_its_own_dies(two, operator)
    without_redis_people_are_told_and_money_is_kept(two, house, bank, database)


def who_signs_in_at_one_is_known_to_the_other(two: Two, house: House) -> None:
    with two.browser() as browser:
        form = {"email": house.people[Role.APPROVER].email, "password": PASSWORD}
        answer = browser.post(routes.POST_SIGN_IN, data=form)
        pages = [browser.get(path).status_code for path in (routes.ACCOUNT, routes.BILLING, routes.ACCOUNT)]

    assert "portal=" in answer.headers["set-cookie"]
    assert pages == [HTTPStatus.OK] * 3
    assert {*two.balancer.taken} == {process.port for process in two.web}


def a_payment_may_be_begun_here_and_come_back_there(
    two: Two, house: House, bank: Driver, database: str
) -> None:
    invoice_id = payer.invoice(house.own.id, 50_000)

    pay(two, house.people[Role.TENANT_ADMIN].cookie, invoice_id, bank)

    assert status_of(database, invoice_id) == "paid"


def pay(two: Two, cookie: str, invoice_id: UUID, bank: Driver) -> None:
    """Click on pay, go to the bank, pay there, and come back: each request meets another process."""
    with two.browser(cookie) as browser:
        page = browser.post(routes.POST_PAY, data={"invoices": str(invoice_id)}).headers["location"]
        assert browser.get(page).status_code == HTTPStatus.OK
        to_bank = browser.get(f"{page}/bank").headers["location"]
        track_id = int(to_bank.rpartition("/")[2])
        bank.pay(track_id)
        assert browser.get(f"{routes.PAY_RETURN}?trackId={track_id}").status_code == HTTPStatus.OK


def status_of(database: str, invoice_id: UUID) -> str:
    with psycopg.connect(database) as connection:
        [status] = connection.execute(
            "SELECT status FROM tenant_invoice WHERE id = %s", [invoice_id]
        ).fetchone() or ("",)
    return str(status)


def both_measure_today_and_a_tab_takes_it_along(two: Two, house: House) -> None:
    cookie, token = house.people[Role.TENANT_ADMIN].cookie, str(uuid4())
    for process in two.web:
        with two.tab(process, cookie, token=token) as tab:
            tab.send(HYDRATE, path=routes.USAGE)
            assert tab.tells(MEASURED)


def both_show_what_the_cluster_does(two: Two, cookie: str, cluster: Cluster) -> None:
    with ExitStack() as stack:
        tabs = [stack.enter_context(two.tab(process, cookie)) for process in two.web]
        for tab in tabs:
            tab.send(HYDRATE, path=routes.DEPLOYS)
            assert tab.tells("docuchat-worker")
        cluster.set_image("docuchat-worker", "missing")
        for tab in tabs:
            assert tab.tells("The image cannot be pulled")


def a_run_goes_on_when_the_leader_of_jobs_dies_and_both_tell_its_log(two: Two, house: House) -> None:
    person = house.people[Role.OPERATOR]
    leader, standby = in_order(two.jobs)
    # What it schedules it tells a moment after it leads.
    until(lambda: job_runs.standing(person.actor).jobs)
    asked = asking_service.ask(
        person.actor, wish("pause_job", {"job": "send_mail", "reason": "the mail server is mended"})
    )
    until(lambda: state(person.actor, asked) is RunStage.PLANNED)

    leader.end(signal.SIGKILL)
    runs.confirm(person.actor, asked.id, runs.run(person.actor, asked.id).plan_hash)

    standby.wait_for("scheduler.leads")
    until(lambda: state(person.actor, asked) is RunStage.SUCCEEDED)
    done = runs.run(person.actor, asked.id)
    one, other = two.web
    whole, _ = log_of(two, one, person.cookie, done)
    first, cursor = log_of(two, one, person.cookie, done, most_events=1)
    rest, _ = log_of(two, other, person.cookie, done, after=cursor)
    assert first + rest == log_of(two, other, person.cookie, done)[0] == whole
    assert len(whole) == len(runs.lines(person.actor, done.id)) > 0


def log_of(
    two: Two,
    process: WebProcess,
    cookie: str,
    run: RunbookRun,
    *,
    after: str = "",
    most_events: int = 1_000,
    until_line: str = "",
) -> tuple[list[Any], str]:
    """A log's lines as a process tells them after an event, and the last event that was read."""
    lines, cursor = [], after
    with (
        two.balancer.only(process.port),
        two.browser(cookie) as browser,
        browser.stream(
            "GET", routes.run_log(run.id, run.launch), headers={"last-event-id": after} if after else {}
        ) as answer,
    ):
        for event in islice(events_of(answer), most_events):
            lines += event.data.get("lines", [])
            cursor = event.id or cursor
            if event.name == "end" or (until_line and until_line in [text for _, text, _ in lines]):
                break
    return lines, cursor


def a_log_that_is_being_written_is_told_whole_while_its_reader_hops(two: Two, house: House) -> None:
    person = house.people[Role.OPERATOR]
    # A launcher would look for the process of a run, and here it is the test.
    for process in two.jobs:
        process.end(signal.SIGKILL)
    wanted = wish("pause_job", {"job": "sweep_payments", "reason": "the gateway is mended"})
    run = runs.take_up(RUNNER, confirmed(person.actor, wanted).id, "here:1:1")
    assert run is not None
    before = len(runs.lines(person.actor, run.id))
    with being_written(run) as written:
        told, cursor = read_by_turns(two, person.cookie, run)
    rest, _ = log_of(two, two.web[0], person.cookie, run, after=cursor, until_line=written[-1])

    assert [text for _, text, _ in told + rest][before:] == written
    assert len(told) > MOST_EVENTS * TURNS


@contextmanager
def being_written(run: RunbookRun) -> Iterator[list[str]]:
    """A log that grows inside the block. What was written is whole after it."""
    written: list[str] = []
    is_enough = threading.Event()

    def write() -> None:
        log = LogWriter(RUNNER, run)
        while not is_enough.wait(LINE_EVERY_S):
            written.append(f"line {len(written)}")
            log.output(written[-1])
        log.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        is_enough.set()
        thread.join()


def read_by_turns(two: Two, cookie: str, run: RunbookRun) -> tuple[list[Any], str]:
    """Some events at one process, some at the other, to and fro, each after the last one that was read."""
    told, cursor = [], ""
    for process in islice(cycle(two.web), TURNS):
        lines, cursor = log_of(two, process, cookie, run, after=cursor, most_events=MOST_EVENTS)
        told += lines
    return told, cursor


def in_order(jobs: list[Scheduler]) -> tuple[Scheduler, Scheduler]:
    """The one that leads, and the one that stands by."""

    def leads(each: Scheduler) -> bool:
        return any(event["event"] == "scheduler.leads" for event in each.events())

    until(lambda: any(map(leads, jobs)))
    one, other = jobs
    return (one, other) if leads(one) else (other, one)


def state(actor: Actor, run: RunbookRun) -> RunStage:
    return runs.run(actor, run.id).state


def a_tab_of_another_build_is_told_to_load_again(two: Two, cookie: str) -> None:
    """In the middle of an update a tab comes back to a process of the newer version."""
    with RawSocket(two.url, cookie=cookie, build="of-an-older-version") as tab:
        assert MISMATCH in tab.greeting or tab.tells(MISMATCH)
    with RawSocket(two.url, cookie=cookie, build=built_schema()) as tab:
        same = tab.greeting + tab.told()

    assert MISMATCH not in same


def built_schema() -> str:
    """The schema that the build in use names to the server."""
    scripts = (tools.LOCAL / "web-e2e/build/client/assets").glob("*.js")
    [found] = {each for script in scripts for each in SCHEMA.findall(script.read_text())}
    return str(found)


def a_tab_goes_on_at_the_other_process_when_its_own_dies(two: Two, cookie: str) -> None:
    one, other = two.web
    token = str(uuid4())
    with two.tab(one, cookie, token=token) as tab:
        tab.send(HYDRATE, path=routes.BILLING)
        assert tab.tells(LOADED)
        tab.send(CHOOSE_TAB, {"name": "held"}, path=routes.BILLING)
        assert tab.tells(HELD)
        one.child.process.kill()
    with two.browser(cookie) as browser:
        assert [browser.get(routes.BILLING).status_code for _ in range(3)] == [HTTPStatus.OK] * 3
    with RawSocket(two.url, cookie=cookie, tab=token) as tab:
        assert two.balancer.taken[-1] == other.port
        tab.send(HYDRATE, path=routes.BILLING)
        assert tab.tells(LOADED)


def ways_to_lose(redis: RedisServer) -> list[tuple[Callable[[], None], Callable[[], None]]]:
    """It ends and a new one starts empty, or it hangs and goes on."""
    hangs, goes_on = (partial(redis.signal, each) for each in (signal.SIGSTOP, signal.SIGCONT))
    return [(redis.stop, redis.start), (hangs, goes_on)]


def a_page_that_is_being_opened_outlives_redis(
    two: Two, cookie: str, lose: Callable[[], None], find: Callable[[], None]
) -> None:
    """Redis is lost when a page was sent, and its socket has not been opened yet or no event of it is answered."""
    one, token = two.web[0], str(uuid4())
    with two.tab(one, cookie) as connected:
        lose()
        connected.send(HYDRATE, path=routes.BILLING)
        until(lambda: says_lost(two, one, cookie, token))
        assert connected.tells(LOST)
        with two.balancer.only(one.port), two.browser(cookie) as browser:
            assert browser.get(routes.BILLING).status_code == HTTPStatus.OK
    find()
    for process in two.web:
        until(process.is_ready)
    # What the page does when it reads that the process is ready.
    with (
        two.balancer.only(one.port),
        RawSocket(two.url, cookie=cookie, tab=token, opens=routes.BILLING) as tab,
    ):
        assert LOADED in tab.greeting or tab.tells(LOADED)


def says_lost(two: Two, process: WebProcess, cookie: str, token: str) -> bool:
    """Whether a page that is opened now says that Redis is lost. One whose socket is refused tries again."""
    with (
        two.balancer.only(process.port),
        suppress(ConnectionClosed),
        RawSocket(two.url, cookie=cookie, tab=token, opens=routes.BILLING) as tab,
    ):
        return LOST in tab.greeting or tab.tells(LOST)
    return False


def without_redis_people_are_told_and_money_is_kept(
    two: Two, house: House, bank: Driver, database: str
) -> None:
    other, cookie = two.web[1], house.people[Role.TENANT_ADMIN].cookie
    invoice_id = payer.invoice(house.own.id, 50_000)
    with two.tab(other, cookie) as tab:
        tab.send(HYDRATE, path=routes.INVOICES)
        assert tab.tells(LOADED)
        two.redis.stop()
        assert tab.tells(LOST)
    pay(two, cookie, invoice_id, bank)
    two.redis.start()
    until(other.is_ready)

    assert status_of(database, invoice_id) == "paid"
    assert two.loads(other, routes.INVOICES, cookie)
