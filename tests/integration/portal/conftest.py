"""People of every role in a real database, events through Reflex's own pipeline, and the served application."""

import asyncio
import dataclasses
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher
from psycopg import sql
from reflex.istate.manager.memory import StateManagerMemory
from reflex.state import StateUpdate
from reflex_base.event import Event
from reflex_base.event.processor.base_state_processor import BaseStateEventProcessor
from reflex_base.registry import RegistrationContext
from reflex_base.utils.format import json_dumps

from backend.accounts import passwords
from backend.accounts import service as accounts
from backend.accounts.types import NewUser
from backend.actor import TENANT_ROLES, Actor, Role
from backend.sandbox import frontend
from backend.sandbox.postgres import PostgresServer
from backend.sandbox.processes import Child, accepts, free_port, wait_until
from backend.sandbox.site import own_environment
from backend.sandbox.zibal.driver import Driver
from backend.tenants import service as tenants
from backend.tenants.types import NewTenant, Tenant
from portal import bridge, session
from portal.guard import HYDRATE
from tests.integration.payments.conftest import bank, payments_stand_in
from tests.integration.portal.belongings import Belongings
from tests.integration.portal.cluster import cluster, one_cluster
from tests.integration.portal.line import Exchange

__all__ = ["bank", "cluster", "one_cluster", "payments_stand_in"]

METRICS_TOKEN = "a-token-for-scrapes"
PASSWORD = "four plain words here"
SEED = Actor.process_named("test_seed")

Delta = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is signed in."""

    email: str
    token: str
    role: Role
    actor: Actor

    @property
    def cookie(self) -> str:
        return f"portal={self.token}; lang=en"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Two companies, and a person of each role; those of tenants belong to the first company."""

    own: Tenant
    other: Tenant
    people: Mapping[Role, Person]
    neighbour: Person


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with next to no memory; a hash says how it was made, so every process can check it."""
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", weak)


@pytest.fixture
def house(database: str, quick_hashes: None) -> Iterator[House]:
    """A database with people in it."""
    del database
    session.forget_everybody()
    own, other = tenants.create_all(
        SEED, [_company("alpha", "آلفا", "Alpha"), _company("beta", "بتا", "Beta")]
    )
    people = {role: _person(role, own if role in TENANT_ROLES else None, role.value) for role in Role}
    try:
        yield House(
            own=own,
            other=other,
            people=people,
            neighbour=_person(Role.TENANT_ADMIN, other, "neighbour"),
        )
    finally:
        session.forget_everybody()
        bridge.close()


def _company(label: str, name_fa: str, name_en: str) -> NewTenant:
    return NewTenant(
        label=label,
        name_fa=name_fa,
        name_en=name_en,
        language="fa",
        billing_email=f"billing@{label}.example",
        billed_from=date(2026, 1, 1),
    )


def _person(role: Role, tenant: Tenant | None, name: str) -> Person:
    email = f"{name}@people.example"
    accounts.create_user(
        SEED,
        NewUser(
            email=email,
            name=name,
            password=PASSWORD,
            role=role,
            tenant_id=tenant.id if tenant else None,
            language="en",
        ),
    )
    signed_in = accounts.sign_in(email, PASSWORD, address="127.0.0.1", user_agent="test")
    return Person(email=email, token=signed_in.token, role=role, actor=signed_in.session.actor)


@pytest.fixture
def belongings(bank: Driver, house: House) -> Belongings:
    """What the first company has, in front of a bank that answers."""
    del bank
    return Belongings(house)


@pytest.fixture
def outage(postgres_server: PostgresServer, database: str) -> Callable[[], AbstractContextManager[None]]:
    """Inside the block the database takes no connection and has lost those it had."""
    name = database.rpartition("/")[2]

    def accept(*, connections: bool) -> None:
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as admin:
            statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            admin.execute(statement.format(sql.Identifier(name), sql.Literal(connections)))
            if not connections:
                ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                admin.execute(ended, [name])

    @contextmanager
    def away() -> Iterator[None]:
        accept(connections=False)
        try:
            yield
        finally:
            accept(connections=True)

    return away


class Pipeline:
    """Events through Reflex's own pipeline, the guard included, without a socket: what would reach the browser."""

    def __init__(self) -> None:
        from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

        self._app = app
        if "sign-in" not in app._load_events:
            # What a starting server does: from now on an address leads to its page's first handlers.
            app._apply_decorated_pages()

    def run(self, steps: Callable[["Tab"], Any], *, sockets: "Sockets | None" = None) -> Any:
        """Run the steps of a test within one event loop."""

        async def within() -> Any:
            processor = BaseStateEventProcessor(
                middleware=self._app, backend_exception_handler=self._app.backend_exception_handler
            )
            manager = StateManagerMemory()
            processor.configure(state_manager=manager, event_namespace=sockets)
            with self._app.set_contexts():
                async with processor:
                    return await steps(Tab(processor, manager))

        return asyncio.run(within())


class Sockets:
    """The browsers' end of the wire, for what reaches them after the event that they sent has ended."""

    def __init__(self) -> None:
        self.told: list[Delta] = []

    async def emit_update(self, update: StateUpdate, token: str) -> None:
        del token
        self.told.append(update.delta)


