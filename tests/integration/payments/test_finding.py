"""Staff find invoices and payments of all companies by any part of what a customer reads out."""

import pytest

from backend.actor import Role
from backend.config import settings
from backend.errors import Forbidden
from backend.invoices.types import InvoiceId, InvoicePage, InvoiceStatus
from backend.payments import service
from backend.payments.search_types import InvoiceQuery
from tests import factories
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    invoice,
    invoice_row,
    let_time_pass,
    track_of,
)

STAFF = factories.actor(Role.OPERATOR)
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


def found_payments(wanted: str) -> list[object]:
    return [each.id for each in service.search_payments(STAFF, wanted, limit=20).rows]


def found_invoices(wanted: str = "", **filters: object) -> list[InvoiceId]:
    query = InvoiceQuery(wanted=wanted, **filters)  # type: ignore[arg-type]  # a test names them
    return [each.id for each in service.search_invoices(STAFF, query, limit=20).rows]


@pytest.mark.parametrize("said", ["{0}", " {0} ", "\u2066{0}\u2069", "{1}"])
def test_a_payment_of_this_minute_is_found_by_its_track_id(payer: Payer, said: str) -> None:
    hand_off = payer.start(payer.invoice())
    track_id = str(track_of(hand_off))

    assert found_payments(said.format(track_id, track_id.translate(PERSIAN))) == [hand_off.attempt_id]


def test_every_try_at_an_invoice_is_found_by_its_number(payer: Payer) -> None:
    wanted = payer.invoice()
    first = payer.start(wanted)
    payer.bank.cancel(track_of(first))
    payer.come_back(first)
    second = payer.pay_whole(wanted)
    payer.pay_whole(payer.invoice())

    number = str(invoice_row(wanted)["number"])

    assert found_payments(number.translate(PERSIAN)) == [second.attempt_id, first.attempt_id]


def test_payments_stand_in_the_order_in_which_their_payers_set_out(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payment that was opened in the night begins with the click."""
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "1")
    settings.cache_clear()
    prepared = payer.invoice()
    service.open_sessions(SWEEPER)
    let_time_pass(None, hours=7)

    first, second = payer.start(payer.invoice()), payer.start(prepared)

    listed = service.search_payments(STAFF, "", limit=20).rows
    assert [each.id for each in listed] == [second.attempt_id, first.attempt_id]
    assert listed[0].created_at < listed[1].created_at


def test_a_closed_case_is_still_found(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    payer.bank.fault("inquiry", "http_error", 503)
    service.check_again(STAFF, hand_off.attempt_id)
    service.resolve(STAFF, hand_off.attempt_id, "asked the bank")

    [found] = service.search_payments(STAFF, str(track_of(hand_off)), limit=20).rows

    assert found.resolution == "asked the bank"


def test_a_paid_invoice_is_found_by_any_part_that_a_customer_knows(payer: Payer) -> None:
    invoice(factories.tenant().id, 700_000)
    assert found_invoices(payer.tenant.label) == []
    paid = payer.invoice(1_234_560)
    attempt = attempt_of(payer.pay_whole(paid))
    number = str(invoice_row(paid)["number"])
    only_this = [
        number,
        f"{payer.tenant.name_en.upper()} {number[-6:]}",
        f"{payer.tenant.name_fa} {number[-6:]}",
        payer.tenant.label,
        str(attempt.track_id),
        str(attempt.check.ref_number),
        f"{payer.tenant.label} {str(attempt.check.card_mask)[-4:]}",
        "123,456",
        "۱۲۳٬۴۵۶",
        "1234560",
    ]

    assert {said: found_invoices(said) for said in only_this} == {said: [paid] for said in only_this}
    assert {said: found_payments(said) for said in only_this} == {said: [attempt.id] for said in only_this}


def test_letters_of_an_arabic_keyboard_and_half_spaces_make_no_difference(payer: Payer) -> None:
    mine = payer.invoice()
    name = payer.tenant.name_fa  # شرکت and a number

    assert found_invoices(name.replace("ک", "ك")) == [mine]
    assert found_invoices(name.replace("ت", "ت\u200c")) == [mine]


def test_every_word_must_occur(payer: Payer) -> None:
    mine = payer.invoice(1_000_000)

    assert found_invoices(f"{payer.tenant.label} 1000000") == [mine]
    assert found_invoices(f"{payer.tenant.label} 1000001") == []


@pytest.mark.parametrize("said", ["شناسه", "%", "_", "\\", "' OR 1=1 --", "9" * 200, "-1-", ":word_0"])
def test_what_occurs_nowhere_finds_nothing(payer: Payer, said: str) -> None:
    payer.start(payer.invoice())

    assert (found_payments(said), found_invoices(said)) == ([], [])


@pytest.mark.parametrize("said", ["", "   ", "\u200f", "\x00"])
def test_an_empty_search_shows_everything(payer: Payer, said: str) -> None:
    hand_off = payer.start(mine := payer.invoice())

    assert (found_payments(said), found_invoices(said)) == ([hand_off.attempt_id], [mine])


def test_invoices_are_filtered_by_day_company_and_status_and_come_in_pages(payer: Payer) -> None:
    mine = [payer.invoice() for _ in range(3)]
    held = payer.invoice(status="held")
    stranger = invoice(factories.tenant().id, 50_000)
    of_day = invoice_row(mine[1])["day"]

    assert found_invoices(tenant_id=payer.tenant.id) == [held, *reversed(mine)]
    assert found_invoices(status=InvoiceStatus.HELD) == [held]
    assert found_invoices(day=of_day) == [mine[1]]
    page = service.search_invoices(STAFF, InvoiceQuery(), limit=2, offset=2)
    assert ([each.id for each in page.rows], page.total) == ([mine[2], mine[1]], 5)
    assert stranger in found_invoices()


def test_a_page_behind_the_last_one_is_empty_and_still_says_how_many_there_are(payer: Payer) -> None:
    payer.start(payer.invoice())

    assert service.search_invoices(STAFF, InvoiceQuery(), limit=2, offset=40) == InvoicePage(rows=[], total=1)
    assert service.search_payments(STAFF, "", limit=2, offset=40) == ([], 1)


def test_a_found_invoice_says_what_is_left_to_pay(payer: Payer) -> None:
    payer.overpay(20_000)
    part_paid = payer.invoice(50_000)
    service.use_credit(payer.actor)

    found = found_invoices()
    left = {each: standing.outstanding_rial for each, standing in service.standings(STAFF, found).items()}

    assert left[part_paid] == 30_000
    assert sum(left.values()) == 30_000


def test_an_account_says_what_a_company_owes_and_its_credit(payer: Payer) -> None:
    payer.overpay(20_000)
    neighbour = factories.tenant()
    for amount in (40_000, 60_000):
        invoice(neighbour.id, amount)

    accounts = service.accounts(STAFF, [payer.tenant.id, neighbour.id])

    assert accounts[payer.tenant.id] == (0, 0, 20_000)
    assert accounts[neighbour.id] == (2, 100_000, 0)


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.TENANT_VIEWER])
def test_customers_find_nothing_this_way(payer: Payer, role: Role) -> None:
    track_id = str(track_of(payer.start(payer.invoice())))
    customer = factories.actor(role, payer.tenant.id)

    with pytest.raises(Forbidden):
        service.search_payments(customer, track_id, limit=5)
    with pytest.raises(Forbidden):
        service.search_invoices(customer, InvoiceQuery(), limit=5)
    with pytest.raises(Forbidden):
        service.accounts(customer, [payer.tenant.id])
