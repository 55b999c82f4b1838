"""Bring a database to the newest schema, and tell whether models and migrations agree."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from backend.config import driver_url
from backend.db import connecting
from backend.db.base import Base
from backend.db.engine import driver_of, engine_of, translated
from backend.db.locks import LockNumber

MIGRATIONS = Path(__file__).with_name("migrations")
# What Alembic runs on a migration that it has written: imports that are not used go, and the file is formatted.
AFTER_REVISE = {
    "hooks": "fix, format",
    "fix.type": "module",
    "fix.module": "ruff",
    "fix.options": "check --fix --quiet REVISION_SCRIPT_FILENAME",
    "format.type": "module",
    "format.module": "ruff",
    "format.options": "format --quiet REVISION_SCRIPT_FILENAME",
}


def upgrade(url: str) -> None:
    """Apply every migration that is missing. Idempotent; two at once wait for each other."""
    engine = engine_of(driver_url(url))
    try:
        with translated(), engine.begin() as connection:
            connecting.set_transaction(driver_of(connection), is_patient=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LockNumber.UPGRADE})
            command.upgrade(_config(connection), "head")
    finally:
        engine.dispose()


def newest_known() -> str:
    """The newest migration that this version of the code knows."""
    return _script().get_current_head() or ""


def is_known(revision: str) -> bool:
    """Whether this version of the code knows a migration; an unknown one was written by a newer version."""
    return any(each.revision == revision for each in _script().walk_revisions())


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def revise(url: str, message: str) -> None:
    """Write the next migration, formatted, from the difference between the models and a database at head."""
    engine = engine_of(driver_url(url))
    try:
        with translated(), engine.begin() as connection:
            connecting.set_transaction(driver_of(connection), is_patient=True)
            config = _config(connection)
            command.revision(config, message, autogenerate=True, rev_id=_next_number(config))
    finally:
        engine.dispose()


def differences(connection: Connection) -> list[object]:
    """Differences between the models and the migrated database, in either direction; empty when they agree."""
    seen: list[object] = []
    config = _config(connection)

    def collect(_revision: object, context: MigrationContext) -> list[object]:
        seen.extend(compare_metadata(context, Base.metadata))
        return []

    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415 - only a test needs it

    with EnvironmentContext(config, ScriptDirectory.from_config(config), fn=collect):
        ScriptDirectory.from_config(config).run_env()
    return seen


def _next_number(config: Config) -> str:
    newest = ScriptDirectory.from_config(config).get_current_head()
    return f"{int(newest or 0) + 1:04}"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    for name, value in AFTER_REVISE.items():
        config.set_section_option("post_write_hooks", name, value)
    config.attributes["connection"] = connection
    return config
