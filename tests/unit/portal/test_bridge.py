import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from backend.config import settings
from backend.errors import NotFound, Unavailable
from portal import bridge
from portal.bridge import Lane, Problem


@pytest.fixture(autouse=True)
def own_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    settings.cache_clear()
    yield
    bridge.close()
    settings.cache_clear()


def test_work_is_done_off_the_event_loop_in_the_threads_of_its_lane() -> None:
    name = asyncio.run(bridge.attempt("en", lambda: threading.current_thread().name, lane=Lane.NETWORK))

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


def test_call_lets_expected_errors_through() -> None:
    def fail() -> None:
        raise NotFound

    with pytest.raises(NotFound):
        asyncio.run(bridge.call(fail))
