"""Fixtures of every test: a real PostgreSQL for the session, a clean migrated database for each test."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import portal  # noqa: F401 (hands over the sentences of its pages)
from backend.sandbox.postgres import PostgresServer, throwaway_home
from backend.sandbox.processes import delete_at_end
from tests.side_by_side import UnitScheduling, sort_longest_first

# A deadline for each example measures how busy the machine is, not the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

TEMPLATE = "docuchat_template"

_database_numbers = count(1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return UnitScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sort_longest_first(items)


@pytest.fixture(autouse=True)
def no_log_handler_stays() -> Iterator[None]:
    """Nobody adds a handler to the root logger for good: its stream ends with the test, and later tests log on."""
    before = logging.getLogger().handlers[:]
    yield
    assert logging.getLogger().handlers == before


def _forget_dead_sessions(home: Path) -> None:
    """Remove the data of test sessions that were killed before they could do it themselves."""
    for folder in home.glob("test-*"):
        pid = int(folder.name.removeprefix("test-"))
        with suppress(PermissionError):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                PostgresServer(folder / "data").stop_leftover()
                shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL cluster of this test session."""
    home = throwaway_home()
    _forget_dead_sessions(home)
    folder = home / f"test-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    delete_at_end(folder)
    server = PostgresServer(folder / "data", durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated, empty database that others are copied from."""
    from backend.db.migrate import upgrade  # noqa: PLC0415 (tests without a database need no migrations)

    postgres_server.create_database(TEMPLATE)
    upgrade(postgres_server.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database(
    postgres_server: PostgresServer, database_template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of a clean, migrated database that the settings of this test point to."""
    # Processes that are forks of one another share the server.
    name = f"test_{os.getpid()}_{next(_database_numbers)}"
    postgres_server.create_database(name, template=database_template)
    monkeypatch.setenv("DATABASE_URL", postgres_server.url(name))
    forget_caches()
    try:
        yield postgres_server.url(name)
    finally:
        forget_caches()
        postgres_server.drop_database(name)


def forget_caches() -> None:
    """Drop the cached settings, engine and clients, so that the next use reads the environment again."""
    from backend import config  # noqa: PLC0415 (the import order of tests without a database)
    from backend.clients import alertmanager, prometheus_servers  # noqa: PLC0415 (as above)
    from backend.db import engine  # noqa: PLC0415 (as above)
    from backend.deploys import process_view  # noqa: PLC0415 (as above)

    process_view.close()
    alertmanager.close_all()
    prometheus_servers.close_all()
    engine.dispose()
    config.settings.cache_clear()
