"""Buckets: who has used his up stays out, however many others there are, and few are remembered for long."""

from portal import buckets
from portal.buckets import Buckets

SLOW = 1e-6


def takes(shelf: Buckets, key: str, *, at_once: float = 3, per_s: float = SLOW) -> bool:
    return shelf.has_left(key, at_once=at_once, per_s=per_s)


def test_a_bucket_is_empty_after_its_tokens() -> None:
    shelf = Buckets()

    assert [takes(shelf, "a") for _ in range(5)] == [True, True, True, False, False]
    assert takes(shelf, "b")


def test_a_bucket_fills_again() -> None:
    shelf = Buckets()

    assert [takes(shelf, "a", at_once=1, per_s=1e9) for _ in range(5)] == [True] * 5


def test_ten_thousand_others_do_not_fill_an_empty_bucket() -> None:
    shelf = Buckets()
    while takes(shelf, "flood"):
        pass

    for n in range(2 * buckets._MOST_BUCKETS):
        takes(shelf, f"other-{n}")

    assert not takes(shelf, "flood")
    assert len(shelf) <= buckets._MOST_BUCKETS


def test_those_that_are_full_again_are_forgotten_first() -> None:
    shelf = Buckets()
    for n in range(buckets._MOST_BUCKETS - 1):
        takes(shelf, f"patient-{n}", per_s=1e9)
    takes(shelf, "hurried")

    takes(shelf, "one more")

    assert len(shelf) == 2
