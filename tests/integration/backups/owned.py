"""A role that owns its database and may create others, as in production: no superuser."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from backend.sandbox.postgres import PostgresServer, binaries
from tests.conftest import forget_caches

OWNER = "portal_owner"


@pytest.fixture(scope="session")
def owner_password(postgres_server: PostgresServer) -> str:
    """The password of a role that owns databases and may create some."""
    password = secrets.token_hex(16)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        statement = SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
        connection.execute(statement.format(Identifier(OWNER), Literal(password)))
    return password


def owners_url(server: PostgresServer, password: str, name: str) -> str:
    """The address of a database for that role."""
    return f"postgresql://{OWNER}:{password}@127.0.0.1:{server.port}/{name}"


@pytest.fixture(scope="session")
def owned_template(postgres_server: PostgresServer, owner_password: str) -> str:
    """The name of a migrated, empty database of that role."""
    from backend.db.migrate import upgrade  # noqa: PLC0415 (as in tests/conftest.py)

    create_owned(postgres_server, "owned_template")
    upgrade(owners_url(postgres_server, owner_password, "owned_template"))
    return "owned_template"


def create_owned(server: PostgresServer, name: str, template: str = "template1") -> None:
    """Create a database of that role."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        statement = SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        connection.execute(statement.format(*map(Identifier, (name, OWNER, template))))


@pytest.fixture
def owned(
    postgres_server: PostgresServer,
    owner_password: str,
    owned_template: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[str]:
    """The name of a migrated database of that role, which the settings of this test point to."""
    name = f"owned_{secrets.token_hex(4)}"
    create_owned(postgres_server, name, owned_template)
    monkeypatch.setenv("DATABASE_URL", owners_url(postgres_server, owner_password, name))
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "backups"))
    monkeypatch.setenv("POSTGRES_TOOLS_DIR", str(binaries()))
    forget_caches()
    try:
        yield name
    finally:
        forget_caches()
        for each in databases_like(postgres_server, name):
            postgres_server.drop_database(each)


def databases_like(server: PostgresServer, name: str) -> list[str]:
    """The databases whose names begin so."""
    with psycopg.connect(server.url()) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1", [name]
        )
        return [each for (each,) in found]


def outside(server: PostgresServer, name: str) -> dict[str, object]:
    """What a database has besides its content."""
    with psycopg.connect(server.url()) as connection:
        [row] = connection.execute(
            "SELECT datacl::text, datconnlimit, shobj_description(oid, 'pg_database'), datallowconn,"
            " pg_get_userbyid(datdba), encoding, datcollate, datlocprovider, datlocale,"
            " (SELECT array_agg(setrole::regrole::text || setconfig::text ORDER BY 1) FROM pg_db_role_setting"
            "  WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = %s",
            [name],
        ).fetchall()
    names = (
        "acl",
        "limit",
        "comment",
        "open",
        "owner",
        "encoding",
        "collate",
        "provider",
        "locale",
        "settings",
    )
    return dict(zip(names, row, strict=True))
