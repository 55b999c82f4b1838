"""The log of the web process: what a browser makes libraries write stays little."""

import logging

import pytest

from portal import logs
from portal.logs import FewLibraryLines


def line(logger: str) -> logging.LogRecord:
    return logging.LogRecord(logger, logging.ERROR, __file__, 1, "message async handler error", None, None)


def test_a_library_writes_few_lines_and_the_next_one_counts_those_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "_LINES_PER_S", 0.0)
    few = FewLibraryLines()

    passed = [few.filter(line("engineio.server")) for _ in range(int(logs._LINES_AT_ONCE) + 7)]
    another = few.filter(line("asyncio"))
    monkeypatch.setattr(logs, "_LINES_PER_S", 1e9)
    late = line("engineio.server")

    assert passed.count(True) == logs._LINES_AT_ONCE
    assert another
    assert few.filter(late)
    assert late.__dict__["fields"] == {"left_out": 7}


def test_our_own_lines_are_all_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LINES_AT_ONCE", 1.0)
    monkeypatch.setattr(logs, "_LINES_PER_S", 0.0)
    few = FewLibraryLines()

    assert all(few.filter(line("portal.bridge")) for _ in range(100))
