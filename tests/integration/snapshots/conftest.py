"""A cluster whose database server is a real PostgreSQL on a volume, behind a real Service."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.actor import Actor, Role
from backend.clients.kubernetes import connect
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.postgres_image import NAME, postgres_image
from backend.sandbox.kubernetes.roles import RUNNER
from backend.sandbox.kubernetes.server import Address, running
from backend.sandbox.postgres import PostgresServer, throwaway_home
from backend.sandbox.processes import delete_at_end
from runbooks import engine, patience
from tests import factories
from tests.conftest import forget_caches
from tests.integration.snapshots.world import DATABASE, SERVER, World


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the server's account may enter."""
    folder = throwaway_home() / f"snapshots-{tmp_path_factory.getbasetemp().name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    delete_at_end(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(home: Path) -> PostgresServer:
    """A stopped server with a migrated, empty database of the portal."""
    from backend.db.migrate import upgrade  # noqa: PLC0415 (as in tests/conftest.py)

    server = PostgresServer(home / "template", durable=False)
    with server:
        server.create_database(DATABASE)
        upgrade(server.url(DATABASE))
    return server


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("snapshots") / "kubeconfig"


@pytest.fixture(scope="session")
def one_cluster(kubeconfig: Path, home: Path) -> Iterator[Address]:
    images = {NAME: postgres_image()}
    with running(kubeconfig, start_s=0.05, images=images, volumes=home / "volumes") as address:
        yield address


@pytest.fixture
def world(one_cluster: Address, kubeconfig: Path, template: PostgresServer) -> Iterator[World]:
    """The cluster with its database server at work."""
    with World.begun(one_cluster, kubeconfig, template) as world:
        yield world


@pytest.fixture
def portal(world: World, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world, and this process as a run's in it: its database is the Service's, its account the runner's."""
    monkeypatch.setenv("DATABASE_URL", world.url)
    monkeypatch.setenv("DATABASE_STATEFUL_SET", f"docuchat/{SERVER}")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setattr(patience, "PATIENCE_S", 5.0)
    forget_caches()
    kubernetes = connect(str(account_file(kubeconfig, RUNNER)), 10)
    monkeypatch.setattr(engine, "own_kubernetes", lambda: kubernetes)
    yield world
    kubernetes.close()
    forget_caches()


@pytest.fixture
def operator(portal: World) -> Actor:
    del portal
    return factories.user(Role.OPERATOR).actor


@pytest.fixture
def approver(portal: World) -> Actor:
    del portal
    return factories.user(Role.APPROVER).actor
