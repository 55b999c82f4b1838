"""Work for a key is done once at a time, and who comes meanwhile shares what it came to."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.payments.single_flight import MOST_WAITING, Landed, SingleFlight
from tests.waiting import until

PATIENCE_S = 30.0


class Work:
    """Work that goes on until it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.let_go, self.times, self.error = threading.Event(), threading.Event(), 0, error

    def __call__(self) -> str:
        self.times += 1
        self.begun.set()
        assert self.let_go.wait(PATIENCE_S)
        if self.error:
            raise self.error
        return "done"


def test_who_comes_while_work_is_under_way_shares_its_result() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()

    with ThreadPoolExecutor(1) as threads:
        ours = threads.submit(flights.run, "key", work, patience_s=PATIENCE_S)
        work.begun.wait(PATIENCE_S)
        assert flights.is_under_way("key")
        assert flights.run("key", work, patience_s=0) == Landed(result=None, is_ours=False)
        assert flights.run("other", lambda: "else", patience_s=0).is_ours
        threading.Timer(0.05, work.let_go.set).start()
        theirs = flights.run("key", work, patience_s=PATIENCE_S)

    assert (ours.result(), theirs) == (
        Landed(result="done", is_ours=True),
        Landed(result="done", is_ours=False),
    )
    assert (work.times, flights.is_under_way("key")) == (1, False)


def test_what_fails_is_raised_to_who_did_it_and_the_next_one_begins_anew() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work(OSError("away"))

    with ThreadPoolExecutor(1) as threads:
        ours = threads.submit(flights.run, "key", work, patience_s=PATIENCE_S)
        work.begun.wait(PATIENCE_S)
        threading.Timer(0.05, work.let_go.set).start()
        theirs = flights.run("key", work, patience_s=PATIENCE_S)

    with pytest.raises(OSError, match="away"):
        ours.result()
    assert theirs == Landed(result=None, is_ours=False)
    assert flights.run("key", lambda: "again", patience_s=0) == Landed(result="again", is_ours=True)


def test_a_crowd_that_waits_keeps_no_more_threads() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()

    with ThreadPoolExecutor(1 + MOST_WAITING) as threads:
        runs = [
            threads.submit(flights.run, "key", work, patience_s=PATIENCE_S) for _ in range(1 + MOST_WAITING)
        ]
        until(lambda: flights._waiting["key"] == MOST_WAITING)
        assert flights.run("key", work, patience_s=PATIENCE_S).result is None
        work.let_go.set()

    assert [each.result().result for each in runs] == ["done"] * (1 + MOST_WAITING)
    assert work.times == 1
