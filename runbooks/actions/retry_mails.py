"""Send mails after all that were given up, and look whether they went out."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import StringConstraints

from backend.errors import NotFound, Refused
from backend.notifications import service as notifications
from backend.notifications.types import GivenUpMail
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks.action import Action, ActionParameters, ParameterChoice, Step
from runbooks.context import Planning, Running

ALL = "all"
MOST = 500
# The sending job looks every five seconds.
WATCH_S = 30
_MAIL = "mails/"


class RetryParameters(ActionParameters):
    """A mail by its key, or all of them."""

    mail: Annotated[str, StringConstraints(min_length=1, max_length=200)] = ALL


def _mails(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    found = notifications.given_up(planning.actor, MOST)
    key = "runbooks.retry_mails.newest" if _left(planning, len(found)) else "runbooks.retry_mails.all"
    return [
        ParameterChoice(value=ALL, words=Words(key=key, values={"mails": len(found)})),
        *(ParameterChoice(value=each.key, words=_words(each)) for each in found),
    ]


def _plan(planning: Planning, parameters: RetryParameters) -> Plan:
    found = [
        each for each in notifications.given_up(planning.actor, MOST) if parameters.mail in {ALL, each.key}
    ]
    if not found:
        raise Refused(reason="retry_mails_nothing")
    is_all = parameters.mail == ALL
    left = _left(planning, len(found)) if is_all else 0
    which = "--all" if is_all else shlex.quote(parameters.mail)
    return Plan(
        changes=tuple(
            PlannedChange(
                what=_words(each),
                before=Words(key="runbooks.side.given_up"),
                after=Words(key="runbooks.side.waiting"),
            )
            for each in found
        ),
        versions={f"{_MAIL}{each.key}": each.given_up_at.isoformat() for each in found},
        notes=(
            Words(key="runbooks.retry_mails.no_undo"),
            *([Words(key="runbooks.retry_mails.left", values={"mails": left})] if left else []),
            *(
                Words(key="runbooks.retry_mails.reply", values={"reply": reply})
                for reply in sorted({each.last_error for each in found})[:5]
            ),
        ),
        # No command takes just a part of them.
        commands=() if left else (f"python -m backend.notifications retry {which}",),
    )


def _left(planning: Planning, taken: int) -> int:
    """The number of given-up mails beyond those that one run takes."""
    return max(0, notifications.state(planning.actor).given_up - taken)


def _retry(running: Running, _parameters: RetryParameters) -> None:
    """Put each mail of the plan back into the outbox. One that waits already is left as it is."""
    for key in _keys(running):
        running.check()
        try:
            notifications.retry(running.actor, key)
        except NotFound:
            running.log("runbooks.retry_mails.was_retried", mail=key)
    waiting = notifications.counts(running.actor, _keys(running)).waiting
    running.changed("runbooks.retry_mails.waiting", mails=waiting)


def _watch(running: Running, _parameters: RetryParameters) -> None:
    """Look what becomes of the mails, until none waits or for half a minute."""
    keys = _keys(running)
    for _ in range(WATCH_S):
        if not notifications.counts(running.actor, keys).waiting:
            break
        running.wait(1.0)
    found = notifications.counts(running.actor, keys)
    running.changed(
        "runbooks.retry_mails.became", sent=found.sent, waiting=found.waiting, given_up=found.given_up
    )


def _keys(running: Running) -> list[str]:
    plan = running.run.plan
    assert plan is not None
    return [name.removeprefix(_MAIL) for name in plan.versions]


def _words(mail: GivenUpMail) -> Words:
    return Words(
        key="runbooks.retry_mails.mail",
        values={"recipient": mail.recipient, "mail": mail.key, "at": mail.given_up_at},
    )


ACTION = Action(
    name="retry_mails",
    risk=Risk.SAFE,
    parameters=RetryParameters,
    choices={"mail": _mails},
    targets=lambda _parameters: ("mail",),
    plan=_plan,
    steps=(Step(name="retry", run=_retry), Step(name="watch", run=_watch)),
    deadline_s=300,
)
