"""Login roles of an application's database: two that take turns, so that a password is replaced without a refusal.

PostgreSQL knows one password of a role, and pools open connections at any time: another password of the same role
refuses every pod that was not replaced yet. So two logins are members of the role that owns everything, one of them in
use. ``ALTER ROLE docuchat_a SET role = docuchat`` lets whatever a login creates belong to that owner.

A password is hashed here, so it stands in no statement, and in no log of the server.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from backend.db.engine import in_transaction
from backend.errors import Refused, Unavailable

CONNECT_TIMEOUT_S = 5
_SERVICE = "docuchat_database"
_ROLE = """
SELECT r.rolcanlogin,
       (SELECT count(*) FROM pg_stat_activity a WHERE a.usename = r.rolname AND a.pid <> pg_backend_pid()),
       ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid ORDER BY 1),
       ARRAY(SELECT s FROM unnest(r.rolconfig) s ORDER BY 1)
FROM pg_roles r WHERE r.rolname = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRole:
    """A login with its open sessions, the roles that it is a member of, and its settings."""

    name: str
    can_login: bool
    sessions: int
    member_of: tuple[str, ...]
    settings: tuple[str, ...]

    def can_stand_in_for(self, other: "LoginRole") -> bool:
        """Whether whoever signs in as this login may and does the same as the other one."""
        return (self.member_of, self.settings) == (other.member_of, other.settings)


def login_role(admin_url: str, name: str) -> LoginRole:
    """A login as it is now. Raises Refused where there is none."""
    with _connected(admin_url) as connection:
        found = connection.execute(_ROLE, [name]).fetchone()
    if found is None:
        raise Refused(reason="database_no_login", login=name)
    can_login, sessions, member_of, settings = found
    return LoginRole(
        name=name,
        can_login=can_login,
        sessions=sessions,
        member_of=tuple(member_of),
        settings=tuple(settings),
    )


def enable_login(admin_url: str, name: str, password: str) -> None:
    """Give a login this password, and let it in. Idempotent."""
    with _connected(admin_url) as connection:
        hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
        statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(hashed.decode())))


def disable_login(admin_url: str, name: str) -> None:
    """Take a login's password, and let it in no more. Open sessions stay. Idempotent."""
    with _connected(admin_url) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(name)))


def try_login(admin_url: str, name: str, password: str) -> None:
    """Sign in as a login and ask one question. Raises Refused when it is not let in."""
    try:
        with _connected(with_login(admin_url, name, password)) as connection:
            connection.execute("SELECT 1")
    except Unavailable:
        raise Refused(reason="database_login_refused", login=name) from None


def with_login(url: str, name: str, password: str) -> str:
    """The address of a database with another login."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(name, safe='')}:{quote(password, safe='')}@{place}"))


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    if in_transaction():
        raise RuntimeError("no network call inside a transaction")
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege:
        raise Refused(reason="database_admin_rights") from None
    except psycopg.Error:
        # Its words name the address.
        raise Unavailable(service=_SERVICE) from None
