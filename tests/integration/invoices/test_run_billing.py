"""The runbook that bills: exactly the plan, or nothing; killed anywhere, no invoice twice and none missing."""

import signal
from dataclasses import replace

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.errors import Invalid
from backend.i18n import format as fmt
from backend.invoices import service as invoices
from backend.invoices.types import BillingRun, RunState
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from backend.runbooks.words_rules import said
from runbooks import asking_service, engine
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import Past
from tests.integration.invoices.rows import counts
from tests.integration.invoices.test_model_prices import list_from
from tests.integration.runbooks.conftest import confirmed, ended, planned, wish
from tests.integration.runbooks.killing import died_at, gone_on, killed, refusal, result

NIGHT = Actor.process_named("nightly_billing")


@pytest.fixture
def operator(measured: Past) -> Actor:
    """An operator; one company that used tokens on the last two days."""
    factories.tenant("alpha", billed_from=measured.day_before_yesterday)
    return factories.user(Role.OPERATOR).actor


def test_the_invoices_of_the_plan_are_issued_in_the_name_of_who_confirmed_it(
    operator: Actor, measured: Past
) -> None:
    run = planned(operator, wish("run_billing"))
    assert run.plan is not None
    told = [said(each.what, "en") for each in run.plan.changes]
    assert len(told) == 4
    assert "Amount of" in told[1]
    assert [each.after for each in run.plan.changes][::2] == ["1", "1"]

    runs.confirm(operator, run.id, run.plan_hash)
    assert engine.work_on(run.id) is RunStage.SUCCEEDED

    billed = invoices.runs(operator)
    assert [each.day for each in billed] == [measured.yesterday, measured.day_before_yesterday]
    assert {each.started_by for each in billed} == {operator.name}
    amounts = [f"{each.amount_rial / 10:,.1f}".removesuffix(".0") for each in billed]
    assert [each.after for each in run.plan.changes][1::2] == amounts[::-1]
    assert result(runs.run(operator, run.id)) == ["runbooks.run_billing.billed"] * 2


def test_a_day_can_be_chosen_and_others_stay_open(operator: Actor, measured: Past) -> None:
    day = measured.yesterday
    form = asking_service.form(operator, "run_billing", {"day": day.isoformat()})
    assert [each.value for each in form.fields[0].choices] == [
        day.isoformat(),
        measured.day_before_yesterday.isoformat(),
    ]

    run = ended(operator, wish("run_billing", {"day": day.isoformat()}), typed="")

    assert run.state is RunStage.SUCCEEDED
    assert [each.day for each in invoices.runs(operator)] == [day]


@pytest.mark.parametrize("day", ["2020-01-01", "tomorrow", "9999-99-99"])
def test_a_day_that_is_not_offered_is_refused_at_once(operator: Actor, day: str) -> None:
    with pytest.raises(Invalid):
        asking_service.ask(operator, wish("run_billing", {"day": day}))


def test_a_company_that_came_meanwhile_stops_the_run_before_any_invoice(
    operator: Actor, measured: Past
) -> None:
    run = confirmed(operator, wish("run_billing"), typed="")
    factories.tenant("beta", billed_from=measured.day_before_yesterday)

    assert engine.work_on(run.id) is RunStage.FAILED

    outcome = runs.run(operator, run.id).outcome
    assert outcome is not None
    assert outcome.key == "error.refused.run_plan_differs"
    assert invoices.runs(operator) == []


