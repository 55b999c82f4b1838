"""How often somebody may do something: a bucket of tokens for each, filled again as time passes."""

import time

_MOST_BUCKETS = 10_000


class Buckets:
    """The buckets of one process; whoever was not seen before finds a full one."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._left: dict[str, tuple[float, float]] = {}

    def has_left(self, key: str, *, at_once: float, per_s: float) -> bool:
        """Take a token of this key; whether there was one."""
        now = time.monotonic()
        if len(self._left) >= _MOST_BUCKETS:
            self._left.clear()
        left, since = self._left.get(key, (at_once, now))
        left = min(at_once, left + (now - since) * per_s)
        self._left[key] = (max(0.0, left - 1), now)
        return left >= 1
