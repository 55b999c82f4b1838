"""Where backups lie on a volume, runs that need them are processes beside it; all others are Jobs."""

import os
import socket
from pathlib import Path

import pytest

from backend.actor import Actor
from backend.backups import service as backups
from backend.clock import utc_now
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from runbooks import asking_service, launching
from runbooks.engine import RUNNER
from runbooks.launching import Launcher
from runbooks.launching_types import Fate
from tests.conftest import forget_caches
from tests.integration.runbooks.conftest import wish
from tests.integration.runbooks.test_jobs import Site, site  # noqa: F401 - a fixture
from tests.waiting import until


@pytest.fixture
def database(owned: str) -> str:
    """The address of a database whose role may create others, which a drill needs."""
    assert owned
    return os.environ["DATABASE_URL"]


@pytest.fixture
def launcher(site: Site, monkeypatch: pytest.MonkeyPatch) -> Launcher:  # noqa: F811
    """The launcher of a process that has the volume; its template names no folder."""
    assert site.http
    monkeypatch.setenv("RUNNER_LAUNCHER", "job")
    forget_caches()
    return launching.launcher()


def ended(launcher: Launcher, run: RunbookRun, *states: RunStage) -> RunbookRun:
    def has_ended() -> bool:
        launching.supervise(RUNNER, launcher)
        return runs.run(RUNNER, run.id).state in states

    until(has_ended)
    return runs.run(RUNNER, run.id)


def test_a_nightly_backup_and_its_drill_are_made_beside_the_volume(launcher: Launcher) -> None:
    for action in ("backup_database", "restore_drill"):
        run = asking_service.ask_scheduled(RUNNER, action, {}, utc_now())
        done = ended(launcher, run, RunStage.SUCCEEDED)
        assert done.process.startswith(f"{socket.gethostname()}:")
        until(lambda done=done: launcher.find(done).fate is Fate.GONE)

    [backup] = backups.backups(RUNNER)
    drill = backups.health(RUNNER).drill
    assert drill is not None
    assert (drill.backup, drill.error) == (backup.name, "")


def test_every_other_run_is_a_job(launcher: Launcher, operator: Actor, tmp_path: Path) -> None:
    asked = asking_service.ask(operator, wish("take_three", {"folder": str(tmp_path)}))

    planned = ended(launcher, asked, RunStage.PLANNED)
    runs.confirm(operator, asked.id, planned.plan_hash)
    done = ended(launcher, asked, RunStage.SUCCEEDED)

    assert done.process == f"job:docuchat-runbooks/run-{asked.id}"
    launcher.end(done, by_force=False)
    until(lambda: launcher.find(done).fate is Fate.GONE)


def test_a_template_with_a_folder_for_backups_makes_jobs_of_them_too(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    template = Path(os.environ["RUNNER_JOB_TEMPLATE"])
    given = '"env": [{"name": "BACKUP_DIR", "value": "/backups"}], "name": "runner"'
    other = tmp_path / "other.yaml"
    other.write_text(template.read_text().replace('"name": "runner"', given))
    monkeypatch.setenv("RUNNER_JOB_TEMPLATE", str(other))
    forget_caches()

    assert type(launching.launcher()) is not type(launcher)


def test_whoever_uses_backups_says_so() -> None:
    """An action that does not, and reaches for the folder, is refused in a cluster alone."""
    folder = Path(launching.__file__).with_name("actions")
    calls = (
        "backups.backup(",
        "backups.backups(",
        "backups.check_backup(",
        "backups.newest(",
        "backups.load(",
    )
    reaching = {path.stem for path in folder.glob("*.py") if any(call in path.read_text() for call in calls)}

    assert reaching == {path.stem for path in folder.glob("*.py") if "uses_backups=True" in path.read_text()}
