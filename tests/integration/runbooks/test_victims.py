"""Everything that a run needs is killed in each of its steps, and its end is true and its log whole."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import httpx
import orjson
import psutil
import pytest

from backend.actor import Actor, Role
from backend.db.migrate import upgrade
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunLine, RunStage
from backend.sandbox import frontend
from backend.sandbox.postgres import REPOSITORY, PostgresServer, data_home
from backend.sandbox.processes import Child, Command, delete_at_end
from portal import routes
from runbooks import asking_service, registry
from runbooks.engine import RUNNER
from tests import factories
from tests.conftest import forget_caches
from tests.integration.portal.processes import WebProcess
from tests.integration.runbooks.conftest import wish
from tests.integration.runbooks.worker import ACTIONS, taken
from tests.waiting import PATIENCE_S, until

STEPS = ("one", "two", "three")


class House:
    """A durable PostgreSQL, a scheduler and a web process, each of which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = PostgresServer(folder / "victims-data")
        self.postgres.start()
        upgrade(self.postgres.url())
        self.jobs: Child | None = None
        self.web: WebProcess | None = None

    @property
    def has_jobs(self) -> bool:
        """Whether a scheduler is at work."""
        return self.jobs is not None and self.jobs.is_running()

    def start_what_is_missing(self) -> None:
        """Let everything be at work."""
        if not self.has_jobs:
            self.start_jobs()
        if self.web is None:
            self.start_web()

    def stop_jobs(self) -> None:
        """Stop the scheduler."""
        if self.jobs is not None:
            self.jobs.stop()

    def start_jobs(self, **more: str) -> None:
        """Start a scheduler."""
        environment = {**os.environ, "DATABASE_URL": self.postgres.url(), **more}
        argv = [sys.executable, "-m", "tests.integration.runbooks.scheduler"]
        log_path = self.folder / "jobs.log"
        self.jobs = Child(Command(name="jobs", argv=argv, cwd=REPOSITORY, log_path=log_path, env=environment))

    def start_web(self) -> None:
        """Start a web process."""
        self.web = WebProcess(self.folder, self.postgres.url())
        until(self.web.is_ready)

    def kill(self, victim: str) -> None:
        """End something with all of its processes, as a machine does that loses its power."""
        at_work = {"postgres": self.postgres.child, "jobs": self.jobs, "web": self.web and self.web.child}
        child = at_work[victim]
        assert child is not None
        _kill(child.pid)
        child.stop()

    def start(self, victim: str) -> None:
        """Start again what was killed."""
        {"postgres": self.postgres.restart, "jobs": self.start_jobs, "web": self.start_web}[victim]()

    def end(self) -> None:
        """End everything."""
        self.stop_jobs()
        if self.web is not None:
            self.web.child.stop()
        self.postgres.remove()


