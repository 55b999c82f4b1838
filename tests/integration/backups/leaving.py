"""``python -m tests.integration.backups.leaving DATABASE``: a process that dies while it leaves a database."""

import os
import signal
import sys

from backend.backups.backup_service import database_url
from backend.db import databases
from backend.db.address import conninfo_of

OPENS_AFTER_S = 3


def main(name: str) -> None:
    databases.OPENS_AFTER_S = OPENS_AFTER_S
    with databases.MaintenanceConnection(conninfo_of(database_url(), "postgres")) as server:

        def last() -> None:
            [row] = server._rows("SELECT datallowconn FROM pg_database WHERE datname = %s", [name])
            sys.stdout.write(str(row[0]))
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

        server.leave(name, (), last)


if __name__ == "__main__":
    main(sys.argv[1])
