"""Rate limiting by token buckets: one bucket for each key, refilled as time passes."""

import time
from dataclasses import dataclass
from math import inf

_MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """The tokens left of a key at an instant, and when the bucket is full again if nobody takes more."""

    left: float
    at: float
    full_at: float


class RateLimiter:
    """Token buckets of this process. A new key begins with a full bucket. Not shared between processes."""

    def __init__(self) -> None:
        """Begin without buckets."""
        self._buckets: dict[str, _Bucket] = {}

    def __len__(self) -> int:
        """The number of keys that have a bucket."""
        return len(self._buckets)

    def try_acquire(self, key: str, *, at_once: float, per_s: float) -> bool:
        """Take one token of a key; False when less than one was left, and then the part that had come back is lost.

        ``at_once`` is the size of the bucket, ``per_s`` the tokens that come back each second.
        """
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
        """Drop buckets that are full again; when that is not enough, drop the tenth that would be full soonest.

        Empty buckets are kept longest, so a flood of new keys gives nobody tokens back.
        """
        if len(self._buckets) < _MOST_BUCKETS:
            return
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.full_at > now}
        too_many = len(self._buckets) - _MOST_BUCKETS * 9 // 10
        for key in sorted(self._buckets, key=lambda key: self._buckets[key].full_at)[: max(0, too_many)]:
            del self._buckets[key]
