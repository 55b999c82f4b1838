"""What is known of a life before any counter of it is read."""

import pytest

from backend.usage.coverage import Span
from backend.usage.lives import Copy, Life, Run, Sight, Target
from backend.usage.situation import Situation

HOUR_MS = 3_600_000
SPAN = Span(100 * HOUR_MS, 124 * HOUR_MS)


@pytest.mark.parametrize(
    ("start_h", "is_stranger", "is_born"),
    [
        pytest.param(101, False, True, id="in the window"),
        pytest.param(101, True, True, id="in the window, at an address without a start time before"),
        pytest.param(99, False, True, id="shortly before, and the stored day does not know it"),
        pytest.param(99, True, False, id="shortly before, and the stored day counted it under no life"),
        pytest.param(96, False, False, id="as long ago as anybody looks"),
    ],
)
def test_a_life_is_ours_from_its_birth_where_no_stored_day_counted_it(
    start_h: int, is_stranger: bool, is_born: bool
) -> None:
    run = Run(start_h * HOUR_MS * 1000, [102 * HOUR_MS])
    life = Life("pod:1", run.start_us, [Copy(0, [run])], run.times)

    situation = Situation(
        span=SPAN,
        lookback_ms=4 * HOUR_MS,
        sight=Sight([Target({"instance": "pod:1"}, [run])], [life]),
        seen={},
        previous_day_is_stored=True,
        stored={},
        strangers=frozenset({"pod:1"} if is_stranger else ()),
    )

    assert situation.is_born(life) is is_born
