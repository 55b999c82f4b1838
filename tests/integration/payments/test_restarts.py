"""PostgreSQL goes away between any two steps, and the process dies at any of its transactions; nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.errors import Unavailable
from backend.payments import service
from backend.payments.types import ReturnOutcome
from backend.sandbox.postgres import PostgresServer
from tests.integration.payments.payer import (
    Payer,
    count_rows,
    ledger_of,
    let_time_pass,
    mails,
    status_of,
    sweep,
    track_of,
)
from tests.soak import truths
from tests.soak.world import dying, tolerant
from tests.waiting import until


def test_a_restart_of_the_database_between_each_two_steps_loses_nothing(
    payer: Payer, postgres_server: PostgresServer
) -> None:
    invoice = payer.invoice()

    postgres_server.restart()
    hand_off = payer.start(invoice)
    postgres_server.restart()
    payer.pay(hand_off)
    postgres_server.restart()
    back = payer.come_back(hand_off)
    postgres_server.restart()
    sweep()

    assert back.outcome == ReturnOutcome.PAID
    assert (status_of(invoice), len(ledger_of(payer.tenant.id)), len(mails())) == ("paid", 2, 1)


def test_while_the_database_is_away_everybody_is_told_so_and_the_money_is_found_later(
    payer: Payer, postgres_server: PostgresServer
) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    parameters = [("trackId", str(track_of(hand_off))), ("success", "1")]

    postgres_server.stop()
    try:
        with pytest.raises(Unavailable):
            service.callback(None, parameters)
        with pytest.raises(Unavailable):
            payer.start(invoice)
    finally:
        postgres_server.start()
    let_time_pass(payer.bank, minutes=1.1)
    sweep()

    assert status_of(invoice) == "paid"


@pytest.mark.parametrize("moment", ["begin", "commit"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_process_that_dies_anywhere_leaves_books_that_come_right(
    payer: Payer, moment: str, at: int
) -> None:
    invoice = payer.invoice()

    with dying(moment, at):
        payer.pay_whole(invoice)
    assert truths.book_errors() == []
    for session in payer.bank.sessions():
        assert session["payments"] <= 1
    let_time_pass(payer.bank, minutes=2)
    sweep()
    if status_of(invoice) == "pending":
        tolerant(lambda: payer.pay_whole(invoice))

    assert truths.book_errors() == []
    assert (status_of(invoice), payer.credit()) == ("paid", 0)
    assert len(ledger_of(payer.tenant.id)) == 2


def test_a_database_that_goes_away_while_the_gateway_answers_costs_a_second_click_only(
    payer: Payer, postgres_server: PostgresServer
) -> None:
    invoice = payer.invoice()
    payer.bank.fault("request", "delay", 1.0, times=1)
    with ThreadPoolExecutor(1) as browser:
        click = browser.submit(payer.start, invoice)
        until(lambda: count_rows("payment_attempt") == 1)
        postgres_server.stop()
        try:
            with pytest.raises(Unavailable, match="database"):
                click.result()
        finally:
            postgres_server.start()

    let_time_pass(None, seconds=31)
    payer.pay_whole(invoice)

    assert status_of(invoice) == "paid"
    assert sorted(session["payments"] for session in payer.bank.sessions()) == [0, 1]
