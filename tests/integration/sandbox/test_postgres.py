"""The laptop's PostgreSQL: starts anywhere, keeps its data, and leaves no process behind."""

import os
from pathlib import Path

import psycopg
import pytest

from backend.sandbox import postgres
from backend.sandbox.postgres import PostgresServer, data_home, throwaway_home


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_restart_keeps_the_data_and_the_address(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("kept")
    with psycopg.connect(postgres_server.url("kept")) as connection:
        connection.execute("CREATE TABLE note AS SELECT 'سلام' AS text")
    url = postgres_server.url("kept")

    postgres_server.restart()

    assert postgres_server.url("kept") == url
    with psycopg.connect(postgres_server.url("kept")) as connection:
        assert connection.execute("SELECT text FROM note").fetchone() == ("سلام",)
    postgres_server.drop_database("kept")


def test_stopping_ends_every_process_even_with_open_connections(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url()) as connection:
        backend_pid = connection.info.backend_pid
        server = postgres_server.child
        assert server is not None

        postgres_server.stop()

        assert not _is_alive(server.pid)
        assert not _is_alive(backend_pid)
    postgres_server.start()


def test_a_server_whose_starter_was_killed_is_replaced(postgres_server: PostgresServer) -> None:
    left_behind = postgres_server.child
    assert left_behind is not None
    successor = PostgresServer(postgres_server.data_dir, postgres_server.port, durable=False)

    successor.start()

    assert left_behind.process.wait(5) is not None
    assert successor.is_ready()
    successor.stop()
    postgres_server.start()


def test_a_stranger_without_the_password_is_refused(postgres_server: PostgresServer) -> None:
    dsn = f"postgresql://postgres:wrong@127.0.0.1:{postgres_server.port}/postgres"

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn)


def test_root_keeps_its_data_outside_the_clone_and_others_inside(tmp_path: Path) -> None:
    home = data_home(local=tmp_path)

    if os.geteuid() == 0:
        assert home.stat().st_uid == 0
        assert not home.is_relative_to(Path.cwd())
    else:
        assert home == tmp_path


def test_data_that_nobody_keeps_lies_in_memory_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "MEMORY", tmp_path)
    monkeypatch.setattr(postgres, "MEMORY_ENOUGH_BYTES", 0)
    assert throwaway_home().parent == tmp_path

    monkeypatch.setattr(postgres, "MEMORY_ENOUGH_BYTES", 2**60)
    assert throwaway_home() == data_home()
