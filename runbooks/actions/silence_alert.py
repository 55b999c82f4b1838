"""Silence an alert that fires, or all of its name, until an end; nothing is mended. Undone by ending the silence."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import StringConstraints

from backend.alerts import service as alerts
from backend.alerts.silence_rules import LENGTHS, UNTIL_MORNING, end_of_length
from backend.alerts.types import NewSilence, SilencePreview
from backend.errors import Conflict, Refused
from backend.runbooks.types import Plan, PlannedChange, Risk, RunbookRun, Words
from runbooks.action import Action, ActionParameters, ParameterChoice, Step, Undo
from runbooks.context import Planning, Running

MOST_NAMED = 20
_SPANS = {
    "30m": "runbooks.silence_alert.for_30m",
    "1h": "runbooks.silence_alert.for_1h",
    "2h": "runbooks.silence_alert.for_2h",
    "4h": "runbooks.silence_alert.for_4h",
    "8h": "runbooks.silence_alert.for_8h",
    "1d": "runbooks.silence_alert.for_1d",
    "3d": "runbooks.silence_alert.for_3d",
    "7d": "runbooks.silence_alert.for_7d",
    UNTIL_MORNING: "runbooks.silence_alert.until_morning",
}
_SCOPES = {
    "alert": "runbooks.silence_alert.only_it",
    "name": "runbooks.silence_alert.all_of_name",
}


class SilenceParameters(ActionParameters):
    """An alert by its fingerprint, how widely and how long it is silenced, and why."""

    alert: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    scope: Literal["alert", "name"] = "alert"
    length: Literal["30m", "1h", "2h", "4h", "8h", "1d", "3d", "7d", "morning"] = "1h"
    reason: Annotated[str, StringConstraints(min_length=3, max_length=200)]


def _alerts(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    return [
        ParameterChoice(
            value=each.fingerprint,
            words=Words(
                key="runbooks.silence_alert.alert",
                values={"alert": each.name, "service": each.service, "at": each.started_at},
            ),
        )
        for each in alerts.can_be_silenced(planning.actor)
    ]


def _worded(words: Mapping[str, str]) -> Sequence[ParameterChoice]:
    return [ParameterChoice(value=value, words=Words(key=key)) for value, key in words.items()]


def _plan(planning: Planning, parameters: SilenceParameters) -> Plan:
    matchers = alerts.matchers_of(planning.actor, parameters.alert, is_wide=parameters.scope == "name")
    ends_at = end_of_length(parameters.length, planning.now)
    preview = alerts.preview_for_run(planning.actor, matchers, ends_at)
    if preview.equal is not None:
        raise Conflict(reason="silence_exists")
    return Plan(
        changes=tuple(
            PlannedChange(what=Words(key="runbooks.silence_alert.matcher"), before="", after=str(each))
            for each in matchers
        ),
        notes=(
            Words(key="runbooks.silence_alert.ends", values={"at": preview.ends_at}),
            Words(key="runbooks.silence_alert.covers", values={"alerts": len(preview.alerts)}),
            *_covered(preview),
        ),
    )


def _covered(preview: SilencePreview) -> tuple[Words, ...]:
    """The first alerts that it would cover. Which they are binds nothing: others may begin to fire at any time."""
    return tuple(
        Words(
            key="runbooks.silence_alert.covered",
            values={
                "alert": each.labels.get("alertname", ""),
                "labels": ", ".join(
                    f"{name}={value}" for name, value in sorted(each.labels.items()) if name != "alertname"
                ),
            },
        )
        for each in preview.alerts[:MOST_NAMED]
    )


def _silence(running: Running, parameters: SilenceParameters) -> None:
    matchers = alerts.matchers_of(running.actor, parameters.alert, is_wide=parameters.scope == "name")
    wanted = NewSilence(
        matchers="\n".join(map(str, matchers)),
        ends_at=end_of_length(parameters.length, running.now()),
        reason=parameters.reason,
    )
    made = alerts.silence_for_run(running.actor, wanted, by=running.run.requester)
    running.remember(silence=made.id)
    running.changed("runbooks.silence_alert.silenced", at=made.ends_at)


def _plan_undo(planning: Planning, _parameters: SilenceParameters, done: RunbookRun) -> Plan:
    silence_id = str(done.memory["silence"])
    if not alerts.is_live(planning.actor, silence_id):
        raise Refused(reason="silence_alert_over")
    what = Words(key="runbooks.silence_alert.silence")
    return Plan(
        changes=(
            PlannedChange(
                what=what,
                before=Words(key="alerts.silence_state.active"),
                after=Words(key="alerts.silence_state.expired"),
            ),
        )
    )


def _end(running: Running, _parameters: SilenceParameters) -> None:
    assert running.undone is not None
    alerts.end_for_run(running.actor, str(running.undone.memory["silence"]))
    running.changed("runbooks.silence_alert.ended")


ACTION = Action(
    name="silence_alert",
    risk=Risk.SAFE,
    parameters=SilenceParameters,
    choices={
        "alert": _alerts,
        "scope": lambda _planning, _given: _worded(_SCOPES),
        "length": lambda _planning, _given: _worded(_SPANS),
    },
    targets=lambda parameters: (f"alert:{parameters.alert}",),
    plan=_plan,
    steps=(Step(name="silence", run=_silence),),
    undo=Undo(
        plan=_plan_undo, steps=(Step(name="end", run=_end),), holds=max(LENGTHS.values()) + timedelta(days=1)
    ),
    deadline_s=60,
)
