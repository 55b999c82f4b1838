"""The database's address, and that of others on its server, in the forms that are wanted of it."""

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import make_url

from backend.server_address import ServerAddress


def conninfo_of(url: str, database: str, at: ServerAddress | None = None) -> str:
    """The same server and account, another database. Holds the password: never log it.

    ``at`` is another server, to which the same name and certificate belong.
    """
    if at is None:
        return make_conninfo(url, dbname=database)
    return make_conninfo(url, dbname=database, hostaddr=at.host, port=at.port)


def url_of(url: str, database: str, at: ServerAddress | None = None) -> str:
    """The address of another database for the same account. Holds the password: never log it."""
    found = make_url(url).set(database=database)
    if at:
        found = found.set(port=at.port).update_query_dict({"hostaddr": at.host})
    return found.render_as_string(hide_password=False)


def environment_of(url: str, database: str) -> dict[str, str]:
    """The address as libpq's environment variables, so that no argument of a program holds it or the password."""
    known = {
        option.keyword.decode(): option.envvar.decode()
        for option in pq.Conninfo.get_defaults()
        if option.envvar
    }
    given = conninfo_to_dict(url) | {"dbname": database}
    return {known[name]: str(value) for name, value in given.items() if name in known and value is not None}
