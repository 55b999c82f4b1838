import psycopg
import pytest
from sqlalchemy import text

from backend.clients.http import refuse_inside_transaction
from backend.db import engine
from backend.errors import Unavailable
from backend.sandbox.processes import free_port


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
    from tests.conftest import forget_caches  # noqa: PLC0415 - only this test changes the address by hand

    forget_caches()
    with pytest.raises(Unavailable) as refused, engine.read():
        pass
    forget_caches()

    assert refused.value.key == "error.unavailable.database"


def test_a_lock_is_given_to_one_at_a_time(database: str) -> None:
    with engine.advisory_lock(1) as first, engine.advisory_lock(1) as second:
        assert (first, second) == (True, False)
    with engine.advisory_lock(1) as again:
        assert again


def test_a_network_call_inside_a_transaction_is_a_bug(database: str) -> None:
    with engine.transaction(), pytest.raises(RuntimeError, match="transaction"):
        refuse_inside_transaction()
