"""A log that is read again from a second on: every line once."""

from hypothesis import given
from hypothesis import strategies as st

from backend.clients.kubernetes_logs import LogCursor, instant_of

AT = "2026-11-28T12:00:00"


def test_times_of_any_precision_and_zone_are_compared_as_instants() -> None:
    assert instant_of(f"{AT}Z") == instant_of("2026-11-28T15:30:00+03:30")
    assert instant_of(f"{AT}.1Z") == instant_of(f"{AT}.100000000Z")
    assert instant_of(f"{AT}.12Z") < instant_of(f"{AT}.123Z")
    assert instant_of(f"{AT}.000000001Z")[1] == 1


def test_a_cursor_asks_from_the_second_of_the_last_line() -> None:
    cursor = LogCursor()
    assert cursor.since == ""

    cursor.is_new(f"{AT}.987654321Z")

    assert cursor.since == f"{AT}Z"
    assert LogCursor(f"{AT}.5Z").since == f"{AT}Z"


@given(
    log=st.lists(st.integers(0, 6), max_size=30).map(sorted),
    breaks=st.lists(st.integers(0, 30), max_size=6),
)
def test_no_line_is_lost_and_none_comes_twice_however_often_the_stream_breaks(
    log: list[int], breaks: list[int]
) -> None:
    """Lines are numbered; several have the same time, and two seconds have three each."""
    lines = [(f"2026-11-28T12:00:0{at // 3}.{at % 3}Z", number) for number, at in enumerate(log)]
    cursor, read = LogCursor(), []

    for until in [*sorted(breaks), len(lines)]:
        since = instant_of(cursor.since) if cursor.since else (0, 0)
        cursor.reopen()
        for at, number in lines[:until]:
            if instant_of(at) >= since and cursor.is_new(at):
                read.append(number)

    assert read == list(range(len(lines)))
