"""`python -m backend.sandbox up`: it says what it does, watches its parts, and leaves no process behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from backend.sandbox.keeper import birth
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import keep
from backend.sandbox.stack import Stack
from tests.waiting import until

START_S = 240


class Demo:
    """A running `up` without history, in a folder of its own, sharing the front end's build with the e2e tests."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.output = state_dir.with_name("output.txt")
        base = [sys.executable, "-m", "backend.sandbox", "--use", "e2e", "--state", str(state_dir)]
        with self.output.open("w") as output:
            self.process = keep(
                subprocess.Popen(
                    [*base, "--history-days", "0", "up"],
                    cwd=REPOSITORY,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )

    def says(self, words: str) -> bool:
        return words in self.output.read_text()

    def wait_for(self, words: str, timeout_s: float = START_S) -> None:
        self.wait(lambda: self.says(words), timeout_s)

    def wait(self, happened: Callable[[], bool], timeout_s: float = 30) -> None:
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

    def groups(self) -> dict[str, int]:
        return {
            path.stem: json.loads(path.read_text())["pid"] for path in (self.state_dir / "run").glob("*.json")
        }

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def _group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _database_pid(state_dir: Path) -> int:
    postmaster = Stack(state_dir, use="e2e").postgres_dir / "postmaster.pid"
    return int(postmaster.read_text().splitlines()[0])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state_dir = tmp_path_factory.mktemp("up") / "state"
    started = Demo(state_dir)
    try:
        started.wait_for("Ctrl-C ends it.")
        yield started
    finally:
        if started.process.poll() is None:
            started.end(signal.SIGTERM)
        Stack(state_dir, use="e2e").forget()


def test_a_second_one_in_the_same_folder_is_refused_and_harms_nothing(demo: Demo) -> None:
    asked = [sys.executable, "-m", "backend.sandbox", "--use", "e2e", "--state", str(demo.state_dir), "up"]

    second = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)

    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert not any(_group_is_gone(group) for group in demo.groups().values())


def test_a_folder_that_was_deleted_and_made_again_knows_nothing_of_its_first_life(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first, second = Stack(folder, use="e2e"), None
    try:
        first.open()
        first.start("postgres")
        first.postgres.create_database("accounts_with_the_old_passwords")
        first.close()
        shutil.rmtree(folder)

        second = Stack(folder, use="e2e")
        second.open()
        second.start("postgres")

        assert not second.postgres.has_database("accounts_with_the_old_passwords")
    finally:
        (second or first).close()
        Stack(folder, use="e2e").forget()


def test_a_command_without_a_running_demo_is_told_what_to_do(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "backend.sandbox", "--state", str(tmp_path), "exec", "true"]
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}

    run = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=False, env=env)

    assert run.returncode == 1
    assert "make demo" in run.stderr


def test_it_starts_watches_and_ends_everything(demo: Demo) -> None:
    environment = json.loads((demo.state_dir / "environment.json").read_text())
    assert httpx.get(f"{environment['PUBLIC_URL']}/ping").is_success
    assert demo.says("tenant admin")
    groups = demo.groups()
    assert {
        "web",
        "jobs",
        "prometheus",
        "zibal",
        "openai",
        "mail",
        "kubernetes",
        "docuchat-1",
    } <= groups.keys()
    database_pid = _database_pid(demo.state_dir)

    os.killpg(groups["mail"], signal.SIGKILL)
    demo.wait_for("✓ mail runs again", 30)
    assert demo.says("✗ mail ended with code -9")
    groups = demo.groups()

    assert demo.end(signal.SIGINT) == 0
    assert [name for name, group in groups.items() if not _group_is_gone(group)] == []
    assert birth(database_pid) == ""
    assert not (demo.state_dir / "environment.json").exists()


def test_a_killed_one_leaves_nothing_and_the_next_start_succeeds(demo: Demo) -> None:
    assert demo.process.poll() == 0
    killed = Demo(demo.state_dir)
    killed.wait_for("Ctrl-C ends it.")
    left = killed.groups()
    database_pid = _database_pid(demo.state_dir)
    assert not any(_group_is_gone(group) for group in left.values())

    killed.end(signal.SIGKILL)

    until(lambda: all(map(_group_is_gone, left.values())) and birth(database_pid) == "")
    successor = Demo(demo.state_dir)
    successor.wait_for("Ctrl-C ends it.")
    assert successor.end(signal.SIGTERM) == 0
