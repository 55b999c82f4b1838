"""What is known of an incarnation before any counter of it is read."""

from typing import Any

import pytest

from backend.usage.metering.coverage import Seen, Span
from backend.usage.metering.incarnations import Copy, Incarnation, Run, ScrapeHistory, Target, instant_of
from backend.usage.metering.opening_rules import IncarnationKind
from backend.usage.metering.survey import Survey, classified
from backend.usage.types import StoredIncarnation

HOUR_MS = 3_600_000
SPAN = Span(100 * HOUR_MS, 124 * HOUR_MS)


def incarnation_from(start_h: int, *scraped_h: float) -> Incarnation:
    run = Run(start_h * HOUR_MS * 1000, [round(hours * HOUR_MS) for hours in scraped_h])
    return Incarnation("pod:1", run.start_us, [Copy(0, [run])], run.times)


def kind_in_survey(incarnation: Incarnation, **more: Any) -> IncarnationKind:
    given: dict[str, Any] = {"stored": {}, "no_start_before": frozenset(), **more}
    history = ScrapeHistory([Target({"instance": "pod:1"}, incarnation.copies[0].runs)], [incarnation])
    seen = Seen(1000, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)
    survey = Survey(
        span=SPAN,
        lookback_ms=4 * HOUR_MS,
        history=history,
        seen={0: seen},
        previous_day_is_stored=True,
        **given,
    )
    return classified(survey).kinds[0]


@pytest.mark.parametrize(
    ("start_h", "told_no_start", "kind"),
    [
        pytest.param(101, False, IncarnationKind.BORN, id="in the window"),
        pytest.param(
            101, True, IncarnationKind.BORN, id="in the window, at an address without a start time before"
        ),
        pytest.param(
            99, False, IncarnationKind.BORN, id="shortly before, and the stored day does not know it"
        ),
        pytest.param(
            99, True, IncarnationKind.COLD, id="shortly before, and the stored day counted it without a start"
        ),
        pytest.param(96, False, IncarnationKind.COLD, id="as long ago as anybody looks"),
    ],
)
def test_an_incarnation_is_ours_from_its_birth_where_no_stored_day_counted_it(
    start_h: int, told_no_start: bool, kind: IncarnationKind
) -> None:
    before = frozenset({"pod:1"} if told_no_start else ())

    assert kind_in_survey(incarnation_from(start_h, 102), no_start_before=before) is kind


@pytest.mark.parametrize(
    ("is_stored", "kind"), [(True, IncarnationKind.WATCHED), (False, IncarnationKind.OVERLOOKED)]
)
def test_an_incarnation_from_before_the_window_is_overlooked_only_where_the_stored_day_does_not_know_it(
    is_stored: bool, kind: IncarnationKind
) -> None:
    incarnation = incarnation_from(99, 99.5, 102)
    closing = StoredIncarnation(instant_of(SPAN.start_ms), {("acme", "gpt-4o", "prompt"): 5})
    stored = {(incarnation.name, incarnation.started_at): closing} if is_stored else {}

    assert kind_in_survey(incarnation, stored=stored) is kind
