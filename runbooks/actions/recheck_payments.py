"""Ask the gateway again about payments that are undecided after a day, and tell what became of each."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from backend.errors import Refused, Unavailable
from backend.payments import service as payments
from backend.payments.rules import answer_of
from backend.payments.types import Attempt, AttemptId, GatewayAnswer
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks.action import Action, ActionParameters, ParameterChoice, Step
from runbooks.context import Planning, Running

ALL = "all"
_PAYMENT = "payments/"


class RecheckParameters(ActionParameters):
    """A payment by its id, or all of them."""

    payment: Annotated[
        str, StringConstraints(pattern=r"^(all|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
    ] = ALL


def _payments(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    found = payments.undecided(planning.actor)
    key = (
        "runbooks.recheck_payments.oldest" if _left(planning, len(found)) else "runbooks.recheck_payments.all"
    )
    words = Words(key=key, values={"payments": len(found)})
    return [
        ParameterChoice(value=ALL, words=words),
        *(ParameterChoice(value=str(each.id), words=_words(each)) for each in found),
    ]


def _plan(planning: Planning, parameters: RecheckParameters) -> Plan:
    found = [each for each in payments.undecided(planning.actor) if parameters.payment in {ALL, str(each.id)}]
    if not found:
        raise Refused(reason="recheck_payments_nothing")
    left = _left(planning, len(found)) if parameters.payment == ALL else 0
    return Plan(
        changes=tuple(
            PlannedChange(
                what=_words(each),
                before=Words(key=f"payment.state.{each.state.value}"),
                after=Words(key="runbooks.side.asked"),
            )
            for each in found
        ),
        versions={f"{_PAYMENT}{each.id}": each.state.value for each in found},
        notes=(Words(key="runbooks.recheck_payments.left", values={"payments": left}),) if left else (),
    )


def _left(planning: Planning, taken: int) -> int:
    """The number of undecided ones beyond those that one run takes."""
    return max(0, payments.health(planning.actor).undecided - taken)


def _ask(running: Running, _parameters: RecheckParameters) -> None:
    """Ask about each payment of the plan. The gateway is only asked, so asking again does no harm."""
    plan = running.run.plan
    assert plan is not None
    asked = running.memory.get("asked")
    done = list(asked) if isinstance(asked, list) else []
    silent = 0
    for name in sorted(plan.versions):
        if name in done:
            continue
        running.check()
        if not _ask_about(running, AttemptId(UUID(name.removeprefix(_PAYMENT)))):
            silent += 1  # not remembered: who goes on asks about it again
            continue
        done.append(name)
        running.remember(asked=done)
    if silent:
        raise Unavailable(service="zibal", reason="recheck_payments_silent", payments=silent)


def _ask_about(running: Running, attempt_id: AttemptId) -> bool:
    """Ask about a payment and tell what became of it; False when the gateway gave no answer."""
    after = payments.recheck_for_run(running.actor, attempt_id, by=running.run.requester)
    values: dict[str, str | int] = {"amount": after.amount_rial, "track": f"{after.track_id}"}
    match answer_of(after):
        case GatewayAnswer.PAID:
            running.changed("runbooks.recheck_payments.paid", **values)
        case GatewayAnswer.UNPAID:
            running.changed("runbooks.recheck_payments.unpaid", **values)
        case GatewayAnswer.UNDECIDED:
            running.log("runbooks.recheck_payments.undecided", **values)
        case GatewayAnswer.NONE:
            running.log("runbooks.recheck_payments.silent", **values)
            return False
    return True


def _words(attempt: Attempt) -> Words:
    return Words(
        key="runbooks.recheck_payments.payment",
        values={"amount": attempt.amount_rial, "at": attempt.begun_at, "track": f"{attempt.track_id}"},
    )


ACTION = Action(
    name="recheck_payments",
    risk=Risk.SAFE,
    parameters=RecheckParameters,
    choices={"payment": _payments},
    targets=lambda _parameters: ("payments",),
    plan=_plan,
    steps=(Step(name="ask", run=_ask),),
    deadline_s=3600,
)
