"""The overview for the staff: what it says of a real database, and of parties that do not answer."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from backend.actor import Actor, Role
from backend.db.news import Topic
from backend.errors import Forbidden
from backend.job_runs import service as job_runs
from backend.overview import rules
from backend.overview import service as overview
from backend.overview.types import Level, SourceName, SystemOverview, TroubleKind
from backend.sandbox.processes import free_port
from portal import feeds, session
from portal.components.isolated import TextPart
from portal.features.overview.state import OverviewState
from tests import factories
from tests.conftest import forget_caches
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown
from tests.integration.portal.test_jobs import leader
from tests.integration.portal.test_task_owner import soon
from tests.waiting import until

__all__ = ["leader"]

T = TypeVar("T")
NAME = OverviewState.get_full_name()
PROCESS = Actor.process_named("tests")
STAFF = factories.actor(Role.AUDITOR)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A snapshot of this test's own."""
    overview.close(PROCESS)
    yield
    overview.close(PROCESS)


@contextmanager
def hanging() -> Iterator[str]:
    """An address where somebody takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        held: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in held:
                each.close()


def seen(pipeline: Pipeline, cookie: str, path: str = "/overview") -> dict[str, Any]:
    """The page's vars after it was opened."""

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(f"{NAME}.load", cookie=cookie, path=path)

    told: dict[str, Any] = {}
    for delta in pipeline.run(steps):
        told |= delta.get(NAME, {})
    return {key.removesuffix("_rx_state_"): value for key, value in told.items()}


def awaited(find: Callable[[], T | None]) -> T:
    """The first answer that is one."""
    found: list[T] = []

    def holds() -> bool:
        answer = find()
        if answer:
            found.append(answer)
        return bool(answer)

    until(holds)
    return found[0]


def now() -> SystemOverview:
    return overview.overview(STAFF)


def test_the_page_says_what_is_wrong_and_since_when(house: House, pipeline: Pipeline, leader: object) -> None:
    operator = house.people[Role.OPERATOR]
    job_runs.pause(operator.actor, "nightly_billing", "prices change")

    told = awaited(lambda: settled(seen(pipeline, operator.cookie)))

    sentences = [said(each.sentence) for each in (told["headline"], *told["headline"].others)]
    assert "1 paused: Nightly billing" in sentences
    assert "Nothing is known of Prometheus" in sentences
    assert (told["headline"].tone, told["headline"].icon, told["headline"].word) == ("bad", "✕", "Broken")
    assert told["headline"].url == "/billing"
    tiles = {each.key: each for each in (*told["works"], *told["money"], *told["signals"])}
    assert (said(tiles["scheduler"].value), tiles["scheduler"].tone) == ("A process leads", "warn")
    assert tiles["scheduler"].remark == "Paused: Nightly billing"
    assert (tiles["requests"].tone, said(tiles["requests"].value)) == ("unknown", "—")
    assert tiles["requests"].unknown_s > 0
    assert next((said(each.sentence), each.url) for each in told["changes"]) == (
        "operator@people.example paused the job “Nightly billing”",
        "/jobs?job=nightly_billing",
    )
    assert all(each.url for each in tiles.values() if each.key not in {"requests", "on_call"})
    assert told["ages"]["database"] > 0
    assert not told["is_wall"]
    assert seen(pipeline, operator.cookie, "/overview?wall=1")["is_wall"]


def said(parts: list[TextPart]) -> str:
    return "".join(part.text for part in parts)


def settled(told: dict[str, Any]) -> dict[str, Any]:
    """The page's vars once no source is waited for, else nothing."""
    kinds = [each.key.partition("-")[0] for each in told["headline"].others]
    return {} if TroubleKind.LOOKING in kinds or said(told["headline"].sentence) == "Looking…" else told


def test_the_page_is_for_the_staff(house: House, pipeline: Pipeline) -> None:
    with pytest.raises(Forbidden):
        overview.overview(factories.actor(Role.TENANT_ADMIN))
    with pytest.raises(Forbidden):
        overview.overview(PROCESS)
    for refused in (lambda: overview.close(STAFF), lambda: overview.listen(STAFF, lambda: None)):
        with pytest.raises(Forbidden):
            refused()
    assert seen(pipeline, house.people[Role.TENANT_ADMIN].cookie) == {}
    assert seen(pipeline, "") == {}


