"""Logs of containers: what was said, and the chatter of a running one, written when somebody reads it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from backend.sandbox.kubernetes.store import Object

LINES_KEPT = 20_000
CHATTER_EVERY_S = 2.0
_PATHS = ("/v1/chat", "/v1/documents", "/v1/search", "/healthz")


@dataclass(slots=True)
class Chatter:
    """Lines at regular times: when they begin, how often, what they say, and how many at most."""

    start: float
    every_s: float
    line: Callable[[int], str]
    limit: int | None = None
    written: int = 0


@dataclass(slots=True)
class Log:
    """The lines of one life of a container, with their times. ``dropped`` counts those that are gone."""

    lines: list[tuple[float, str]] = field(default_factory=list)
    dropped: int = 0
    chatter: Chatter | None = None
    is_closed: bool = False

    def say(self, at: float, text: str) -> None:
        """Append a line."""
        self._fill(at)
        self.lines.append((at, text))

    def read(self, now: float, first: int = 0) -> list[tuple[float, str]]:
        """The lines from a number on, counted since the container began."""
        self._fill(now)
        return self.lines[max(0, first - self.dropped) :]

    def count(self, now: float) -> int:
        """The number of lines so far, with those that are gone."""
        self._fill(now)
        return self.dropped + len(self.lines)

    def close(self, now: float) -> None:
        """The container has ended."""
        self._fill(now)
        self.chatter, self.is_closed = None, True

    def _fill(self, now: float) -> None:
        chatter = self.chatter
        if chatter is None or now < chatter.start:
            return
        wanted = int((now - chatter.start) / chatter.every_s) + 1
        if chatter.limit is not None:
            wanted = min(wanted, chatter.limit)
        skipped = max(chatter.written, wanted - LINES_KEPT)
        self.dropped += skipped - chatter.written
        for number in range(skipped, wanted):
            self.lines.append((chatter.start + number * chatter.every_s, chatter.line(number)))
        chatter.written = wanted
        if len(self.lines) > LINES_KEPT * 1.2:
            surplus = len(self.lines) - LINES_KEPT
            del self.lines[:surplus]
            self.dropped += surplus


@dataclass(slots=True)
class Logs:
    """Current and previous log of each container, by the pod's uid and the container's name."""

    current: dict[tuple[str, str], Log] = field(default_factory=dict)
    previous: dict[tuple[str, str], Log] = field(default_factory=dict)

    def begin(self, uid: str, container: str) -> Log:
        """The log of a new life; the one before becomes the previous one."""
        if (old := self.current.get((uid, container))) is not None:
            self.previous[uid, container] = old
        self.current[uid, container] = Log()
        return self.current[uid, container]

    def forget(self, uid: str) -> None:
        """A pod is gone."""
        for logs in (self.current, self.previous):
            for key in [key for key in logs if key[0] == uid]:
                del logs[key]


def json_line(pod: Object, level: str, event: str, **fields: object) -> str:
    """A line as DocuChat's processes write it."""
    return orjson.dumps({"level": level, "event": event, "pod": pod["metadata"]["name"], **fields}).decode()


def serving_chatter(pod: Object, now: float) -> Chatter:
    """The lines of a ready process of DocuChat while it serves."""

    def line(number: int) -> str:
        path, duration = _PATHS[number % len(_PATHS)], 40 + number * 37 % 400
        return json_line(
            pod, "info", "request.finished", path=path, status=200, duration_ms=duration, request=number + 1
        )

    return Chatter(start=now, every_s=CHATTER_EVERY_S, line=line)


def working_chatter(pod: Object, now: float, seconds: float) -> Chatter:
    """The lines of a job's process: ten steps."""

    def line(number: int) -> str:
        return json_line(pod, "info", f"step {number + 1} of 10")

    return Chatter(start=now + seconds / 10, every_s=seconds / 11, line=line, limit=10)
