"""Log lines that a stranger can cause: one for each kind and minute, so that no flood fills the disk."""

import time
from dataclasses import dataclass

from backend.log import EventLog

PAUSE_S = 60.0
_MOST_KINDS = 1_000
_LONGEST_FIELD = 1_000


@dataclass(slots=True)
class _LoggedKind:
    """Time when a kind may be logged again, and the number of its suppressed lines."""

    next_at: float
    left_out: int = 0


class Notes:
    """Warnings of one module. The next line of a kind says in ``left_out`` how many before it were not written."""

    def __init__(self, log: EventLog) -> None:
        """Begin with nothing written."""
        self._log = log
        self._kinds: dict[str, _LoggedKind] = {}

    def warning(self, event: str, *, kind: str = "", **about: object) -> None:
        """Write the line, shortened, unless one with this event and kind was written within the last minute."""
        left_out = self.left_out(f"{event}:{kind}")
        if left_out is None:
            return
        fields = {
            name: value if isinstance(value, int) else str(value)[:_LONGEST_FIELD]
            for name, value in about.items()
        }
        if left_out:
            fields["left_out"] = left_out
        self._log.warning(event, **fields)

    def forget(self) -> None:
        """Write the next line of every kind."""
        self._kinds.clear()

    def left_out(self, kind: str) -> int | None:
        """Number of suppressed lines of this kind before this line; None when this line is suppressed too."""
        now = time.monotonic()
        known = self._kinds.get(kind)
        if known is not None and known.next_at > now:
            known.left_out += 1
            return None
        if known is None and len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = _LoggedKind(next_at=now + PAUSE_S)
        return known.left_out if known else 0
