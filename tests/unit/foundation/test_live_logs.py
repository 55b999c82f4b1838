"""A log may be read while its process writes it."""

import pytest

from tests.live_logs import entries

WHOLE = '{"event":"a"}\nnot an entry\n{"event":"ب"}\n'.encode()


@pytest.mark.parametrize("length", range(len(WHOLE) + 1))
def test_a_line_that_is_written_in_part_is_not_read_yet(length: int) -> None:
    written = WHOLE[:length]

    assert [each["event"] for each in entries(written)] == [
        event for event, end in (("a", 14), ("ب", len(WHOLE))) if length >= end
    ]
