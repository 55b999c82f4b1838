"""A silence is seen before it is made, has a reason, an end and a name, and its whole history is kept."""

from datetime import datetime, timedelta

import httpx
import pytest

from backend import clock
from backend.actor import Role
from backend.alerts import service as alerts
from backend.alerts.types import HistoryQuery, KnownSilence, NewSilence, SilenceChangeKind, SilenceState
from backend.audit import service as audit
from backend.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from tests import factories
from tests.integration.alerts.conftest import HOSTILE, World
from tests.waiting import until

OPERATOR = factories.actor(Role.OPERATOR)
AUDITOR = factories.actor(Role.AUDITOR)


def in_hours(hours: float) -> datetime:
    return clock.utc_now() + timedelta(hours=hours)


def wanted(matchers: str, reason: str = "a planned restart", hours: float = 2) -> NewSilence:
    return NewSilence(matchers=matchers, ends_at=in_hours(hours), reason=reason)


def known(silence_id: str) -> KnownSilence:
    [found] = [each for each in alerts.silences(AUDITOR) if each.silence.id == silence_id]
    return found


def live() -> list[str]:
    """The silences that hold; Alertmanager remembers those of other tests that have ended."""
    return [
        each.silence.id for each in alerts.silences(AUDITOR) if each.silence.state != SilenceState.EXPIRED
    ]


def test_a_preview_shows_what_would_be_silenced_and_changes_nothing(world: World) -> None:
    world.fire("HighLatency", service="api")
    world.fire("HighLatency", service="worker")
    world.fire("Other", service="api")

    found = alerts.preview_silence(OPERATOR, wanted('alertname="HighLatency"\nservice=~"api|web"'))

    assert [alert.labels["service"] for alert in found.alerts] == ["api"]
    assert found.equal is None
    assert live() == []


def test_a_silence_from_its_first_to_its_last_minute(world: World) -> None:
    world.fire("HighLatency", service="api")
    world.reconcile()

    made = alerts.create_silence(OPERATOR, wanted('alertname="HighLatency"'))
    until(lambda: world.reconcile() and alerts.board(AUDITOR).muted == 1)
    assert known(made.id).muting == 1

    later = in_hours(5)
    longer = alerts.change_silence_end(OPERATOR, made.id, later, "it takes longer")
    assert (longer.id, longer.comment) == (made.id, "it takes longer")
    assert abs(longer.ends_at - later) < timedelta(seconds=1)

    alerts.end_silence(OPERATOR, made.id)
    until(lambda: world.reconcile() and alerts.board(AUDITOR).muted == 0)
    alerts.end_silence(OPERATOR, made.id)

    ended = known(made.id)
    assert ended.silence.state == SilenceState.EXPIRED
    assert [(change.kind, change.actor, change.comment) for change in ended.changes] == [
        (SilenceChangeKind.ENDED, OPERATOR.label, ""),
        (SilenceChangeKind.EXTENDED, OPERATOR.label, "it takes longer"),
        (SilenceChangeKind.CREATED, OPERATOR.label, "a planned restart"),
    ]
    actions = [entry.event.action for entry in audit.entries(AUDITOR, f"silence:{made.id}")]
    assert actions == ["silence.ended", "silence.extended", "silence.created"]
    assert alerts.history(AUDITOR, HistoryQuery(), limit=1).rows[0].firing.was_silenced


def test_an_equal_silence_is_shown_instead_of_made_twice(world: World) -> None:
    made = alerts.create_silence(OPERATOR, wanted('a="1"\nb="2"'))

    found = alerts.preview_silence(OPERATOR, wanted('b="2"\na="1"'))

    assert found.equal is not None
    assert found.equal.id == made.id
    with pytest.raises(Conflict):
        alerts.create_silence(OPERATOR, wanted('b="2"\na="1"'))
    assert live() == [made.id]


def test_hostile_labels_are_silenced_exactly(world: World) -> None:
    world.fire("Strange", pod=HOSTILE)
    world.fire("Strange", pod="other")
    world.reconcile()
    [hostile] = [
        alert
        for group in alerts.board(AUDITOR).groups
        for alert in group.alerts
        if alert.labels["pod"] == HOSTILE
    ]

    proposed = alerts.proposed_matchers(OPERATOR, hostile.fingerprint)
    found = alerts.preview_silence(OPERATOR, wanted(proposed))

    assert [alert.fingerprint for alert in found.alerts] == [hostile.fingerprint]


