"""How often somebody may do something: a bucket of tokens for each, filled again as time passes."""

import time
from dataclasses import dataclass
from math import inf

_MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """What was left of a key at a moment, and when it would be full again if nobody took more."""

    left: float
    at: float
    full_at: float


class Buckets:
    """The buckets of one process; whoever was not seen before finds a full one."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._buckets: dict[str, _Bucket] = {}

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._buckets)

    def has_left(self, key: str, *, at_once: float, per_s: float) -> bool:
        """Take a token of this key; whether there was one."""
        now = time.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room(now)
            left = at_once
        else:
            left = min(at_once, bucket.left + (now - bucket.at) * per_s)
        rest = max(0.0, left - 1)
        full_at = now + (at_once - rest) / per_s if per_s else inf
        self._buckets[key] = _Bucket(left=rest, at=now, full_at=full_at)
        return left >= 1

    def _make_room(self, now: float) -> None:
        """Forget those that are full again anyway, else the tenth that soonest would be.

        Whoever has nothing left is remembered longest, so many other keys do not give him anything back.
        """
        if len(self._buckets) < _MOST_BUCKETS:
            return
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.full_at > now}
        too_many = len(self._buckets) - _MOST_BUCKETS * 9 // 10
        for key in sorted(self._buckets, key=lambda key: self._buckets[key].full_at)[: max(0, too_many)]:
            del self._buckets[key]
