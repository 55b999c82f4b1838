"""Web workers: a start that cannot succeed ends, a worker that is lost is replaced, and none outlives its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from backend.sandbox.processes import free_port, keep, port_is_free
from backend.sandbox.site import own_environment
from tests.waiting import until

SERVE = "from portal import server; server.run(host='127.0.0.1', port={}, workers={}, app='{}:made')"
APP = "tests.integration.portal.small_app"
NOT_STARTED = "The portal does not start: "


class Serving:
    """Some workers of a small application, and all that they say."""

    def __init__(self, folder: Path, does: str, *, workers: int) -> None:
        self.port = free_port()
        self._does = folder / "does"
        self._log = folder / "log"
        self.next_start(does)
        with self._log.open("wb") as log:
            self.process = keep(
                subprocess.Popen(
                    [sys.executable, "-c", SERVE.format(self.port, workers, APP)],
                    env=own_environment() | {"SMALL_APP": str(self._does)},
                    stdout=log,
                    stderr=log,
                )
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def next_start(self, does: str) -> None:
        """What the application does whenever it is started from now on."""
        self._does.write_text(does)

    def answering(self) -> int:
        """The worker that answers, or 0."""
        try:
            return int(httpx.get(f"http://127.0.0.1:{self.port}/", timeout=5).text)
        except httpx.TransportError:
            return 0

    def workers(self) -> set[int]:
        asked = ["pgrep", "-P", str(self.process.pid), "-f", "spawn_main"]
        return {int(line) for line in subprocess.run(asked, capture_output=True, check=False).stdout.split()}


Serve = Callable[..., Serving]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start workers; they are ended with the test."""
    started: list[Serving] = []

    def start(does: str, *, workers: int) -> Serving:
        started.append(Serving(tmp_path, does, workers=workers))
        return started[-1]

    yield start
    for serving in started:
        serving.process.terminate()
        serving.process.wait(30)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("does", "code"), [("raise", 3), ("raise late", 3), ("exit", 2)])
def test_a_start_that_cannot_succeed_ends_all_with_one_sentence(
    serve: Serve, does: str, code: int, workers: int
) -> None:
    serving = serve(does, workers=workers)

    assert serving.process.wait(30) == code
    said = serving.said
    assert said.count(NOT_STARTED if code == 3 else "Setting X") == 1
    assert "Traceback" not in said
    assert "a-secret-word" not in said
    assert "db.example" not in said
    assert "NotReachedError" in said or code == 2


def test_a_worker_that_is_killed_before_it_serves_is_not_started_again_and_again(serve: Serve) -> None:
    serving = serve("die", workers=2)

    assert serving.process.wait(30) == 3
    assert f"{NOT_STARTED}a worker was ended by signal 9" in serving.said


def test_a_lost_worker_is_replaced_as_soon_as_a_start_succeeds_while_the_other_serves(serve: Serve) -> None:
    serving = serve("serve", workers=2)
    until(lambda: len(serving.workers()) == 2)
    until(serving.answering)
    killed = max(serving.workers())
    serving.next_start("raise")

    os.kill(killed, signal.SIGKILL)

    until(lambda: NOT_STARTED in serving.said)
    assert serving.answering()
    serving.next_start("serve")
    until(lambda: len(serving.workers() - {killed}) == 2)
    serving.process.terminate()
    assert serving.process.wait(30) == 0


def test_all_ends_when_the_last_worker_is_lost_and_no_start_succeeds(serve: Serve) -> None:
    serving = serve("serve", workers=2)
    until(lambda: len(serving.workers()) == 2)
    until(serving.answering)
    serving.next_start("raise")

    for worker in serving.workers():
        os.kill(worker, signal.SIGKILL)

    assert serving.process.wait(30) == 3


def test_no_worker_outlives_a_parent_that_is_killed(serve: Serve) -> None:
    serving = serve("serve", workers=2)
    until(lambda: len(serving.workers()) == 2)
    until(serving.answering)
    workers = serving.workers()

    serving.process.kill()
    serving.process.wait(30)

    until(lambda: port_is_free(serving.port))
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
