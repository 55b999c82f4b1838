"""Streams of logs are counted for each reader, and nobody who left is remembered."""

import pytest

from backend.errors import TooManyAttempts
from portal.http.log_streams import MOST_OF_ONE, OpenLogs


def test_a_reader_has_so_many_streams_and_a_place_is_free_again_once() -> None:
    logs = OpenLogs()
    ends = [logs.take("one") for _ in range(MOST_OF_ONE)]
    with pytest.raises(TooManyAttempts):
        logs.take("one")

    ends[0]()
    ends[0]()

    logs.take("one")
    with pytest.raises(TooManyAttempts):
        logs.take("one")


def test_a_reader_without_a_stream_is_not_remembered() -> None:
    logs = OpenLogs()

    logs.take("one")()

    assert not logs._open
