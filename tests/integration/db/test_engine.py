import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from threading import Barrier

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, text

from backend.clients.http import refuse_inside_transaction
from backend.db import engine
from backend.db.locks import LockNumber
from backend.errors import Unavailable
from backend.job_runs.repository import Lock
from backend.sandbox.processes import free_port
from tests.conftest import forget_caches


def rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM invoice_number").fetchone()
    assert found is not None
    return int(found[0])


def insert(year: int) -> None:
    with engine.transaction() as connection:
        connection.execute(text("INSERT INTO invoice_number VALUES (:year, 0)"), {"year": year})


def test_only_the_outermost_block_commits(database: str) -> None:
    with engine.transaction():
        insert(1405)
        assert rows(database) == 0

    assert rows(database) == 1


def test_reads_share_the_connection_of_the_block_around_them(database: str) -> None:
    with engine.read() as outer, engine.read() as inner:
        assert inner is outer
    with engine.transaction() as outer, engine.read() as inner:
        assert inner is outer


def test_a_write_inside_a_read_is_committed(database: str) -> None:
    with engine.read():
        insert(1405)

        assert rows(database) == 1


@pytest.mark.parametrize("block", [engine.read, engine.transaction])
def test_no_thread_uses_the_connection_of_another(
    database: str, block: Callable[[], AbstractContextManager[Connection]]
) -> None:
    with ThreadPoolExecutor(1) as side, block():
        inherited = side.submit(copy_context().run, insert, 1405)

        assert isinstance(inherited.exception(), RuntimeError)
    assert rows(database) == 0


def test_an_error_undoes_the_inner_blocks_too(database: str) -> None:
    def fail() -> None:
        with engine.transaction():
            insert(1405)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert rows(database) == 0


def test_a_read_changes_nothing(database: str) -> None:
    def write() -> None:
        with engine.read() as connection:
            connection.execute(text("INSERT INTO invoice_number VALUES (1405, 0)"))

    with pytest.raises(Exception, match="read-only"):
        write()


def test_a_dead_database_is_unavailable_not_a_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    forget_caches()
    with pytest.raises(Unavailable) as refused, engine.read():
        pass
    forget_caches()

    assert refused.value.key == "error.unavailable.database"


def test_threads_that_ask_first_at_the_same_time_share_one_engine(database: str) -> None:
    together = Barrier(8)

    def ask(_number: int) -> Engine:
        together.wait()
        return engine.engine()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1


def test_a_lock_is_given_to_one_at_a_time(database: str) -> None:
    with (
        engine.advisory_lock(LockNumber.BILLING) as first,
        engine.advisory_lock(LockNumber.BILLING) as second,
    ):
        assert (first, second) == (True, False)
    with engine.advisory_lock(LockNumber.BILLING) as again:
        assert again


def test_a_network_call_inside_a_transaction_is_a_bug(database: str) -> None:
    with engine.transaction(), pytest.raises(RuntimeError, match="transaction"):
        refuse_inside_transaction()


SESSION = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "idle_in_transaction_session_timeout": "1min",
    "statement_timeout": "2min",
    "TimeZone": "UTC",
}


def shown(connection: psycopg.Connection[tuple[str]]) -> dict[str, str]:
    found = {}
    for name in SESSION:
        row = connection.execute(f"SHOW {name}").fetchone()
        assert row is not None
        found[name] = row[0]
    return found


def test_postgresql_notices_within_seconds_that_a_host_vanished(database: str) -> None:
    with engine.read() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)

        assert shown(driver) == SESSION
        assert driver.info.get_parameters()["keepalives_idle"] == "5"
        assert driver.info.get_parameters()["tcp_user_timeout"] == "10000"


def test_where_nobody_stands_between_a_transaction_begins_with_its_own_first_statement(database: str) -> None:
    for block in (engine.read, engine.transaction):
        with block() as connection:
            driver = engine.driver_of(connection)
            assert driver.info.transaction_status == TransactionStatus.IDLE
            assert shown(driver) == SESSION


def test_what_one_transaction_may_says_nothing_of_the_next_on_its_connection(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "1")
    forget_caches()
    with engine.advisory_lock(LockNumber.BILLING) as ours:
        assert ours
    with engine.read() as connection:
        first = engine.driver_of(connection).info.backend_pid
        assert shown(engine.driver_of(connection)) == SESSION
    insert(1405)
    with engine.transaction() as connection:
        assert engine.driver_of(connection).info.backend_pid == first
    assert rows(database) == 1


def test_the_leaders_lock_does_not_outlive_its_host_either(database: str) -> None:
    lock = Lock(engine.engine(), 1)
    try:
        assert lock.take()
        # A leader that lets a long job end asks nothing meanwhile.
        patient = {"idle_in_transaction_session_timeout": "0", "statement_timeout": "0"}
        assert shown(lock._connection) == SESSION | patient
    finally:
        lock.close()


def test_a_transaction_that_hangs_is_ended_and_unavailable(database: str) -> None:
    def hang() -> None:
        with engine.transaction() as connection:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 50"))
            time.sleep(0.3)
            connection.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        hang()


def test_a_connection_in_use_is_closed_when_it_comes_back_to_an_engine_that_is_gone(database: str) -> None:
    with engine.read() as connection:
        driver = engine.driver_of(connection)
        engine.dispose()
        assert not driver.closed

    assert driver.closed