class Tab:
    """A browser tab's side of the pipeline."""

    def __init__(self, processor: BaseStateEventProcessor, manager: StateManagerMemory) -> None:
        self._processor = processor
        self.manager = manager

    async def send(
        self,
        name: str,
        payload: Mapping[str, Any] | None = None,
        *,
        cookie: str = "",
        tab: str = "tab",
        path: str = "/",
        address: str = "127.0.0.1",
        told: list[Delta] | None = None,
    ) -> list[Delta]:
        """Send an event; every change that the browser would be told, added to ``told`` as it happens."""
        told = [] if told is None else told
        event = dataclasses.replace(
            Event(name=name, payload=dict(payload or {})),
            router_data={
                "pathname": path.partition("?")[0],
                "asPath": path,
                "query": {},
                "token": tab,
                "sid": "none",
                "ip": address,
                "headers": {"cookie": cookie},
            },
        )
        async for delta in self._processor.enqueue_stream_delta(tab, event):
            told.append(delta)
        return told

    async def open(self, *, cookie: str, path: str = "/nowhere", **where: Any) -> list[Delta]:
        """Load a page; without a path, one that has no handlers of its own."""
        return await self.send(HYDRATE, cookie=cookie, path=path, **where)


@pytest.fixture
def pipeline() -> Pipeline:
    """Reflex's pipeline with the portal's pages and guard."""
    return Pipeline()


@pytest.fixture
def exchange(house: House, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """The event socket in front of a database with people in it."""
    del house
    return Exchange(monkeypatch)


def own_handlers() -> list[str]:
    """The wire names of every handler of ours."""
    import portal.portal  # noqa: F401, PLC0415 (registers the handlers)

    return sorted(
        name
        for name, registered in RegistrationContext.get().event_handlers.items()
        if registered.handler.fn.__module__.startswith("portal.")
    )


# Arguments that lead a handler further than any word would.
PAYLOADS: dict[str, dict[str, Any]] = {
    "choose_tab": {"name": "held"},
    "ask": {"form": {"question": "who is woken at night?"}},
    "make_plan": {"form": {"day": "all"}},
    "compare": {"form": {"compared_day": "1405-09-10"}},
    "pause": {"form": {"reason": "because"}},
    "release": {"form": {"reason": "because"}},
    "seek": {"form": {"q": "7"}},
    "find": {"form": {"wanted": "7"}},
    "resolve": {"form": {"reason": "because"}},
    "tell_unexpected": {"reference": "0123abcd"},
}


def payload_of(handler: str) -> dict[str, Any]:
    """Arguments for a handler: a form that is empty, or a word, where none are written down."""
    method = handler.rpartition(".")[2]
    if method in PAYLOADS:
        return PAYLOADS[method]
    registered = RegistrationContext.get().event_handlers[handler].handler
    wanted = list(inspect.signature(registered.fn).parameters.values())[1:]
    return {each.name: {} if "dict" in str(each.annotation) else "x" for each in wanted}


@contextmanager
def replaced(name: str, work: Callable[[], None]) -> Iterator[None]:
    """Put a body that only does this work in the place of a handler's own, under the handler's policy."""
    registered = RegistrationContext.get().event_handlers[name].handler
    own = registered.fn

    async def body(_state: Any, **_payload: Any) -> None:
        work()

    body.__dict__.update(own.__dict__)
    body.__qualname__, body.__module__ = own.__qualname__, own.__module__
    _replace(registered, body)
    try:
        yield
    finally:
        _replace(registered, own)


def _replace(handler: Any, body: Any) -> None:
    object.__setattr__(handler, "fn", body)
    # What Reflex once found out about the body before.
    for name in ("_is_coroutine_function", "_type_hints"):
        vars(handler).pop(name, None)


def shown(deltas: list[Delta]) -> str:
    """All that the browser was told, in the words that go over the wire."""
    return json_dumps(deltas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The production command on a port of its own, in front of the house's database."""

    url: str
    house: House
    log_path: Path

    @property
    def log(self) -> str:
        """All that the process has written so far."""
        return self.log_path.read_text(errors="replace")

    def client(self, cookie: str = "") -> httpx.Client:
        """A browser that follows no redirect by itself."""
        headers = {"cookie": cookie} if cookie else {}
        return httpx.Client(base_url=self.url, headers=headers, follow_redirects=False, timeout=20)


@pytest.fixture(scope="session")
def built() -> None:
    """The front end, built from the present sources unless it is already."""
    frontend.build("e2e")


@pytest.fixture
def served(house: House, built: None, database: str, tmp_path: Path) -> Iterator[Served]:
    """The web process, ended with the test."""
    del built
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **own_environment(),
        "DATABASE_URL": database,
        "PUBLIC_URL": url,
        "ZIBAL_URL": os.environ.get("ZIBAL_URL", f"http://127.0.0.1:{free_port()}"),
        "PROMETHEUS_URL": f"http://127.0.0.1:{free_port()}",
        "METRICS_TOKEN": METRICS_TOKEN,
    }
    log_path = tmp_path / "web.log"
    child = Child(frontend.web_command("e2e", port=port, log_path=log_path, env=environment))
    try:
        wait_until(lambda: accepts(port) and _is_ready(url), child=child, timeout_s=60)
        yield Served(url=url, house=house, log_path=log_path)
    finally:
        child.stop()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False
