"""Bill days that are open: exactly the invoices of the plan, or none. Issued invoices cannot be taken back."""

from collections.abc import Mapping, Sequence
from datetime import date

from backend.errors import Refused, Unavailable
from backend.invoices import service as invoices
from backend.invoices.types import DayPlan, RunState
from backend.money import toman
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks.action import Action, ActionParameters, ParameterChoice, Step
from runbooks.context import Planning, Running

_DAY = "billing/day/"
_WAITED = "billing/waited/"


class BillingParameters(ActionParameters):
    """A day, or none for every open day of the automatic window."""

    day: date | None = None


def _days(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    actor = planning.actor
    days = {*invoices.open_days(actor), *invoices.overdue_days(actor), *invoices.priced_days(actor)}
    return [
        ParameterChoice(
            value=each.isoformat(), words=Words(key="runbooks.run_billing.day", values={"day": each})
        )
        for each in sorted(days, reverse=True)
    ]


def _plan(planning: Planning, parameters: BillingParameters) -> Plan:
    days = invoices.plan(planning.actor, parameters.day).days
    possible = [each for each in days if each.error is None]
    if not days:
        raise Refused(reason="run_billing_nothing")
    if not possible:
        raise Unavailable(service="prometheus", reason="no_processes")
    return Plan(
        changes=tuple(change for each in possible for change in _changes(each)),
        versions={
            f"{_WAITED if each.has_waited else _DAY}{each.day.isoformat()}": each.plan_hash
            for each in possible
        },
        notes=(
            Words(key="runbooks.run_billing.no_undo"),
            *(
                Words(key="runbooks.run_billing.ends_before", values={"day": each.day})
                for each in days
                if each.error
            ),
            *(
                Words(key="runbooks.run_billing.not_scanned", values={"day": each.day})
                for each in possible
                if not each.is_scanned
            ),
            *(note for each in possible for note in _unknown(each)),
        ),
        commands=("python -m jobs run nightly_billing",),
    )


def _changes(planned: DayPlan) -> tuple[PlannedChange, ...]:
    amount = f"{toman(planned.amount_rial):,.1f}".removesuffix(".0")
    whose = "runbooks.run_billing.waited_invoices" if planned.has_waited else "runbooks.run_billing.invoices"
    issued = (
        _change(whose, planned, f"{planned.tenants}"),
        _change("runbooks.run_billing.toman", planned, amount),
    )
    return (
        (*issued, _change("runbooks.run_billing.held", planned, f"{planned.held}"))
        if planned.held
        else issued
    )


def _change(key: str, planned: DayPlan, after: str) -> PlannedChange:
    return PlannedChange(what=Words(key=key, values={"day": planned.day}), before="0", after=after)


def _unknown(planned: DayPlan) -> tuple[Words, ...]:
    if not planned.unknown_labels:
        return ()
    labels = ", ".join(planned.unknown_labels)
    return (Words(key="runbooks.run_billing.unknown_labels", values={"day": planned.day, "labels": labels}),)


def _bill(running: Running, _parameters: BillingParameters) -> None:
    """Bill the days of the plan, the oldest first. A day is stored whole or not at all, so repeating does no harm."""
    planned = _planned(running, _DAY)
    for number, day in enumerate(sorted(planned), 1):
        running.check()
        running.log("runbooks.run_billing.bills", day=day, number=number, days=len(planned))
        _bill_day(running, day, planned[day])


def _bill_day(running: Running, day: date, plan_hash: str) -> None:
    by = running.run.requester.partition(":")[2]
    billed = invoices.bill_planned_day(running.actor, day, plan_hash, started_by=by)
    if billed is None:
        running.log("runbooks.run_billing.was_billed", day=day)
        return
    if billed.state is RunState.FAILED:
        raise Refused(reason="run_billing_failed", day=day)
    running.changed("runbooks.run_billing.billed", day=day, issued=billed.issued, held=billed.held)


def _release(running: Running, _parameters: BillingParameters) -> None:
    """Issue what waited for prices, the oldest day first; repeating does no harm, as with days that are billed."""
    planned = _planned(running, _WAITED)
    for day in sorted(planned):
        running.check()
        by = running.run.requester.partition(":")[2]
        released = invoices.release_planned_day(running.actor, day, planned[day], started_by=by)
        if released is None:
            running.log("runbooks.run_billing.was_released", day=day)
        else:
            running.changed(
                "runbooks.run_billing.released", day=day, issued=released.issued, held=released.held
            )


def _planned(running: Running, kind: str) -> dict[date, str]:
    """The days of one kind in the plan, and the hash of what was seen of each."""
    plan = running.run.plan
    assert plan is not None
    return {
        date.fromisoformat(name.removeprefix(kind)): plan_hash
        for name, plan_hash in plan.versions.items()
        if name.startswith(kind)
    }


ACTION = Action(
    name="run_billing",
    risk=Risk.DISRUPTIVE,
    parameters=BillingParameters,
    choices={"day": _days},
    targets=lambda _parameters: ("billing",),
    plan=_plan,
    steps=(Step(name="bill", run=_bill), Step(name="release", run=_release)),
    deadline_s=3600,
)
