"""A cluster with DocuChat in its pods for the session, as on its first day for each test, and people who rotate."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backend import config
from backend.actor import Actor, Role
from backend.clients.kubernetes import connect
from backend.sandbox.docuchat_pods import Around, DocuChatPods
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import RUNNER
from backend.sandbox.kubernetes.server import Address, running
from backend.sandbox.kubernetes.workloads import SECRETS
from backend.sandbox.openai import application as provider
from backend.sandbox.postgres import PostgresServer
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from runbooks import engine
from tests import factories
from tests.integration.rotations.world import World, control
from tests.waiting import until

NAME = "docuchat_rotated"
FIRST = SECRETS["docuchat-database"]["password"]


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rotations") / "kubeconfig"


@pytest.fixture(scope="session")
def one_cluster(kubeconfig: Path) -> Iterator[Address]:
    with running(kubeconfig, start_s=0.05) as address:
        yield address


@pytest.fixture
def openai_url() -> Iterator[str]:
    with serving(provider(), free_port()) as url:
        yield url


@pytest.fixture
def database_url() -> str:
    """DocuChat's database; none unless a test has one."""
    return ""


@pytest.fixture
def world(one_cluster: Address, openai_url: str, database_url: str) -> Iterator[World]:
    control(one_cluster, "reset")
    around = Around(openai_url=openai_url, database_url=database_url)
    pods = DocuChatPods(one_cluster.cluster, around)
    with serving(pods.application(), free_port()) as url:
        world = World(cluster=one_cluster, docuchat_url=url, pods=pods)
        until(lambda: all(map(world.is_rolled_out, world.deployments())))
        yield world


@pytest.fixture
def runner(database: str, world: World, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world, and a process that runs actions in it as the runner's account."""
    del database
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    config.settings.cache_clear()
    kubernetes = connect(str(account_file(kubeconfig, RUNNER)), 10)
    monkeypatch.setattr(engine, "own_kubernetes", lambda: kubernetes)
    yield world
    kubernetes.close()
    config.settings.cache_clear()


@pytest.fixture
def operator(database: str) -> Actor:
    del database
    return factories.user(Role.OPERATOR).actor


@pytest.fixture
def admin_url(postgres_server: PostgresServer) -> Iterator[str]:
    """DocuChat's database with an owner and two logins, of which one is in use."""
    postgres_server.create_database(NAME)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE docuchat NOLOGIN")
        for login in ("docuchat_a", "docuchat_b"):
            connection.execute(f"CREATE ROLE {login} NOLOGIN IN ROLE docuchat")
            connection.execute(f"ALTER ROLE {login} SET role = docuchat")
        connection.execute(f"ALTER ROLE docuchat_a LOGIN PASSWORD '{FIRST}'")
    yield postgres_server.url(NAME)
    postgres_server.drop_database(NAME)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("DROP ROLE docuchat_a, docuchat_b, docuchat")
