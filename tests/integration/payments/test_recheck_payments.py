"""The runbook that asks the gateway about undecided payments: each is told what became of it, and none is lost."""

import pytest

from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.payments import review_service
from backend.payments import service as payments
from backend.payments.types import AttemptState, HandOff
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from runbooks import engine
from tests import factories
from tests.integration.payments.payer import Payer, attempt_of, let_time_pass, status_of, sweep, track_of
from tests.integration.runbooks.conftest import confirmed, ended, planned, wish
from tests.integration.runbooks.killing import died_at, gone_on, killed, refusal, result

NAME = "recheck_payments"


@pytest.fixture
def operator(payer: Payer) -> Actor:
    return factories.user(Role.OPERATOR).actor


def undecided(payer: Payer, count: int = 1) -> list[HandOff]:
    """Payments of which the gateway has said nothing clear for a day."""
    found = [payer.start(payer.invoice(50_000 + n)) for n in range(count)]
    for each in found:
        payer.bank.act(track_of(each), "status", status=77)
    let_time_pass(payer.bank, hours=25)
    sweep()
    assert {each.id for each in payments.undecided(factories.PROCESS)} == {each.attempt_id for each in found}
    return found


def outcome(run: RunbookRun) -> str:
    assert run.outcome is not None
    return run.outcome.key


def test_each_payment_is_asked_about_and_what_became_of_it_is_told(operator: Actor, payer: Payer) -> None:
    paid, unpaid, unclear = undecided(payer, 3)
    payer.bank.act(track_of(paid), "status", status=1)
    payer.bank.act(track_of(unpaid), "status", status=3)

    run = ended(operator, wish(NAME), typed="")

    assert run.state is RunStage.SUCCEEDED
    assert sorted(result(run)) == ["runbooks.recheck_payments.paid", "runbooks.recheck_payments.unpaid"]
    assert [attempt_of(each).state for each in (paid, unpaid)] == [
        AttemptState.SETTLED,
        AttemptState.CANCELLED,
    ]
    assert [each.id for each in payments.undecided(operator)] == [unclear.attempt_id]
    told = audit.entries(operator, f"payment:{paid.attempt_id}")
    assert ("payment.checked", operator.label) in [
        (each.event.action, each.event.detail.get("asked_by")) for each in told
    ]


def test_one_payment_can_be_chosen(operator: Actor, payer: Payer) -> None:
    first, second = undecided(payer, 2)
    for each in (first, second):
        payer.bank.act(track_of(each), "status", status=1)

    run = ended(operator, wish(NAME, {"payment": str(second.attempt_id)}), typed="")

    assert run.state is RunStage.SUCCEEDED
    assert (attempt_of(second).has_money, attempt_of(first).has_money) == (True, False)


def test_a_gateway_that_dies_in_the_middle_ends_the_run_and_what_it_answered_stays(
    operator: Actor, payer: Payer
) -> None:
    both = undecided(payer, 2)
    for each in both:
        payer.bank.act(track_of(each), "status", status=1)
    for point in ("inquiry", "verify"):
        payer.bank.fault(point, "drop", track_id=track_of(both[1]))

    run = ended(operator, wish(NAME), typed="")

    assert (run.state, outcome(run)) == (RunStage.FAILED, "error.unavailable.recheck_payments_silent")
    assert sorted(attempt_of(each).has_money for each in both) == [False, True]
    assert result(run) == ["runbooks.recheck_payments.paid"]
    payer.bank.heal()
    assert ended(operator, wish(NAME), typed="").state is RunStage.SUCCEEDED
    assert all(attempt_of(each).has_money for each in both)


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_goes_on_and_books_no_money_twice(
    operator: Actor, payer: Payer, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    both = undecided(payer, 2)
    for each in both:
        payer.bank.act(track_of(each), "status", status=1)
    mend = died_at(monkeypatch, payments, "recheck_for_run", after=after)
    lost = killed(operator, NAME, {})
    assert sum(attempt_of(each).has_money for each in both) == (1 if after else 0)
    mend()

    done = gone_on(operator, lost.id)

    assert done.state is RunStage.SUCCEEDED
    assert all(attempt_of(each).has_money for each in both)
    assert payer.credit() == 0
    assert {status_of(invoice) for each in both for invoice in attempt_of(each).invoice_ids} == {"paid"}


def test_a_payment_that_was_decided_meanwhile_stops_the_run(operator: Actor, payer: Payer) -> None:
    [one] = undecided(payer)
    run = confirmed(operator, wish(NAME), typed="")
    payer.bank.act(track_of(one), "status", status=1)
    payments.reconcile(factories.PROCESS, one.attempt_id)

    assert engine.work_on(run.id) is RunStage.FAILED
    assert outcome(runs.run(operator, run.id)) == "error.refused.recheck_payments_nothing"


def test_a_payment_without_an_answer_is_asked_about_again_by_who_goes_on(
    operator: Actor, payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = undecided(payer, 2)
    for each in both:
        payer.bank.act(track_of(each), "status", status=1)
    first, second = sorted(both, key=lambda each: f"payments/{each.attempt_id}")
    for point in ("inquiry", "verify"):
        payer.bank.fault(point, "drop", track_id=track_of(first))
    mend = died_at(monkeypatch, payments, "recheck_for_run", after=False, calls=2)
    lost = killed(operator, NAME, {})
    mend()
    payer.bank.heal()

    done = gone_on(operator, lost.id)

    assert done.state is RunStage.SUCCEEDED
    assert all(attempt_of(each).has_money for each in (first, second))


def test_what_one_run_does_not_take_is_told_before_it_is_confirmed(
    operator: Actor, payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = undecided(payer, 2)
    monkeypatch.setattr(review_service, "MAX_PAGE", 1)

    run = planned(operator, wish(NAME))

    assert run.plan is not None
    assert len(run.plan.changes) == len(both) - 1
    assert [note.values for note in run.plan.notes] == [{"payments": 1}]


def test_where_nothing_is_undecided_nothing_is_planned(operator: Actor, payer: Payer) -> None:
    payer.pay_whole(payer.invoice())

    assert refusal(operator, NAME, {}) == "error.refused.recheck_payments_nothing"


def test_the_plan_names_each_payment(operator: Actor, payer: Payer) -> None:
    found = undecided(payer, 2)

    run = planned(operator, wish(NAME))

    assert run.plan is not None
    assert {each.what.values["track"] for each in run.plan.changes} == {str(track_of(each)) for each in found}
