"""A database that is left for another server is closed to everybody, and never for good by a process that dies."""

import subprocess
import sys

import psycopg
import pytest

from backend.backups.backup_service import database_url
from backend.db.address import conninfo_of
from backend.db.databases import MaintenanceConnection
from backend.errors import Unavailable
from tests.waiting import until


def is_open() -> bool:
    try:
        psycopg.connect(database_url()).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_database_whose_leaver_dies_opens_by_itself(owned: str) -> None:
    dying = [sys.executable, "-m", "tests.integration.backups.leaving", owned]
    died = subprocess.run(dying, capture_output=True, text=True, check=False)

    assert (died.returncode, died.stdout.split()) == (-9, ["False"])
    until(is_open)


def test_nobody_is_led_elsewhere_and_the_database_is_open_again_where_that_fails(owned: str) -> None:
    def fails() -> None:
        assert not is_open()
        raise Unavailable(service="kubernetes")

    with MaintenanceConnection(conninfo_of(database_url(), "postgres")) as server:
        with pytest.raises(Unavailable):
            server.leave(owned, (), fails)
        assert is_open()

        server.leave(owned, (), lambda: None)
        assert not is_open()
