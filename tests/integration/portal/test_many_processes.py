"""Two web processes behind one address: what they share, and what happens while it is away."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

import pytest

from backend.accounts import service as accounts
from backend.actor import Role
from backend.payments import service as payments
from backend.sandbox.neighbours import RedisServer
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.faults import FaultPoint, GatewayFaultKind
from portal import routes
from portal.guard import HYDRATE
from tests.integration.payments import payer
from tests.integration.portal.conftest import PASSWORD, House
from tests.integration.portal.processes import WebProcess, web_processes
from tests.integration.portal.socket import LOADED, RawSocket
from tests.waiting import until

LOST = '"is_state_store_lost_rx_state_":true'
CHOOSE_TAB = "reflex___state____state.portal___features___billing___state____billing_state.choose_tab"
CHECK_AGAIN = "reflex___state____state.portal___features___payments___state____payments_state.check_again"
LOCK_MS = 3000
SHORT_LOCK = {"REFLEX_REDIS_LOCK_EXPIRATION": str(LOCK_MS), "REFLEX_REDIS_LOCK_WARNING_THRESHOLD": "2500"}
# That it was lost, an event that failed before it was known, and what libraries wrote until then.
MOST_LINES = 6
WAITING_FOR_REDIS = (HTTPStatus.SERVICE_UNAVAILABLE, "redis")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that a test may end, freeze and start again."""
    server = RedisServer(tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.signal(signal.SIGCONT)
        server.stop()


@pytest.fixture
def pair(
    house: House, built: None, database: str, redis: RedisServer, tmp_path: Path
) -> Iterator[list[WebProcess]]:
    """Two web processes with one Redis between them."""
    del house, built
    with web_processes(tmp_path, database, ("one", "two"), REDIS_URL=redis.url) as started:
        for process in started:
            until(process.is_ready)
        yield started


@pytest.mark.usefixtures("built")
def test_a_gateway_that_outlasts_the_lock_of_a_state_gives_only_the_right_answer(
    bank: Driver, house: House, database: str, redis: RedisServer, tmp_path: Path
) -> None:
    hand_off = payments.start(house.people[Role.TENANT_ADMIN].actor, [payer.invoice(house.own.id, 50_000)])
    track = payer.track_of(hand_off)
    bank.fault(FaultPoint.INQUIRY, GatewayFaultKind.DELAY, 1.5 * LOCK_MS / 1000)
    settings = {"REDIS_URL": redis.url, "ZIBAL_MERCHANT": "docuchat-live", **SHORT_LOCK}

    with (
        web_processes(tmp_path, database, ("web",), **settings) as [process],
        RawSocket(process.url, cookie=house.people[Role.OPERATOR].cookie) as socket,
    ):
        until(process.is_ready)
        socket.send(HYDRATE, path=f"/payments?track={track}", query={"track": str(track)})
        assert socket.tells(LOADED)
        socket.send(CHECK_AGAIN, path="/payments")
        socket.told(lambda frame: '"is_checking_rx_state_":true' in frame)
        until(lambda: bank.calls("inquiry"))
        told: list[str] = []
        until(lambda: told.append(socket.told()) or '"is_checking_rx_state_":false' in "".join(told))

        answer = "".join(told) + socket.told()
        assert '"done_rx_state_":"' in answer
        assert "unexpected_rx_state_" not in answer
        assert LOST not in answer
        assert "LockExpired" not in process.log


def test_processes_obey_each_other_and_wait_for_a_lost_redis(
    house: House, pair: list[WebProcess], redis: RedisServer
) -> None:
    """One pair of processes for all of it: starting them is what takes time."""
    what_one_process_ends_is_over_in_the_other(house, pair)
    cookie = house.people[Role.OPERATOR].cookie
    ended = (redis.stop, redis.start)
    hanging = (partial(redis.signal, signal.SIGSTOP), partial(redis.signal, signal.SIGCONT))
    for lose, find in (ended, hanging):
        it_is_said_and_waited_for(pair, cookie, lose, find)


@pytest.mark.usefixtures("built")
def test_a_killed_worker_is_replaced_while_the_other_one_serves(
    house: House, database: str, redis: RedisServer, tmp_path: Path
) -> None:
    cookie = house.people[Role.OPERATOR].cookie
    process = WebProcess(tmp_path, database, workers=2, REDIS_URL=redis.url)
    try:
        process.wait()
        until(process.is_ready)
        until(lambda: len(process.workers()) == 2)
        before = process.workers()
        killed = min(before)

        os.kill(killed, signal.SIGKILL)

        assert process.loads(routes.BILLING, cookie)
        until(lambda: len(process.workers() - {killed}) == 2)
        assert all(process.loads(routes.BILLING, cookie) for _ in range(6))
        assert process.child.is_running()
    finally:
        process.child.stop()
    assert process.child.process.returncode == 0
    assert process.workers() == set()


def what_one_process_ends_is_over_in_the_other(house: House, pair: list[WebProcess]) -> None:
    """A sign-out, a changed password and a revocation, each after the other process has remembered the session."""
    auditor, approver = house.people[Role.AUDITOR], house.people[Role.APPROVER]
    new = {"old": PASSWORD, "new": "quite another phrase"}
    again = [
        accounts.sign_in(person.email, PASSWORD, address="127.0.0.1", user_agent="another").token
        for person in (approver, house.people[Role.TENANT_VIEWER])
    ]
    [revoked] = [
        each.id
        for each in accounts.sessions(house.people[Role.TENANT_VIEWER].actor).rows
        if each.user_agent == "another"
    ]
    ends: list[tuple[str, Callable[[], object]]] = [
        (auditor.token, lambda: pair[0].post(routes.POST_SIGN_OUT, auditor.cookie)),
        (again[0], lambda: pair[0].post(routes.POST_PASSWORD, approver.cookie, new)),
        (again[1], lambda: accounts.revoke(house.people[Role.TENANT_VIEWER].actor, revoked)),
    ]
    for token, end in ends:
        assert pair[1].lets_in(token)
        end()
        # Before processes told each other, it took more than four seconds.
        until(lambda token=token: not pair[1].lets_in(token), within_s=2)


def it_is_said_and_waited_for(
    pair: list[WebProcess], cookie: str, lose: Callable[[], None], find: Callable[[], None]
) -> None:
    one = pair[0]
    assert all(process.loads(routes.BILLING, cookie) for process in pair)
    with RawSocket(one.url, cookie=cookie) as old:
        old.send(HYDRATE, path="/billing")
        assert old.tells(LOADED)
        before = len(one.log.splitlines())
        lose()
        old.send(CHOOSE_TAB, {"name": "held"}, path="/billing")
        for process in pair:
            until(lambda process=process: process.readiness() == WAITING_FOR_REDIS)
        assert old.tells(LOST)
        with RawSocket(one.url, cookie=cookie) as new:
            new.send(HYDRATE, path="/billing")
            assert new.tells(LOST)
        assert len(one.log.splitlines()) - before <= MOST_LINES
    find()
    for process in pair:
        until(process.is_ready)
        assert process.loads(routes.BILLING, cookie)