def _kill(pid: int) -> None:
    leader, killed = psutil.Process(pid), []
    for process in (leader, *leader.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            # What a scheduler started leads a group of its own and outlives it.
            if "run" not in process.cmdline():
                process.kill()
                killed.append(process)
    psutil.wait_procs(killed, 20)


@pytest.fixture(scope="module")
def servers() -> Iterator[House]:
    frontend.build("e2e")
    home = data_home() / f"test-{os.getpid()}"
    home.mkdir(exist_ok=True)
    delete_at_end(home)
    house = House(home)
    yield house
    house.end()


@pytest.fixture
def house(servers: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("DATABASE_URL", servers.postgres.url())
    known = {**registry.actions(), **ACTIONS}
    monkeypatch.setattr(registry, "actions", lambda: known)
    forget_caches()
    yield servers
    forget_caches()


class Follower(Thread):
    """A browser that follows a run's log, and opens the stream again after its last line whenever it ends."""

    def __init__(self, house: House, run: RunbookRun, cookie: str) -> None:
        super().__init__(daemon=True)
        self.texts: list[str] = []
        self.is_over = Event()
        self._house, self._run, self._cookie, self._place = house, run, cookie, ""

    def run(self) -> None:
        """Read until the stream says that the log is whole."""
        while not self.is_over.is_set():
            with suppress(httpx.TransportError, httpx.HTTPStatusError):
                self._read()
            self.is_over.wait(0.1)

    def _read(self) -> None:
        assert self._house.web is not None
        headers = {"cookie": self._cookie, **({"last-event-id": self._place} if self._place else {})}
        address = self._house.web.url + routes.run_log(self._run.id, 0)
        with httpx.stream("GET", address, headers=headers, timeout=20) as answer:
            answer.raise_for_status()
            event = identity = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                event, identity = (value if name == "event" else event), (value if name == "id" else identity)
                if name == "data":
                    told = orjson.loads(value)
                    self.texts += [text for _, text, _ in told.get("lines", [])]
                    self._place = identity if event == "lines" else self._place
                    if event == "end" and told["why"] == "ended":
                        self.is_over.set()


def _confirmed(operator: Actor, folder: Path) -> RunbookRun:
    asked = asking_service.ask(operator, wish("talk_three", {"folder": str(folder)}))
    until(lambda: runs.run(operator, asked.id).state is RunStage.PLANNED)
    return runs.confirm(operator, asked.id, runs.run(operator, asked.id).plan_hash)


def _lines(run: RunbookRun) -> list[RunLine]:
    found: list[RunLine] = []
    while more := runs.lines(RUNNER, run.id, len(found)):
        found += more
    return found


def _says(run: RunbookRun, step: str, after: int) -> bool:
    """Whether a line of a step was stored after one that was seen."""
    stored = runs.last_line(RUNNER, run.id)
    return stored > after and runs.lines(RUNNER, run.id, stored - 1)[0].step == step


@pytest.mark.parametrize("victim", ["postgres", "jobs", "web"])
def test_whatever_is_killed_in_each_step_the_run_succeeds_and_its_log_is_whole(
    victim: str, house: House, tmp_path: Path
) -> None:
    house.start_what_is_missing()
    person = factories.user(Role.OPERATOR)
    run = _confirmed(person.actor, tmp_path)
    follower = Follower(house, run, f"portal={factories.signed_in(person).token}")
    follower.start()

    for step in STEPS:
        until(lambda step=step: _says(run, step, 0))
        house.kill(victim)
        house.start(victim)
        seen = runs.last_line(RUNNER, run.id)
        until(lambda step=step, seen=seen: _says(run, step, seen))
        (tmp_path / f"go-{step}").touch()

    until(lambda: runs.run(RUNNER, run.id).is_ended)
    done = runs.run(RUNNER, run.id)
    assert (done.state, done.launch, taken(tmp_path)) == (RunStage.SUCCEEDED, 2, list(STEPS))
    assert runs.holders(RUNNER, run.targets) == []
    lines = _lines(run)
    said = {step: int((tmp_path / f"said-{step}").read_text()) for step in STEPS}
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    texts = [line.text for line in lines]
    assert texts == [f"{step} {number}" for step in STEPS for number in range(1, said[step] + 1)]
    assert follower.is_over.wait(PATIENCE_S)
    assert follower.texts == texts


def test_a_run_that_was_claimed_and_never_started_is_started_by_the_next_scheduler(
    house: House, tmp_path: Path
) -> None:
    house.stop_jobs()
    house.start_jobs(DIES_BEFORE_START=str(tmp_path / "died"))
    for step in STEPS:
        (tmp_path / f"go-{step}").touch()
    operator = factories.user(Role.OPERATOR).actor
    asked = asking_service.ask(operator, wish("talk_three", {"folder": str(tmp_path)}))

    until(lambda: (tmp_path / "died").exists() and not house.has_jobs)
    claimed = runs.run(RUNNER, asked.id)
    assert (claimed.process, claimed.heartbeat_at) == ("", None)
    assert claimed.launched_at is not None
    house.start_jobs()

    until(lambda: runs.run(RUNNER, asked.id).state is RunStage.PLANNED)
    assert runs.run(RUNNER, asked.id).launch == 1
