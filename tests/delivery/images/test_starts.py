"""The command lines of the images start in an empty environment on a read-only tree, and obey signals."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import httpx
import psycopg
import pytest
from websockets import ConnectionClosed

from backend.actor import Role
from backend.job_runs import service as job_runs
from backend.runbooks import service as runs
from backend.sandbox import frontend, manual, tools
from backend.sandbox.processes import free_port, wait_until
from delivery.dockerfile import stages_of
from portal import routes
from portal.guard import HYDRATE
from runbooks.engine import RUNNER
from tests import factories
from tests.delivery.images.unpacked import Unpacked, environment_of
from tests.guards.rules import ROOT
from tests.integration.portal.conftest import METRICS_TOKEN, House, house, quick_hashes
from tests.integration.portal.socket import LOADED, RawSocket
from tests.integration.runbooks.conftest import confirmed, wish
from tests.integration.runbooks.test_processes import scheduled
from tests.waiting import until

__all__ = ["house", "quick_hashes", "scheduled"]

STAGES = stages_of(ROOT / "Dockerfile")
# Imports every module of the product; those that are commands do nothing without their name. Alembic runs its own.
IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if ".migrations." not in module.name:
            importlib.import_module(module.name)
print(len(sys.modules))
"""
MANY_MODULES = 1_000


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def python(place: Path) -> Path:
    """A Python that has the packages of the product, and no other."""
    return environment_of(ROOT / "delivery/requirements/product.txt", place / "environment")


@pytest.fixture(scope="module")
def images(place: Path, python: Path) -> Iterator[dict[str, Unpacked]]:
    """The images of production."""
    frontend.build("e2e")
    manual.build()
    made = {}
    for name in ("web", "jobs"):
        (place / name).mkdir()
        made[name] = Unpacked(STAGES[name], place / name, python=python, front_end=tools.LOCAL / "web-e2e")
    yield made
    for image in made.values():
        image.forget()


def settings_of(database: str, url: str = "http://127.0.0.1:8000") -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "PUBLIC_URL": url,
        "METRICS_TOKEN": METRICS_TOKEN,
        "PROMETHEUS_URL": f"http://127.0.0.1:{free_port()}",
        # Tabs are sent on after two seconds of them.
        "METRICS_HOLD_S": "12",
    }


def test_production_needs_nothing_of_the_other_extras(images: dict[str, Unpacked]) -> None:
    web, jobs = images["web"], images["jobs"]

    run = subprocess.run(
        [*web.argv()[:4], "-c", IMPORT_ALL, "backend", "runbooks", "portal", "jobs"],
        cwd=web.folder,
        env=web.env({"PYTHONPATH": str(jobs.folder)}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > MANY_MODULES


def test_a_tree_of_an_image_cannot_be_written(images: dict[str, Unpacked]) -> None:
    image = images["web"]
    wrapped = image.argv()[:4]

    run = subprocess.run(
        [*wrapped, "-c", "open('written', 'w')"],
        cwd=image.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "PermissionError" in run.stderr


def test_the_web_image_serves_and_leaves_in_good_order(
    images: dict[str, Unpacked], house: House, database: str
) -> None:
    image, port = images["web"], free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        image.started(settings=settings_of(database, url), port=port) as child,
        closing(httpx.Client(base_url=url, headers={"authorization": f"Bearer {METRICS_TOKEN}"})) as scrape,
    ):
        wait_until(lambda: answers(url, HTTPStatus.OK), child=child, timeout_s=90)
        assert checks(image, port)
        cookie = house.people[Role.OPERATOR].cookie
        assert scrape.get("/docs/en/", headers={"cookie": cookie}).status_code == HTTPStatus.OK
        with RawSocket(url, cookie=cookie) as tab:
            tab.send(HYDRATE, path=routes.BILLING)
            assert tab.tells(LOADED)

            child.process.send_signal(signal.SIGTERM)

            until(lambda: answers(url, HTTPStatus.SERVICE_UNAVAILABLE))
            assert scrape.get(routes.LIVE).headers["connection"] == "close"
            with pytest.raises(ConnectionClosed, match="1012"):
                listen_for_ever(tab)
        # Tabs are gone, and the last figures can still be read.
        assert "portal_" in scrape.get(routes.METRICS).text
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(20) == -signal.SIGTERM
    assert "Traceback" not in child.command.log_path.read_text()
    assert image.is_untouched


def listen_for_ever(tab: RawSocket) -> NoReturn:
    while True:
        tab.told()


def answers(url: str, status: HTTPStatus) -> bool:
    try:
        return httpx.get(f"{url}{routes.READY}", timeout=5).status_code == status
    except httpx.TransportError:
        return False


def checks(image: Unpacked, port: int) -> bool:
    """Whether the health check of the image says that it lives."""
    program, *rest = image.stage.check
    assert program == "python"
    words = [word.replace(f":{image.stage.ports[0]}/", f":{port}/") for word in rest]
    return subprocess.run([sys.executable, *words], check=False, env={}).returncode == 0


def test_the_jobs_image_leads_and_stays_to_be_scraped_until_it_is_asked_again(
    images: dict[str, Unpacked], database: str
) -> None:
    image, port = images["jobs"], free_port()
    settings = settings_of(database) | {"JOBS_METRICS_PORT": str(port), "METRICS_HOLD_S": "600"}
    url = f"http://127.0.0.1:{port}{routes.METRICS}"
    with image.started(settings=settings) as child:
        wait_until(lambda: "scheduler.leads" in child.log_tail(), child=child)
        assert checks(image, port)

        child.process.send_signal(signal.SIGTERM)

        until(lambda: "scheduler.ended" in child.log_tail())
        assert httpx.get(url, headers={"authorization": f"Bearer {METRICS_TOKEN}"}).is_success
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(20) == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM scheduler_process").fetchone() == (0,)
    assert image.is_untouched


@pytest.mark.usefixtures("scheduled")
def test_a_run_in_the_jobs_image_that_is_asked_to_end_stops_before_its_next_step(
    images: dict[str, Unpacked], database: str
) -> None:
    operator = factories.user(Role.OPERATOR).actor
    run = confirmed(operator, wish("pause_job", {"job": "send_mail", "reason": "mails are mended"}), typed="")
    image = images["jobs"]

    with (
        psycopg.connect(database) as other,
        image.started("runbooks", "run", str(run.id), settings=settings_of(database)) as child,
    ):
        other.execute("LOCK TABLE job_pause")
        wait_until(lambda: waits_for(database, "job_pause"), child=child)
        child.process.send_signal(signal.SIGTERM)
        other.commit()

        assert child.process.wait(30) == 0
    # That it is over the launcher says, when its process is proven gone.
    assert runs.run(operator, run.id).stopped_at
    assert not job_runs.is_paused(RUNNER, "send_mail")
    assert image.is_untouched


def waits_for(database: str, table: str) -> bool:
    """Whether somebody waits for a lock on a table."""
    asked = "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
    with psycopg.connect(database) as connection:
        [count] = connection.execute(asked, [table]).fetchone() or (0,)
    return bool(count)
