import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from backend.config import settings
from backend.db.engine import SPARE_CONNECTIONS
from backend.errors import NotFound, Unavailable
from portal import bridge
from portal.bridge import Problem, ThreadPool
from portal.notes import PAUSE_S


@pytest.fixture(autouse=True)
def own_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    settings.cache_clear()
    yield
    bridge.close()
    settings.cache_clear()


def test_work_is_done_off_the_event_loop_in_the_threads_of_its_pool() -> None:
    name = asyncio.run(bridge.attempt("en", lambda: threading.current_thread().name, pool=ThreadPool.NETWORK))

    assert str(name).startswith("bridge-network")


def test_an_expected_error_comes_back_as_its_sentence() -> None:
    def fail() -> None:
        raise Unavailable(service="prometheus")

    problem = asyncio.run(bridge.attempt("en", fail))

    assert isinstance(problem, Problem)
    assert "Prometheus" in problem.text
    assert problem.passes
    assert not problem.reference


def test_an_unexpected_error_shows_a_reference_that_the_log_has_too(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a secret detail")

    with caplog.at_level(logging.ERROR):
        problem = asyncio.run(bridge.attempt("fa", fail))

    assert isinstance(problem, Problem)
    assert problem.reference
    assert problem.reference in problem.text
    assert "secret detail" not in problem.text
    record = next(record for record in caplog.records if record.msg == "portal.unexpected_error")
    assert record.fields["reference"] == problem.reference  # type: ignore[attr-defined]  # set by our EventLog
    assert record.exc_info is not None


def test_the_same_bug_is_written_once_and_everybody_gets_its_reference(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    def fail_elsewhere() -> None:
        raise ZeroDivisionError

    async def steps(*bugs: Callable[[], None]) -> list[str]:
        return [
            problem.reference
            for bug in bugs
            if isinstance(problem := await bridge.attempt("fa", bug), Problem)
        ]

    with caplog.at_level(logging.ERROR):
        first, second, other = asyncio.run(steps(fail, fail, fail_elsewhere))
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + PAUSE_S)
        [later] = asyncio.run(steps(fail))

    written = [record.__dict__["fields"] for record in caplog.records]
    assert first == second
    assert [line["reference"] for line in written] == [first, other, later]
    assert written[2]["left_out"] == 1


def test_call_lets_expected_errors_through() -> None:
    def fail() -> None:
        raise NotFound

    with pytest.raises(NotFound):
        asyncio.run(bridge.call(fail))


def test_what_the_pools_hold_at_once_is_never_more_than_the_process_may_open() -> None:
    assert bridge.CONNECTIONS.keys() == set(ThreadPool) - {ThreadPool.DATABASE}
    assert sum(bridge.CONNECTIONS.values()) < SPARE_CONNECTIONS
