"""Databases and poolers as others set them up: with defaults of their own, and with connections that change hands."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from backend.accounts import service as accounts
from backend.actor import Actor
from backend.db import engine
from backend.db.connecting import CONNECTION, Cause
from backend.db.locks import LockNumber
from backend.db.migrate import upgrade
from backend.errors import Unavailable
from backend.job_runs.repository import Lock
from backend.sandbox.neighbours import PgBouncer
from backend.sandbox.postgres import PostgresServer
from backend.sandbox.processes import free_port
from tests.conftest import forget_caches

OTHER_DEFAULTS = {
    "datestyle": "SQL, DMY",
    "timezone": "Asia/Tokyo",
    "intervalstyle": "iso_8601",
    "bytea_output": "escape",
    "default_transaction_isolation": "serializable",
    "lock_timeout": "1ms",
}
MORE_THAN_PREPARES = 20


@pytest.fixture(scope="module", params=["transaction", "session"])
def pooler(request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
           ) -> Iterator[PgBouncer]:  # fmt: skip
    """A real PgBouncer in front of the server."""
    parts = urlsplit(postgres_server.url())
    assert parts.port
    assert parts.username
    assert parts.password
    server = PgBouncer(
        tmp_path_factory.mktemp("pgbouncer"),
        server_port=parts.port,
        mode=request.param,
        user=parts.username,
        password=parts.password,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def pooled(pooler: PgBouncer, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the test's database through the pooler."""
    url = database.replace(f":{urlsplit(database).port}/", f":{pooler.port}/")
    monkeypatch.setenv("DATABASE_URL", url)
    forget_caches()
    yield url
    engine.dispose()


def fails_with(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cause that is told when nobody can work with this database."""
    monkeypatch.setenv("DATABASE_URL", url)
    forget_caches()
    with pytest.raises(Unavailable) as refused, engine.read():
        pass
    forget_caches()
    return str(refused.value.data["cause"])


def test_a_pooler_changes_nothing_of_what_a_transaction_relies_on(pooled: str) -> None:
    upgrade(pooled)
    for _ in range(MORE_THAN_PREPARES):
        with engine.transaction() as connection, engine.read():
            row = connection.execute(
                text(
                    "SELECT now(), current_setting('statement_timeout'), current_setting('datestyle') WHERE :one = 1"
                ),
                {"one": 1},
            ).one()
            assert row[1:] == ("2min", "ISO, YMD")
    assert accounts.users(Actor.process_named("test")) == []


def test_a_pooler_keeps_nothing_that_we_set(pooled: str) -> None:
    before = all_settings(pooled)
    upgrade(pooled)
    for block in (engine.transaction, engine.read):
        with block() as connection:
            connection.execute(text("SELECT 1"))
    engine.dispose()

    assert all_settings(pooled) == before


def all_settings(url: str) -> dict[str, str]:
    """What the server connection behind a pooler works with."""
    with psycopg.connect(url, **CONNECTION) as connection:
        return dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())


def test_behind_a_pooler_one_leads_and_one_bills(pooled: str) -> None:
    first, second = Lock(engine.engine(), LockNumber.LEADERSHIP), Lock(engine.engine(), LockNumber.LEADERSHIP)
    try:
        assert (first.take(), second.take()) == (True, False)
        assert first.is_held()
    finally:
        first.close()
        second.close()
    with (
        engine.advisory_lock(LockNumber.BILLING) as ours,
        engine.advisory_lock(LockNumber.BILLING) as theirs,
    ):
        assert (ours, theirs) == (True, False)


def test_a_lock_that_is_held_keeps_no_vacuum_from_its_work(database: str) -> None:
    lock = Lock(engine.engine(), LockNumber.LEADERSHIP)
    try:
        assert lock.take()
        with psycopg.connect(database) as other:
            held = other.execute(
                "SELECT backend_xmin, backend_xid FROM pg_stat_activity WHERE pid = %s",
                [lock._connection.info.backend_pid],
            ).fetchone()
        assert held == (None, None)
    finally:
        lock.close()


def test_defaults_of_the_database_change_nothing(postgres_server: PostgresServer, database: str) -> None:
    name = sql.Identifier(database.rpartition("/")[2])
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        for setting, value in OTHER_DEFAULTS.items():
            statement = sql.SQL("ALTER DATABASE {} SET {} = {}")
            admin.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
    forget_caches()
    instant = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

    with engine.transaction() as connection:
        row = connection.execute(
            text("SELECT timestamptz '2026-03-04 05:06:07+00', date '2026-03-04', interval '1 day 2 hours',"
                 " decode('00ff', 'hex'), current_setting('transaction_isolation'), current_setting('lock_timeout')")
        ).one()  # fmt: skip

    assert tuple(row) == (
        instant, instant.date(), timedelta(days=1, hours=2), b"\x00\xff", "read committed", "0",
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_keep_persian_is_refused(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    name = f"encoded_{encoding.lower()}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        statement = sql.SQL(
            "CREATE DATABASE {} ENCODING {} TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'"
        )
        admin.execute(statement.format(sql.Identifier(name), sql.Literal(encoding)))
    try:
        assert fails_with(postgres_server.url(name), monkeypatch) == Cause.ENCODING
    finally:
        forget_caches()
        postgres_server.drop_database(name)


def test_what_refuses_a_connection_is_told_apart(
    pooler: PgBouncer, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for port in (pooler.port, urlsplit(postgres_server.url()).port):
        right = urlsplit(postgres_server.url())._replace(netloc=f"postgres:{{}}@127.0.0.1:{port}").geturl()
        password = urlsplit(postgres_server.url()).password
        assert fails_with(right.format("wrong"), monkeypatch) == Cause.PASSWORD
        missing = right.format(password).replace("/postgres", "/nowhere")
        assert fails_with(missing.replace("//nowhere", "//postgres"), monkeypatch) == Cause.NO_DATABASE
    assert fails_with(f"postgresql://u:p@127.0.0.1:{free_port()}/x", monkeypatch) == Cause.REFUSED
    assert fails_with("postgresql://u:p@no.such.host.invalid/x", monkeypatch) == Cause.NO_HOST