def test_a_day_that_changes_between_two_days_of_the_run_is_not_billed(
    operator: Actor, measured: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = invoices.bill_planned_day

    def and_a_company_comes(*args: object, **more: object) -> object:
        done = real(*args, **more)  # type: ignore[arg-type] - passed on as they are
        factories.tenant("beta", billed_from=measured.yesterday)
        return done

    monkeypatch.setattr(invoices, "bill_planned_day", and_a_company_comes)

    run = ended(operator, wish("run_billing"), typed="")

    assert run.outcome is not None
    assert (run.state, run.outcome.key) == (RunStage.FAILED, "error.conflict.plan_changed")
    assert [each.day for each in invoices.runs(operator)] == [measured.day_before_yesterday]
    assert result(run) == ["runbooks.run_billing.billed"]


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_before_or_after_its_first_day_goes_on_and_bills_each_day_once(
    operator: Actor, measured: Past, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    mend = died_at(monkeypatch, invoices, "bill_planned_day", after=after)
    lost = killed(operator, "run_billing", {})
    assert len(invoices.runs(operator)) == (1 if after else 0)
    mend()

    done = gone_on(operator, lost.id)

    assert done.state is RunStage.SUCCEEDED
    assert sorted(each.day for each in invoices.runs(operator)) == [
        measured.day_before_yesterday,
        measured.yesterday,
    ]
    assert counts()["tenant_invoice"] == 2


def test_what_waited_for_a_price_is_in_the_plan_and_is_issued_once_by_a_run_that_is_killed(
    operator: Actor, measured: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_from(measured.first_day)
    invoices.bill_open_days(NIGHT)
    assert refusal(operator, "run_billing", {}) == "error.refused.run_billing_nothing"
    list_from(clock.billing_day(clock.utc_now()), prompt=100, completion=100)
    run = planned(operator, wish("run_billing"))
    assert run.plan is not None
    days = (measured.day_before_yesterday, measured.yesterday)
    assert [(each.what.values["day"], each.after) for each in run.plan.changes[::2]] == [
        (day, "1") for day in days
    ]
    mend = died_at(monkeypatch, invoices, "release_planned_day", after=True)
    lost = killed(operator, "run_billing", {})
    assert len(invoices.held(operator)) == 1
    mend()

    done = gone_on(operator, lost.id)

    assert done.state is RunStage.SUCCEEDED
    assert [each.day for each in invoices.runs(operator)[:2]] == [*reversed(days)]
    assert [each.issued for each in invoices.runs(operator)] == [1, 1, 0, 0]
    assert invoices.held(operator) == []


def test_without_prometheus_no_plan_is_made_and_a_run_ends_in_its_words(
    operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = confirmed(operator, wish("run_billing"), typed="")
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:9")
    forget_caches()

    assert engine.work_on(run.id) is RunStage.FAILED
    outcome = runs.run(operator, run.id).outcome
    assert outcome is not None
    assert outcome.key == "error.unavailable.prometheus"
    assert refusal(operator, "run_billing", {}) == "error.unavailable.prometheus"
    assert invoices.runs(operator) == []


def test_a_day_that_fails_is_named_in_the_readers_calendar(
    operator: Actor, measured: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **more: object) -> BillingRun:
        done = real(*args, **more)  # type: ignore[arg-type] - passed on as they are
        assert done is not None
        return replace(done, state=RunState.FAILED)

    real = invoices.bill_planned_day
    run = confirmed(operator, wish("run_billing"), typed="")
    monkeypatch.setattr(invoices, "bill_planned_day", fails)

    assert engine.work_on(run.id) is RunStage.FAILED

    outcome = runs.run(operator, run.id).outcome
    assert outcome is not None
    assert fmt.day(measured.day_before_yesterday, "fa") in said(outcome, "fa")


def test_where_every_day_is_billed_there_is_nothing_to_plan(operator: Actor) -> None:
    invoices.bill_open_days(NIGHT)

    assert refusal(operator, "run_billing", {}) == "error.refused.run_billing_nothing"


def test_a_cancelled_run_ends_between_two_days(
    operator: Actor, measured: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, run = invoices.bill_planned_day, confirmed(operator, wish("run_billing"), typed="")

    def and_somebody_cancels(*args: object, **more: object) -> object:
        done = real(*args, **more)  # type: ignore[arg-type] - passed on as they are
        runs.cancel(operator, run.id)
        signal.raise_signal(signal.SIGTERM)
        return done

    monkeypatch.setattr(invoices, "bill_planned_day", and_somebody_cancels)
    engine.work_on(run.id)

    assert [each.day for each in invoices.runs(operator)] == [measured.day_before_yesterday]
    assert result(runs.run(operator, run.id)) == ["runbooks.run_billing.billed"]
