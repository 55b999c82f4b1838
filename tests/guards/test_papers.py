"""What is written down is true: settings, lock files, models against migrations."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sqlalchemy import create_engine, text

from backend.config import Settings, driver_url
from backend.db import migrate
from tests.guards.rules import PRODUCTION, ROOT, Source, addresses, imported, sources

LOCK_FILES = (
    "requirements.txt",
    "delivery/requirements/product.txt",
    "delivery/requirements/build.txt",
    "delivery/requirements/sandbox.txt",
    "reflex.lock/package.json",
    "reflex.lock/bun.lock",
)
# Of one release with reflex, which asks for exactly these.
PARTS_OF_REFLEX = frozenset({"reflex-base", "reflex-components-core"})
# One name for many packages; these come with the SDK and the exporter, of one release with them.
PARTS_OF_OPENTELEMETRY = frozenset(
    {
        "opentelemetry-api",
        "opentelemetry-exporter-http-transport",
        "opentelemetry-exporter-otlp-common",
        "opentelemetry-exporter-otlp-proto-common",
        "opentelemetry-proto",
        "opentelemetry-semantic-conventions",
    }
)
# The bench of pages brings what it compares with.
NOT_OURS_TO_DECLARE = "tests/bench/rivals/"


def documented_settings() -> set[str]:
    page = (ROOT / "docs/settings.md").read_text()
    return set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))


def test_every_setting_is_documented_and_no_other() -> None:
    assert documented_settings() == {name.upper() for name in Settings.model_fields}


def promised_tests() -> set[str]:
    return set(re.findall(r"`(test_\w+)`", (ROOT / "docs/acting.md").read_text()))


def test_every_test_that_a_promise_of_acting_names_is_one() -> None:
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert len(promised_tests()) > 30
    assert promised_tests() - there == set()


def test_no_lock_file_names_an_address() -> None:
    found = {name: addresses((ROOT / name).read_text()) for name in LOCK_FILES}

    assert found == {name: [] for name in LOCK_FILES}


def test_an_address_in_a_lock_file_is_seen() -> None:
    assert addresses('"resolved": "https://packages.example/a.tgz"') == ["https://packages.example/a.tgz"]


def declared(*, with_dev: bool) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values() if with_dev else ()
    wanted = [*project["dependencies"], *chain.from_iterable(extras)]
    return {canonicalize_name(Requirement(each).name) for each in wanted}


def undeclared(files: Iterable[Source], known: set[str]) -> set[str]:
    """The packages that files import and nobody declared."""
    owners = packages_distributions()
    tops = {name.partition(".")[0] for file in files for name in imported(file)}
    found = {canonicalize_name(owner) for top in tops for owner in owners.get(top, ())}
    return found - known - PARTS_OF_REFLEX - PARTS_OF_OPENTELEMETRY


def test_every_package_that_production_imports_is_declared() -> None:
    files = (each for each in sources(*PRODUCTION) if not each.path.startswith("backend/sandbox/"))

    assert undeclared(files, declared(with_dev=False)) == set()


def test_every_package_that_sandbox_and_tests_import_is_declared() -> None:
    files = (
        each for each in sources("backend/sandbox", "tests") if not each.path.startswith(NOT_OURS_TO_DECLARE)
    )

    assert undeclared(files, declared(with_dev=True)) == set()


def test_a_package_that_came_by_chance_is_seen() -> None:
    code = Source("backend/x.py", "def f():\n    from httpcore import Request")

    assert undeclared([code], declared(with_dev=False) - {"httpcore"}) == {"httpcore"}


def locked_packages() -> set[str]:
    lock = (ROOT / "requirements.txt").read_text()
    return {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}


def missing_in(lock: set[str]) -> set[str]:
    """What packages of a lock ask for on this machine and the lock does not name."""
    asked: set[str] = set()
    for name in lock:
        try:
            needs = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:  # a package of another platform
            continue
        asked |= {
            canonicalize_name(need.name)
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": ""})
        }
    return asked - lock


def test_the_lock_names_every_package_that_its_packages_need() -> None:
    assert missing_in(locked_packages()) == set()


def test_a_package_that_the_lock_forgot_is_seen() -> None:
    assert missing_in(locked_packages() - {"starlette"}) == {"starlette"}


def test_packages_are_installed_as_locked_and_never_resolved_again() -> None:
    """A resolver met `coverage[toml]`, took the newest release and refused it for want of a hash."""
    installs = re.findall(r"pip install .*-r requirements\.txt.*", (ROOT / "Makefile").read_text())

    assert len(installs) == 1
    assert {"--require-hashes", "--no-deps"} <= set(installs[0].split())


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
