"""What is known of an incarnation before any counter of it is read."""

from typing import Any

import pytest

from backend.usage.metering.coverage import ObservedTime, Span
from backend.usage.metering.incarnations import Copy, Incarnation, Run, ScrapeHistory, Target, instant_of
from backend.usage.metering.opening_rules import IncarnationKind
from backend.usage.metering.survey import Survey, with_kinds
from backend.usage.types import StoredIncarnation

HOUR_MS = 3_600_000
SPAN = Span(100 * HOUR_MS, 124 * HOUR_MS)


def incarnation_from(start_h: int, *scraped_h: float) -> Incarnation:
    run = Run(start_h * HOUR_MS * 1000, [round(hours * HOUR_MS) for hours in scraped_h])
    return Incarnation("pod:1", run.start_us, [Copy(0, [run])], run.times)


def kind_in_survey(incarnation: Incarnation, **more: Any) -> IncarnationKind:
    given: dict[str, Any] = {"stored": {}, "no_start_before": frozenset(), **more}
    history = ScrapeHistory([Target({"instance": "pod:1"}, incarnation.copies[0].runs)], [incarnation])
    seen = ObservedTime(1000, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)
    survey = Survey(
        span=SPAN,
        lookback_ms=4 * HOUR_MS,
        history=history,
        observations={0: seen},
        previous_day_is_stored=True,
        **given,
    )
    return with_kinds(survey).kinds[0]


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


def survey_of(incarnation: Incarnation, closed_ms: int | None, **more: Any) -> Survey:
    """One incarnation, with readings that were stored at an instant."""
    closing = None if closed_ms is None else StoredIncarnation(instant_of(closed_ms), {})
    key = (incarnation.name, incarnation.started_at)
    given: dict[str, Any] = {"previous_day_is_stored": True, "observations": {}, **more}
    return Survey(
        span=SPAN,
        lookback_ms=4 * HOUR_MS,
        history=ScrapeHistory([Target({"instance": "pod:1"}, incarnation.copies[0].runs)], [incarnation]),
        stored={} if closing is None else {key: closing},
        no_start_before=frozenset(),
        **given,
    )


@pytest.mark.parametrize(
    ("start_ms", "first_h", "is_stored", "kind"),
    [
        pytest.param(SPAN.start_ms, 101, False, IncarnationKind.COLD, id="at midnight, unwatched"),
        pytest.param(SPAN.start_ms + 1, 101, False, IncarnationKind.BORN, id="just after midnight"),
        pytest.param(96 * HOUR_MS, 101, True, IncarnationKind.COLD, id="as long ago as anybody looks"),
        pytest.param(96 * HOUR_MS + 1, 101, True, IncarnationKind.BORN, id="not quite as long ago"),
        pytest.param(99 * HOUR_MS, 99, False, IncarnationKind.WATCHED, id="at the first scrape of anything"),
        pytest.param(99 * HOUR_MS - 1, 99, False, IncarnationKind.KNOWN, id="before the first scrape"),
    ],
)
def test_a_birth_is_ours_to_the_millisecond(
    start_ms: int, first_h: int, *, is_stored: bool, kind: IncarnationKind
) -> None:
    run = Run(start_ms * 1000, [first_h * HOUR_MS, 102 * HOUR_MS])
    incarnation = Incarnation("pod:1", run.start_us, [Copy(0, [run])], run.times)
    seen = ObservedTime(1000, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)

    survey = survey_of(incarnation, None, previous_day_is_stored=is_stored, observations={0: seen})

    assert with_kinds(survey).kinds == {0: kind}


@pytest.mark.parametrize(
    ("scraped_h", "closed_h", "late_h"),
    [
        pytest.param([98, 99, 102], 98, 98, id="a scrape came since"),
        pytest.param([98, 100], 98, 98, id="one at midnight came since"),
        pytest.param([98, 99, 102], 99, None, id="none came since"),
        pytest.param([98, 99, 102], 99.5, None, id="it was stored later than its last scrape"),
        pytest.param([98, 99, 102], 97, 97, id="nothing is known of that instant any more"),
        pytest.param([98, 99, 102], None, None, id="it is not stored"),
        pytest.param([101, 102], 98, None, id="it was not scraped before the window"),
    ],
)
def test_an_incarnation_is_late_since_the_stored_scrape_after_which_more_came(
    scraped_h: list[float], closed_h: float | None, late_h: float | None
) -> None:
    incarnation = incarnation_from(10, *scraped_h)
    closed_ms = None if closed_h is None else round(closed_h * HOUR_MS)

    late_since_ms = survey_of(incarnation, closed_ms).late_since_ms(incarnation)

    assert late_since_ms == (None if late_h is None else round(late_h * HOUR_MS))


def test_scrapes_of_a_target_that_a_wider_selector_brought_are_not_late() -> None:
    known, brought = (
        Run(1, [round(hours * HOUR_MS) for hours in times]) for times in ([97, 98], [97.5, 99.5])
    )
    incarnation = Incarnation(
        "pod:1", 1, [Copy(0, [known]), Copy(1, [brought])], sorted([*known.times, *brought.times])
    )

    assert survey_of(incarnation, 98 * HOUR_MS).late_since_ms(incarnation) is None
    assert survey_of(incarnation, 97 * HOUR_MS).late_since_ms(incarnation) == 97 * HOUR_MS


@pytest.mark.parametrize(
    ("closed_ms", "is_opened_before_lookback"),
    [
        pytest.param(96 * HOUR_MS, False, id="as long ago as anybody looks"),
        pytest.param(96 * HOUR_MS - 1, True, id="longer ago"),
        pytest.param(None, False, id="never"),
    ],
)
def test_an_incarnation_was_away_whose_stored_reading_is_older_than_all_that_is_looked_at(
    closed_ms: int | None, *, is_opened_before_lookback: bool
) -> None:
    incarnation = incarnation_from(10, 102)

    assert (
        survey_of(incarnation, closed_ms).is_opened_before_lookback(incarnation) is is_opened_before_lookback
    )
