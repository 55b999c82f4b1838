"""Staff find a payment by the number that a customer reads out, however old, small or closed it is."""

import pytest

from backend.actor import Role
from backend.errors import Forbidden
from backend.payments import service
from tests import factories
from tests.integration.payments.payer import Payer, invoice_row, track_of

STAFF = factories.actor(Role.OPERATOR)
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


@pytest.mark.parametrize("said", ["{0}", " {0} ", "\u2066{0}\u2069", "{1}"])
def test_a_payment_of_this_minute_is_found_by_its_track_id(payer: Payer, said: str) -> None:
    hand_off = payer.start(payer.invoice())
    track_id = str(track_of(hand_off))

    found = service.find(STAFF, said.format(track_id, track_id.translate(PERSIAN)))

    assert [each.id for each in found] == [hand_off.attempt_id]


def test_every_try_at_an_invoice_is_found_by_its_number(payer: Payer) -> None:
    invoice = payer.invoice()
    first = payer.start(invoice)
    payer.bank.cancel(track_of(first))
    payer.come_back(first)
    second = payer.pay_whole(invoice)
    payer.pay_whole(payer.invoice())

    found = service.find(STAFF, str(invoice_row(invoice)["number"]).translate(PERSIAN))

    assert [each.id for each in found] == [second.attempt_id, first.attempt_id]


def test_a_closed_case_is_still_found(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    payer.bank.fault("inquiry", "http_error", 503)
    service.check_again(STAFF, hand_off.attempt_id)
    service.resolve(STAFF, hand_off.attempt_id, "asked the bank")

    [found] = service.find(STAFF, str(track_of(hand_off)))

    assert found.resolution == "asked the bank"


@pytest.mark.parametrize("said", ["", "   ", "شناسه", "%", "' OR 1=1 --", "9" * 200, "-1", "\x00"])
def test_anything_else_finds_nothing(payer: Payer, said: str) -> None:
    payer.start(payer.invoice())

    assert service.find(STAFF, said) == []


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.TENANT_VIEWER])
def test_customers_find_nothing_this_way(payer: Payer, role: Role) -> None:
    track_id = str(track_of(payer.start(payer.invoice())))

    with pytest.raises(Forbidden):
        service.find(factories.actor(role, payer.tenant.id), track_id)
