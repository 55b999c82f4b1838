"""What is known of an incarnation before any counter of it is read."""

from typing import Any

import pytest

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Copy, Incarnation, Run, ScrapeHistory, Target, instant_of
from backend.usage.metering.survey import Situation
from backend.usage.types import StoredIncarnation

HOUR_MS = 3_600_000
SPAN = Span(100 * HOUR_MS, 124 * HOUR_MS)


def incarnation_from(start_h: int) -> Incarnation:
    run = Run(start_h * HOUR_MS * 1000, [102 * HOUR_MS])
    return Incarnation("pod:1", run.start_us, [Copy(0, [run])], run.times)


def situation_of(incarnation: Incarnation, **more: Any) -> Situation:
    given: dict[str, Any] = {"stored": {}, "no_start_before": frozenset(), **more}
    return Situation(
        span=SPAN,
        lookback_ms=4 * HOUR_MS,
        history=ScrapeHistory([Target({"instance": "pod:1"}, incarnation.copies[0].runs)], [incarnation]),
        seen={},
        previous_day_is_stored=True,
        **given,
    )


@pytest.mark.parametrize(
    ("start_h", "told_no_start", "is_born"),
    [
        pytest.param(101, False, True, id="in the window"),
        pytest.param(101, True, True, id="in the window, at an address without a start time before"),
        pytest.param(99, False, True, id="shortly before, and the stored day does not know it"),
        pytest.param(
            99, True, False, id="shortly before, and the stored day counted it under no incarnation"
        ),
        pytest.param(96, False, False, id="as long ago as anybody looks"),
    ],
)
def test_a_incarnation_is_ours_from_its_birth_where_no_stored_day_counted_it(
    start_h: int, told_no_start: bool, is_born: bool
) -> None:
    incarnation = incarnation_from(start_h)

    situation = situation_of(incarnation, no_start_before=frozenset({"pod:1"} if told_no_start else ()))

    assert situation.is_born(incarnation) is is_born


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_incarnation_from_before_the_window_is_overlooked_only_where_the_stored_day_does_not_know_it(
    is_stored: bool,
) -> None:
    incarnation = incarnation_from(99)
    closing = StoredIncarnation(instant_of(SPAN.start_ms), {("acme", "gpt-4o", "prompt"): 5})

    situation = situation_of(
        incarnation, stored={(incarnation.name, incarnation.started_at): closing} if is_stored else {}
    )

    assert situation.is_overlooked(incarnation) is not is_stored