DEAD = f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    ("setting", "address", "source"),
    [
        pytest.param("PROMETHEUS_URL", f"http://{DEAD}", SourceName.MEASURES, id="Prometheus"),
        pytest.param("ZIBAL_URL", f"http://{DEAD}", SourceName.GATEWAY, id="Zibal"),
        pytest.param("OPENAI_BASE_URL", f"http://{DEAD}/v1", SourceName.PROVIDER, id="model provider"),
        pytest.param("SMTP_URL", f"smtp://{DEAD}", SourceName.MAIL_SERVER, id="mail server"),
        pytest.param("REDIS_URL", f"redis://{DEAD}", SourceName.REDIS, id="Redis"),
    ],
)
def test_a_dead_party_is_named_and_hinders_no_other(
    database: str, monkeypatch: pytest.MonkeyPatch, setting: str, address: str, source: SourceName
) -> None:
    monkeypatch.setenv(setting, address)
    forget_caches()

    found = awaited(lambda: now() if not is_pending(now()) else None)

    lost = rules.reading_of(found.facts, source)
    assert (lost.value, lost.known_since, lost.cause) == (None, None, "connection")
    assert lost.unknown_since is not None
    assert found.facts.billing.known is not None
    assert found.health.level != Level.OK


def test_a_party_that_hangs_is_unknown_and_no_answer_waits_for_it(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging() as address:
        monkeypatch.setenv("PROMETHEUS_URL", address)
        forget_caches()

        # While Prometheus is still waited for, everything else is here.
        first = awaited(lambda: now() if now().facts.billing.known else None)
        assert first.facts.measures.is_pending
        lost = awaited(lambda: now().facts.measures if now().facts.measures.unknown_since else None)

    assert (lost.known, lost.cause) == (None, "timeout")


def test_parties_that_take_connections_and_say_nothing_are_unknown(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemes = {
        SourceName.GATEWAY: ("ZIBAL_URL", "http"),
        SourceName.PROVIDER: ("OPENAI_BASE_URL", "http"),
        SourceName.MAIL_SERVER: ("SMTP_URL", "smtp"),
        SourceName.REDIS: ("REDIS_URL", "redis"),
    }
    with hanging() as address:
        for setting, scheme in schemes.values():
            monkeypatch.setenv(setting, address.replace("http", scheme))
        forget_caches()
        found = awaited(lambda: now() if not is_pending(now()) else None)

    lost = {name: rules.reading_of(found.facts, name) for name in schemes}
    assert {name: (each.known, each.cause) for name, each in lost.items()} == dict.fromkeys(
        schemes, (None, "timeout")
    )
    assert {each.name for each in found.health.troubles if each.kind == TroubleKind.DEPENDENCY_AWAY} == {
        name.value for name in schemes
    }


def is_pending(found: SystemOverview) -> bool:
    return any(rules.reading_of(found.facts, name).is_pending for name in SourceName)


def test_a_lost_database_is_unknown_and_comes_back_by_itself(
    house: House, outage: Callable[[], AbstractContextManager[None]]
) -> None:
    until(lambda: now().facts.database.known)

    with outage():
        lost = awaited(lambda: now() if now().facts.database.unknown_since else None)
        assert lost.health.level != Level.OK
        assert TroubleKind.DATABASE_LOST in [each.kind for each in lost.health.troubles]

    until(lambda: now().facts.database.known)


def test_a_change_of_the_snapshot_reaches_the_pages(house: House) -> None:
    end = overview.listen(PROCESS, lambda: feeds.announce(Topic.OVERVIEW))
    before = feeds.versions([Topic.OVERVIEW])

    until(lambda: now().facts.database.known)

    until(lambda: feeds.versions([Topic.OVERVIEW]) != before)
    end()


def test_an_open_page_is_green_no_longer_when_the_database_is_lost(
    house: House,
    pipeline: Pipeline,
    outage: Callable[[], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    here = SimpleNamespace(token_to_sid={"tab": "none"})
    monkeypatch.setattr(app, "_event_namespace", here)
    monkeypatch.setattr(OverviewState, "LOOK_AGAIN_S", 0.1)
    monkeypatch.setattr(session, "REMEMBERED_WITHOUT_NEWS_S", 0.1)
    cookie = house.people[Role.AUDITOR].cookie

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        told = await tab.send(f"{NAME}.load", cookie=cookie, path="/overview")
        before = len(told)
        following = asyncio.ensure_future(tab.send(f"{NAME}.follow", cookie=cookie, told=told))
        await soon(lambda: len(told) > before)
        with outage():
            await soon(lambda: "The portal cannot look" in shown(told))
            here.token_to_sid.clear()
            await following
        return told

    headlines = [
        each[NAME]["headline_rx_state_"]
        for each in pipeline.run(steps)
        if "headline_rx_state_" in each.get(NAME, {})
    ]

    assert (headlines[-1].tone, said(headlines[-1].sentence)) == (
        "unknown",
        "The portal cannot look: its database does not answer",
    )
