"""What the log says of payments: the event that the pages of operation name, with what is needed to act."""

import io
import json
from typing import Any

import pytest

from backend.actor import Role
from backend.errors import Unavailable
from backend.payments import service
from backend.payments.types import AttemptState
from tests import factories
from tests.integration.payments.payer import SWEEPER, Payer, attempt_of, let_time_pass, track_of


def told(logged: io.StringIO, event: str) -> dict[str, Any]:
    """The one line of an event, without when and where it was written."""
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    [found] = [line for line in lines if line.pop("event") == event]
    return {name: value for name, value in found.items() if name not in {"at", "logger"}}


def test_a_payment_that_could_not_be_opened_stands_in_the_log_with_its_company(
    payer: Payer, logged: io.StringIO
) -> None:
    payer.bank.fault("request", "drop", times=1)

    with pytest.raises(Unavailable):
        payer.start(payer.invoice())

    [attempt] = service.search_payments(factories.actor(Role.OPERATOR), "", limit=5).rows
    assert told(logged, "payment.not_started") == {
        "level": "warning",
        "attempt": str(attempt.id),
        "tenant": str(payer.tenant.id),
        "reason": "unavailable.zibal",
    }


def test_a_silent_gateway_and_what_it_leaves_undecided_stand_in_the_log(
    payer: Payer, logged: io.StringIO
) -> None:
    hand_off = payer.start(payer.invoice())
    payer.bank.fault("inquiry", "drop")
    let_time_pass(payer.bank, hours=25)

    service.sweep(SWEEPER)

    assert told(logged, "payment.no_answer") == {
        "level": "warning",
        "call": "inquiry",
        "track_id": track_of(hand_off),
        "cause": "connection",
    }
    alarm = told(logged, "payment.undecided")
    assert alarm.pop("todo")
    assert alarm == {
        "level": "error",
        "attempt": str(hand_off.attempt_id),
        "tenant": str(payer.tenant.id),
        "since": str(attempt_of(hand_off).redirected_at),
        "verdict": "undecided",
        "reason": "no_answer",
    }
    assert attempt_of(hand_off).state == AttemptState.REDIRECTED


def test_who_took_a_payment_off_the_lists_stands_in_the_log(payer: Payer, logged: io.StringIO) -> None:
    operator = factories.actor(Role.OPERATOR)
    hand_off = payer.start(payer.invoice())
    payer.bank.act(track_of(hand_off), "status", status=77)
    let_time_pass(payer.bank, hours=25)
    service.sweep(SWEEPER)

    service.resolve(operator, hand_off.attempt_id, "given up")

    assert told(logged, "payment.resolved") == {
        "level": "info",
        "attempt": str(hand_off.attempt_id),
        "state": "closed",
        "by": operator.name,
    }


def test_money_that_comes_and_goes_back_stands_in_the_log(payer: Payer, logged: io.StringIO) -> None:
    hand_off = payer.pay_whole(payer.invoice(50_000))

    payment = {"attempt": str(hand_off.attempt_id), "tenant": str(payer.tenant.id), "amount_rial": 50_000}
    assert told(logged, "payment.changed") == {
        "level": "info",
        **payment,
        "before": "returned",
        "state": "settled",
        "track_id": track_of(hand_off),
    }

    payer.take_back(hand_off)

    assert told(logged, "payment.money_returned") == {
        "level": "error",
        **payment,
        "credit_reopened_rial": 0,
        "debt_rial": 0,
    }