def test_what_others_do_in_alertmanager_is_history_too(world: World) -> None:
    body = {
        "matchers": [{"name": "a", "value": "1", "isRegex": False}],
        "startsAt": clock.utc_now().isoformat(),
        "endsAt": in_hours(1).isoformat(),
        "createdBy": "amtool",
        "comment": "",
    }
    told = httpx.post(f"{world.servers[0].url}/api/v2/silences", json=body).raise_for_status().json()
    world.reconcile()
    httpx.delete(f"{world.servers[0].url}/api/v2/silence/{told['silenceID']}").raise_for_status()
    world.reconcile()

    assert [(change.kind, change.actor) for change in known(told["silenceID"]).changes] == [
        (SilenceChangeKind.ENDED, "amtool"),
        (SilenceChangeKind.CREATED, "amtool"),
    ]


def test_one_dead_alertmanager_stops_no_silence_and_two_do(world: World) -> None:
    world.servers[0].stop()
    made = alerts.create_silence(OPERATOR, wanted('a="1"'))
    world.servers[1].stop()

    with pytest.raises(Unavailable):
        alerts.end_silence(OPERATOR, made.id)
    with pytest.raises(Unavailable):
        alerts.preview_silence(OPERATOR, wanted('a="1"'))
    assert live() == [made.id]


def test_a_silence_that_alertmanager_forgot_is_made_again_or_gone(world: World) -> None:
    made = alerts.create_silence(OPERATOR, wanted('a="1"'))
    world.forget_everything()

    again = alerts.change_silence_end(OPERATOR, made.id, in_hours(3), "again")
    assert again.id != made.id

    world.forget_everything()
    alerts.end_silence(OPERATOR, again.id)
    assert known(again.id).silence.state == SilenceState.EXPIRED


def test_what_mutes_something_and_ends_within_the_hour_is_named_before(world: World) -> None:
    world.fire("HighLatency", service="api")
    alerts.create_silence(OPERATOR, wanted('alertname="HighLatency"', hours=0.5))
    alerts.create_silence(OPERATOR, wanted('alertname="Nothing"', hours=0.5))
    until(lambda: world.reconcile() and alerts.board(AUDITOR).muted == 1)

    [soon] = alerts.ending_soon(AUDITOR)

    assert str(soon.silence.matchers[0]) == 'alertname="HighLatency"'
    assert soon.muting == 1

    longer = alerts.create_silence(OPERATOR, wanted('service="api"', hours=2))
    until(
        lambda: (
            world.reconcile() and longer.id in alerts.board(AUDITOR).groups[0].alerts[0].muting.silenced_by
        )
    )
    assert alerts.ending_soon(AUDITOR) == []


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        pytest.param(wanted(""), "no_matcher", id="no matcher"),
        pytest.param(wanted('a=~".*"'), "matches_all", id="fits everything"),
        pytest.param(wanted('a=~"("'), "matcher", id="a broken expression"),
        pytest.param(wanted('a="1"', hours=-1), "silence_end", id="an end that is past"),
        pytest.param(wanted('a="1"', hours=24 * 91), "silence_end", id="an end that is far"),
        pytest.param(wanted('a="1"', reason=" "), "reason", id="no reason"),
        pytest.param(wanted('a=~"(?P<x>a)(?P=x)"'), "alertmanager_refuses", id="another dialect"),
    ],
)
def test_what_alertmanager_would_take_and_regret_is_refused(
    world: World, new: NewSilence, reason: str
) -> None:
    for ask in (alerts.preview_silence, alerts.create_silence):
        with pytest.raises(Invalid) as refused:
            ask(OPERATOR, new)
        assert refused.value.data["reason"] == reason
    assert live() == []


def test_only_operators_silence(world: World) -> None:
    new = wanted('a="1"')
    for actor in (AUDITOR, factories.actor(Role.TENANT_ADMIN)):
        for ask in (
            lambda actor=actor: alerts.preview_silence(actor, new),
            lambda actor=actor: alerts.create_silence(actor, new),
            lambda actor=actor: alerts.change_silence_end(actor, "x", in_hours(1), "why"),
            lambda actor=actor: alerts.end_silence(actor, "x"),
            lambda actor=actor: alerts.proposed_matchers(actor, "x"),
        ):
            with pytest.raises(Forbidden):
                ask()
    with pytest.raises(Forbidden):
        alerts.silences(factories.actor(Role.TENANT_ADMIN))
    with pytest.raises(NotFound):
        alerts.end_silence(OPERATOR, "none\0such")
