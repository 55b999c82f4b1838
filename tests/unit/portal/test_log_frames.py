"""Frames of a live log: nothing comes twice, nothing is lost in silence, and memory has an end."""

import asyncio

import orjson
import pytest

from portal.http import log_frames
from portal.http.log_frames import BookmarkCount, LogBacklog, LogBookmark, ShownLine

AT = "2026-11-28T11:40:51.5Z"


def line(number: int, text: str = "x") -> ShownLine:
    return ShownLine(AT, text, LogBookmark(AT, number))


def told(frame: bytes) -> dict[str, object]:
    return dict(orjson.loads(frame.split(b"data: ")[1]))


@pytest.mark.parametrize(
    ("at", "before"),
    [
        ("2026-11-28T11:40:51.5Z", "2026-11-28T11:40:51.499999999Z"),
        ("2026-11-28T11:40:51.000000001Z", "2026-11-28T11:40:51.000000000Z"),
        ("2026-11-28T00:00:00Z", "2026-11-27T23:59:59.999999999Z"),
    ],
)
def test_a_bookmark_knows_the_moment_before_its_line(at: str, before: str) -> None:
    assert LogBookmark.of(f"{at}/1") == LogBookmark(at, 1)
    assert LogBookmark(at, 1).just_before == before


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x",
        "0001-01-01T00:00:00Z/1",
        "2026-11-28T11:40:51Z",
        "2026-13-28T11:40:51Z/1",
        "2026-11-28T11:40:51Z/-1",
        f"{AT}/1/1",
    ],
)
def test_what_is_no_bookmark_of_ours_is_none(written: str) -> None:
    assert LogBookmark.of(written) is None


def test_lines_of_one_moment_that_were_sent_come_not_again_and_the_others_do() -> None:
    sent = BookmarkCount()
    last = [sent.next(at) for at in (AT, AT)][-1]

    again = BookmarkCount(last)
    shown = [again.next(at) for at in (AT, AT, AT, "2026-11-28T11:40:52Z")]

    assert shown == [None, None, LogBookmark(AT, 3), LogBookmark("2026-11-28T11:40:52Z", 1)]


def test_a_slow_reader_is_told_how_many_lines_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_frames, "MOST_WAITING_LINES", 3)
    backlog = LogBacklog()

    backlog.add([line(number) for number in range(5)])
    first = backlog.frame()
    backlog.add([line(5)])

    assert told(first) == {"lines": [[AT, "x"]] * 3, "dropped": 2}
    assert first.startswith(f"id: {AT}/4\nevent: lines\n".encode())
    assert told(backlog.frame()) == {"lines": [[AT, "x"]], "dropped": 0}
    assert backlog.frame() == b""


def test_long_lines_take_no_more_memory_than_many_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_frames, "MOST_WAITING_CHARACTERS", 100)
    backlog = LogBacklog()

    backlog.add([line(number, "y" * 60) for number in range(3)])

    assert told(backlog.frame())["dropped"] == 2


def test_a_reader_waits_for_lines_and_hears_of_the_end() -> None:
    async def steps() -> list[bool]:
        backlog = LogBacklog()
        waiting = asyncio.ensure_future(backlog.changed(30))
        await asyncio.sleep(0)
        was_waiting = not waiting.done()
        backlog.end()
        await waiting
        return [was_waiting, backlog.is_over]

    assert asyncio.run(steps()) == [True, True]
