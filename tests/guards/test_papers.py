"""What is written down is true: settings, lock files, models against migrations."""

import re

from sqlalchemy import create_engine, text

from backend.config import Settings, driver_url
from backend.db import migrate
from tests.guards.rules import ROOT, addresses

LOCK_FILES = ("requirements.txt", "reflex.lock/package.json", "reflex.lock/bun.lock")


def documented_settings() -> set[str]:
    readme = (ROOT / "README.md").read_text()
    return set(re.findall(r"^\| `([A-Z_]+)`", readme, re.MULTILINE))


def test_every_setting_is_in_the_readme_and_no_other() -> None:
    assert documented_settings() == {name.upper() for name in Settings.model_fields}


def test_no_lock_file_names_an_address() -> None:
    found = {name: addresses((ROOT / name).read_text()) for name in LOCK_FILES}

    assert found == {name: [] for name in LOCK_FILES}


def test_an_address_in_a_lock_file_is_seen() -> None:
    assert addresses('"resolved": "https://packages.example/a.tgz"') == ["https://packages.example/a.tgz"]


def test_models_equal_migrations(database: str) -> None:
    engine = create_engine(driver_url(database))
    with engine.connect() as connection:
        found = migrate.differences(connection)
    engine.dispose()

    assert found == []


def test_a_table_that_no_migration_made_is_seen(database: str) -> None:
    engine = create_engine(driver_url(database))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE tenant DROP COLUMN postal_code"))
    with engine.connect() as connection:
        found = migrate.differences(connection)
    engine.dispose()

    assert len(found) == 1
