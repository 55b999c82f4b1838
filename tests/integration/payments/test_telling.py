"""What is told of a payment afterwards: in the order in which it happened, to the second, and with its invoices."""

from dataclasses import replace

from sqlalchemy import text

from backend.actor import Role
from backend.db.engine import transaction
from backend.invoices import service as invoices
from backend.payments import service
from backend.payments.types import AttemptEventKind
from portal.features.invoices.detail_state import detail_view
from portal.features.payments.queries import evidence, find
from tests import factories
from tests.integration.payments.payer import Payer, attempt_of, track_of

OPERATOR = factories.actor(Role.OPERATOR)


def number_of(payer: Payer, invoice: object) -> str:
    [due] = invoices.dues(payer.actor, [invoice])  # type: ignore[list-item]  # an id
    return due.number


def test_what_is_booked_is_told_after_the_answer_that_it_follows_from(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())
    payer.take_back(hand_off)

    events = service.file_of(OPERATOR, hand_off.attempt_id).events

    assert [each.kind for each in events] == [
        *("created", "requested", "returned", "judged", "settled", "judged", "money_returned"),
    ]
    assert [each.at for each in events] == sorted(each.at for each in events)


def test_what_an_earlier_version_wrote_the_other_way_round_is_told_in_order(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())
    with transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO payment_event (attempt_id, at, actor, kind) VALUES"
                " (:id, now() + interval '1 s', 'process:x', 'money_returned'),"
                " (:id, now() + interval '1 s', 'process:x', 'judged')"
            ),
            {"id": hand_off.attempt_id},
        )

    events = service.file_of(OPERATOR, hand_off.attempt_id).events

    assert [each.kind for each in events[-2:]] == [
        AttemptEventKind.RECONCILED,
        AttemptEventKind.MONEY_RETURNED,
    ]


def test_a_payment_of_several_invoices_names_them_to_staff_and_to_the_tenant(payer: Payer) -> None:
    one, two = payer.invoice(), payer.invoice()
    hand_off = payer.pay_whole(one, two)
    numbers = [number_of(payer, each) for each in (one, two)]

    [listed] = find(OPERATOR, str(track_of(hand_off)), "en").rows
    file = evidence(OPERATOR, str(hand_off.attempt_id), "en")
    [tried] = detail_view(payer.actor, str(one), "en").attempts

    assert listed.invoices == ", ".join(numbers)
    assert [(each.number, each.url) for each in file.file.invoices] == [
        (number, f"/invoices/{invoice}") for number, invoice in zip(numbers, (one, two), strict=True)
    ]
    assert [each.number for each in file.booked if each.url] == numbers
    assert tried.of_total == f"part of 10,000 Toman for {', '.join(numbers)}"


def test_times_are_told_to_the_second_and_no_further(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())

    shown = evidence(OPERATOR, str(hand_off.attempt_id), "fa")

    assert all(each.at.count(":") == 2 for each in (*shown.events, *shown.booked))
    told = {each.name: each.value for event in shown.events for each in event.details}
    paid_at = told["زمان پرداخت به گفتهٔ درگاه"]
    assert ("۱۴۰۵" in paid_at, "T" in paid_at, paid_at.count(":")) == (True, False, 2)


def test_lines_come_as_one_thinks_of_them_input_cached_output(payer: Payer) -> None:
    invoice = payer.invoice()
    with transaction() as connection:
        for model in ("b", "a"):
            for kind in ("completion", "cached_prompt", "prompt"):
                connection.execute(
                    text("INSERT INTO invoice_line VALUES (:id, :model, :kind, 1, 200, 1)"),
                    {"id": invoice, "model": model, "kind": kind},
                )

    lines = detail_view(payer.actor, str(invoice), "en").lines

    assert [each.key for each in lines] == [
        *("a/prompt", "a/cached_prompt", "a/completion", "b/prompt", "b/cached_prompt", "b/completion"),
    ]


def test_the_sheet_of_a_paid_invoice_says_that_nothing_is_left(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.pay_whole(invoice)

    assert detail_view(payer.actor, str(invoice), "en").paper.left == "0 Toman"


def test_an_attempt_is_the_same_whether_its_numbers_are_known_or_not(payer: Payer) -> None:
    found = attempt_of(payer.start(payer.invoice()))
    without = tuple(replace(each, number="") for each in found.allocations)

    assert found.numbers[0] != ""
    assert found.allocations == without
