"""A session that another process ends, or an account that it changes, is obeyed at once."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import psycopg
import pytest

from backend.accounts import service as accounts
from backend.actor import Role
from backend.db import engine
from backend.db.listening import SESSION_NEWS, Listener
from backend.sandbox.neighbours import PgBouncer
from portal import session
from tests.conftest import forget_caches
from tests.integration.portal.conftest import PASSWORD, SEED, House, Person
from tests.waiting import until


def by_hand(statement: str) -> Callable[[str, Person], None]:
    """What somebody does at the database's own prompt."""

    def change(database: str, person: Person) -> None:
        with psycopg.connect(database) as connection:
            connection.execute(statement.encode(), [person.actor.user_id])

    return change


def sign_out(_database: str, person: Person) -> None:
    accounts.sign_out(person.token)


def disable(_database: str, person: Person) -> None:
    assert person.actor.user_id is not None
    accounts.disable_user(SEED, person.actor.user_id)


def change_password(_database: str, person: Person) -> None:
    accounts.change_password(person.actor, PASSWORD, "four other words here")


async def soon(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await is_so():  # noqa: ASYNC110 - it happens in a thread
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("change", "role"),
    [
        pytest.param(sign_out, None, id="signed out"),
        pytest.param(disable, None, id="disabled"),
        pytest.param(change_password, None, id="another password"),
        pytest.param(by_hand("DELETE FROM user_session WHERE user_id = %s"), None, id="deleted by hand"),
        pytest.param(
            by_hand("UPDATE user_account SET role = 'auditor' WHERE id = %s"), Role.AUDITOR, id="another role"
        ),
    ],
)
def test_what_another_process_changes_is_obeyed_at_once(
    house: House, database: str, monkeypatch: pytest.MonkeyPatch, change: Callable[..., None], role: Role | None
) -> None:  # fmt: skip
    # Nothing that is kept ends by itself while this test looks.
    monkeypatch.setattr(session, "REMEMBERED_S", 3600.0)
    person = house.people[Role.OPERATOR]

    async def now() -> Role | None:
        found = await session.session_of(person.token)
        return found.actor.role if found else None

    async def is_obeyed() -> bool:
        return await now() == role

    async def steps() -> None:
        async with session.told_of_changes():
            listener = session._memory.listener
            assert listener is not None
            await asyncio.to_thread(until, lambda: listener.works)
            assert await now() == Role.OPERATOR
            await asyncio.to_thread(change, database, person)
            await soon(is_obeyed)

    asyncio.run(steps())


def test_behind_a_pooler_nothing_is_kept_for_long(
    house: House, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    parts = urlsplit(database)
    assert parts.port
    pooler = PgBouncer(
        tmp_path_factory.mktemp("pgbouncer"), server_port=parts.port, mode="transaction",
        user=str(parts.username), password=str(parts.password),
    )  # fmt: skip
    pooler.start()
    heard: list[bool] = []
    try:
        monkeypatch.setenv("DATABASE_URL", database.replace(f":{parts.port}/", f":{pooler.port}/"))
        forget_caches()
        listener = Listener(SESSION_NEWS, lambda _news: heard.append(True))
        listener.start()
        until(lambda: heard)
        assert not listener.works
        assert session._remembered_s() < 1
        listener.stop()
    finally:
        engine.dispose()
        pooler.stop()
