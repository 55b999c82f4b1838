"""Several Alertmanagers are one view, and a difference from the last look is exactly one event."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.alerts import rules
from backend.alerts.types import (
    AlertEventKind,
    AlertSource,
    FiringId,
    Muting,
    Observation,
    OpenFiring,
    Resolution,
    SeenAlert,
    Severity,
    Silence,
    SilenceChangeKind,
    SilenceState,
    SourceAnswer,
    SourceKind,
)
from tests.unit.alerts.firings import START

NOW = START + timedelta(minutes=10)
LAST_LOOK = NOW - timedelta(seconds=30)
SILENCED = Muting(silenced_by=("s1",))
INHIBITED = Muting(inhibited_by=("f9",))


def seen(fingerprint: str = "f1", **changed: Any) -> SeenAlert:
    told = {
        "labels": {"alertname": "A"},
        "started_at": START,
        "ends_at": NOW + timedelta(minutes=4),
        **changed,
    }
    return SeenAlert(fingerprint=fingerprint, **told)


def stored(fingerprint: str = "f1", **changed: Any) -> OpenFiring:
    alert = seen(fingerprint, **changed)
    return OpenFiring(
        id=FiringId(1),
        fingerprint=fingerprint,
        started_at=alert.started_at,
        ends_at=alert.ends_at,
        annotations=alert.annotations,
        muting=alert.muting,
    )


def changes(before: list[OpenFiring], after: list[SeenAlert], **how: Any) -> Any:
    told = {"last_look": LAST_LOOK, "now": NOW, "was_unwatched": False, "proves_absence": True, **how}
    return rules.changes(before, after, **told)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({"severity": "critical"}, Severity.CRITICAL, id="critical"),
        pytest.param({"severity": "Page"}, Severity.CRITICAL, id="page"),
        pytest.param({"severity": "warning"}, Severity.WARNING, id="warning"),
        pytest.param({"severity": "none"}, Severity.INFO, id="none"),
        pytest.param({"severity": "purple"}, Severity.WARNING, id="a word that nobody knows"),
        pytest.param({}, Severity.WARNING, id="no word"),
    ],
)
def test_severity_is_read_from_its_label(labels: dict[str, str], expected: Severity) -> None:
    assert rules.severity_of(labels) == expected


def test_an_alert_that_one_alertmanager_still_sends_is_not_muted() -> None:
    heard, muted = seen(), seen(muting=SILENCED)

    assert rules.merged([[heard], [muted]])[0].muting == Muting()
    assert rules.merged([[muted], [heard]])[0].muting == Muting()
    assert rules.merged([[muted], [seen(muting=INHIBITED)]])[0].muting == Muting(
        silenced_by=("s1",), inhibited_by=("f9",)
    )


def test_of_two_views_the_earliest_start_and_the_latest_end_hold() -> None:
    older = seen(started_at=START - timedelta(minutes=1), ends_at=NOW)
    newer = seen(annotations={"summary": "newer"})

    [one] = rules.merged([[older], [newer]])

    assert (one.started_at, one.ends_at, one.annotations) == (
        older.started_at, newer.ends_at, {"summary": "newer"},
    )  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(["f1", "f2", "f3"]), max_size=4), max_size=3))
def test_merging_loses_no_alert_and_doubles_none(views: list[list[str]]) -> None:
    found = rules.merged([[seen(name) for name in view] for view in views])

    assert [alert.fingerprint for alert in found] == sorted({name for view in views for name in view})


def test_nothing_changes_where_nothing_changed() -> None:
    found = changes([stored()], [seen()])

    assert (found.opened, found.changed, found.ended, found.is_news) == ((), (), (), False)


def test_a_longer_life_is_stored_and_is_no_news() -> None:
    found = changes([stored()], [seen(ends_at=NOW + timedelta(minutes=5))])

    assert [change.event for change in found.changed] == [None]
    assert not found.is_news


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param({}, Resolution.CONDITION, id="said to be over"),
        pytest.param({"was_unwatched": True}, Resolution.UNSEEN, id="nobody looked"),
    ],
)
def test_an_alert_that_is_gone_has_ended(how: dict[str, bool], expected: Resolution) -> None:
    [ended] = changes([stored()], [], **how).ended

    assert (ended.resolved_at, ended.resolution) == (NOW, expected)


def test_an_alert_that_nobody_repeated_is_not_called_over() -> None:
    [ended] = changes([stored(ends_at=NOW)], []).ended

    assert ended.resolution == Resolution.SILENT


def test_an_alertmanager_that_has_just_started_proves_no_end() -> None:
    found = changes([stored()], [], proves_absence=False)

    assert (found.ended, found.opened) == ((), ())


def test_a_flap_between_two_looks_is_an_end_and_a_beginning() -> None:
    again = seen(started_at=LAST_LOOK + timedelta(seconds=10))

    found = changes([stored()], [again])

    assert [(end.resolved_at, end.resolution) for end in found.ended] == [
        (again.started_at, Resolution.CONDITION)
    ]
    assert found.opened == (again,)


def test_another_start_that_was_known_at_the_last_look_is_the_same_firing() -> None:
    found = changes([stored()], [seen(started_at=START + timedelta(minutes=1))])

    assert (found.ended, found.opened) == ((), ())


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(Muting(), SILENCED, AlertEventKind.SILENCED, id="silenced"),
        pytest.param(Muting(), INHIBITED, AlertEventKind.INHIBITED, id="inhibited"),
        pytest.param(SILENCED, INHIBITED, AlertEventKind.INHIBITED, id="inhibited instead"),
        pytest.param(Muting(), Muting(muted_by=("nights",)), AlertEventKind.MUTED, id="a quiet time"),
        pytest.param(SILENCED, Muting(), AlertEventKind.UNMUTED, id="heard again"),
        pytest.param(SILENCED, SILENCED, None, id="the same"),
    ],
)
def test_a_change_of_muting_is_one_event(
    before: Muting, after: Muting, expected: AlertEventKind | None
) -> None:
    assert rules.muting_event(before, after) == expected


def test_a_gap_is_what_lies_between_two_looks_that_are_far_apart() -> None:
    last = Observation(since=START, until=NOW - timedelta(seconds=121))

    assert rules.gap_before(last, NOW) == Observation(since=last.until, until=NOW)
    assert rules.gap_before(replace(last, until=NOW - timedelta(seconds=120)), NOW) is None
    assert rules.gap_before(None, NOW) is None


def test_a_failure_keeps_its_beginning_and_an_answer_ends_it() -> None:
    failed = SourceAnswer(name="a", kind=SourceKind.ALERTMANAGER, cause="timeout")
    [first] = rules.sources_after([], [failed], START)
    [second] = rules.sources_after([first], [failed], NOW)
    [third] = rules.sources_after([second], [replace(failed, cause="")], NOW)

    assert (second.failing_since, second.asked_at, second.answered_at) == (START, NOW, None)
    assert (third.failing_since, third.answered_at) == (None, NOW)
    assert not rules.is_source_news([first], [second])
    assert rules.is_source_news([second], [third])


@pytest.mark.parametrize(
    ("kind", "minutes", "expected"),
    [
        pytest.param(SourceKind.WATCHDOG, 4, False, id="a Watchdog that is late"),
        pytest.param(SourceKind.WATCHDOG, 5, True, id="a Watchdog that is missing"),
        pytest.param(SourceKind.ALERTMANAGER, 0, True, id="an Alertmanager that does not answer"),
        pytest.param(SourceKind.PROMETHEUS, 0, True, id="a Prometheus that does not answer"),
    ],
)
def test_who_is_away_is_an_alarm(kind: SourceKind, minutes: int, *, expected: bool) -> None:
    source = AlertSource(
        name="a", kind=kind, asked_at=NOW, answered_at=None, failing_since=NOW - timedelta(minutes=minutes), cause="x"
    )  # fmt: skip

    assert rules.is_overdue(source, NOW) == expected
    assert not rules.is_overdue(replace(source, failing_since=None), NOW)


SILENCE = Silence(
    id="s1", matchers=(), starts_at=START, ends_at=NOW, updated_at=START, created_by="reza", comment="a",
    state=SilenceState.ACTIVE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        pytest.param({"ends_at": NOW + timedelta(hours=1)}, SilenceChangeKind.EXTENDED, id="extended"),
        pytest.param({"ends_at": NOW - timedelta(minutes=1)}, SilenceChangeKind.SHORTENED, id="shortened"),
        pytest.param({"comment": "b"}, SilenceChangeKind.REPLACED, id="another comment"),
        pytest.param({"state": SilenceState.EXPIRED}, SilenceChangeKind.EXPIRED, id="its time is over"),
        pytest.param(
            {"state": SilenceState.EXPIRED, "ends_at": NOW - timedelta(minutes=1)}, SilenceChangeKind.ENDED,
            id="ended early",
        ),
    ],
)  # fmt: skip
def test_what_others_do_to_a_silence_is_known(changed: dict[str, Any], kind: SilenceChangeKind) -> None:
    different, found = rules.silence_changes([SILENCE], [replace(SILENCE, **changed)], NOW)

    assert len(different) == 1
    assert [change.kind for change in found] == [kind]


@pytest.mark.parametrize(
    "newer",
    [
        pytest.param(
            {"updated_at": START + timedelta(seconds=5), "ends_at": NOW - timedelta(minutes=1)}, id="ended"
        ),
        pytest.param({"state": SilenceState.EXPIRED}, id="its time is over"),
    ],
)
def test_a_silence_that_is_shown_as_it_was_earlier_is_no_change(newer: dict[str, Any]) -> None:
    assert rules.silence_changes([replace(SILENCE, **newer)], [SILENCE], NOW) == ([], [])


def test_a_silence_that_is_as_it_was_is_no_change() -> None:
    assert rules.silence_changes([SILENCE], [SILENCE], NOW) == ([], [])
    _, [created] = rules.silence_changes([], [SILENCE], NOW)
    assert (created.kind, created.actor, created.comment) == (SilenceChangeKind.CREATED, "reza", "a")
