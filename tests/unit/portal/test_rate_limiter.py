"""A key that has used up its tokens stays refused, however many other keys there are; memory stays bounded."""

from portal import rate_limiter
from portal.rate_limiter import RateLimiter

SLOW = 1e-6


def takes(limiter: RateLimiter, key: str, *, at_once: float = 3, per_s: float = SLOW) -> bool:
    return limiter.try_acquire(key, at_once=at_once, per_s=per_s)


def test_a_bucket_is_empty_after_its_tokens() -> None:
    limiter = RateLimiter()

    assert [takes(limiter, "a") for _ in range(5)] == [True, True, True, False, False]
    assert takes(limiter, "b")


def test_a_bucket_fills_again() -> None:
    limiter = RateLimiter()

    assert [takes(limiter, "a", at_once=1, per_s=1e9) for _ in range(5)] == [True] * 5


def test_ten_thousand_others_do_not_fill_an_empty_bucket() -> None:
    limiter = RateLimiter()
    while takes(limiter, "flood"):
        pass

    for n in range(2 * rate_limiter._MOST_BUCKETS):
        takes(limiter, f"other-{n}")

    assert not takes(limiter, "flood")
    assert len(limiter) <= rate_limiter._MOST_BUCKETS


def test_those_that_are_full_again_are_forgotten_first() -> None:
    limiter = RateLimiter()
    for n in range(rate_limiter._MOST_BUCKETS - 1):
        takes(limiter, f"patient-{n}", per_s=1e9)
    takes(limiter, "hurried")

    takes(limiter, "one more")

    assert len(limiter) == 2
