"""The log of the web process: what a browser makes libraries write stays little."""

import logging
import time

import pytest

from portal.logs import FewLibraryLines
from portal.notes import PAUSE_S


def line(logger: str, place: int = 1, error: type[Exception] | None = None) -> logging.LogRecord:
    trace = (error, error("x"), None) if error else None
    return logging.LogRecord(
        logger, logging.ERROR, __file__, place, "message async handler error", None, trace
    )


def test_a_library_writes_one_line_of_a_kind_and_the_next_one_counts_those_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = FewLibraryLines()

    passed = [few.filter(line("engineio.server")) for _ in range(8)]
    others = [line("asyncio"), line("engineio.server", 2), line("engineio.server", 2, KeyError)]
    assert [few.filter(each) for each in others] == [True] * 3
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + PAUSE_S)
    late = line("engineio.server")

    assert passed == [True] + [False] * 7
    assert few.filter(late)
    assert late.__dict__["fields"] == {"left_out": 7}


def test_our_own_lines_are_all_written() -> None:
    few = FewLibraryLines()

    assert all(few.filter(line("portal.bridge")) for _ in range(100))
