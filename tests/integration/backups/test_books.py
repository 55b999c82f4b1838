"""After a restore the books are right in the end, and who may sign in is as it was before it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from backend.accounts import service as accounts
from backend.actor import Actor, Role
from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.clients import zibal as zibal_client
from backend.config import settings
from backend.db.engine import read, transaction
from backend.errors import SignInFailed
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId, InvoiceStatus
from backend.payments import service as payments
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running
from tests import factories
from tests.integration.backups.killed import RUN, UNDO
from tests.integration.payments.payer import Payer, invoice

RUNNER = Actor.process_named("runbooks")


@pytest.fixture
def bank(owned: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    with running() as driver:
        monkeypatch.setenv("ZIBAL_URL", driver.url)
        monkeypatch.setenv("ZIBAL_MERCHANT", "docuchat-live")
        settings.cache_clear()
        yield driver
        zibal_client.gateway().close()
        zibal_client._gateway.cache_clear()


def status(invoice_id: InvoiceId) -> InvoiceStatus:
    return invoices.invoice(RUNNER, invoice_id).invoice.status


def ledger_sum(payer: Payer) -> int:
    with read() as connection:
        found = connection.scalar(
            text("SELECT sum(amount_rial) FROM tenant_ledger WHERE tenant_id = :id AND kind = 'payment'"),
            {"id": payer.tenant.id},
        )
    return int(found or 0)


def issued_again(lost: InvoiceId, day: object, payer: Payer) -> InvoiceId:
    """What nightly billing does: the same company and day, under another id."""
    again = invoice(payer.tenant.id, 40_000)
    with transaction() as connection:
        connection.execute(
            text("UPDATE tenant_invoice SET day = :day WHERE id = :id"), {"day": day, "id": again}
        )
    assert again != lost
    return again


def test_money_that_the_gateway_has_comes_into_the_books_again(bank: Driver) -> None:
    payer = Payer(bank)
    kept = payer.invoice(50_000)
    waiting = payer.invoice(60_000)
    at_the_bank = payer.start(waiting)
    backup = backups.backup(RUNNER, BackupOrigin.ASKED)
    since = backup.started_at
    lost = payer.invoice(40_000)
    lost_day = invoices.invoice(RUNNER, lost).invoice.day
    payer.pay_whole(kept)
    payer.pay_whole(lost)
    payer.pay(at_the_bank)
    payer.overpay(30_000)
    payments.pay_out_credit(RUNNER, payer.tenant.id, 30_000, "transferred", "transfer-1")
    # The payment of the invoice that was paid twice lies a quarter of an hour back.
    begun = [each.id for each in payments.begun_since(RUNNER, since - timedelta(hours=1))]
    were_paid = invoices.paid_since(RUNNER, since)
    assert len(begun) == 5
    assert at_the_bank.attempt_id in begun
    assert (payer.tenant.id, lost_day) in were_paid
    assert sum(each.invoices for each in invoices.issued_since(RUNNER, since)) >= 2
    backups.load(RUNNER, backup.name, RUN)
    backups.swap(RUNNER, backup.name, RUN)
    assert status(kept) == InvoiceStatus.PENDING

    again = issued_again(lost, lost_day, payer)
    booked = payments.book_again(RUNNER, begun, were_paid)

    assert (booked.settled, booked.failed) == (5, 0)
    assert [status(each) for each in (kept, waiting, again)] == [InvoiceStatus.PAID] * 3
    assert ledger_sum(payer) == 50_000 + 60_000 + 40_000 + 2 * 30_000
    # The invoice that was paid twice is not issued again here: its money is still the company's.
    assert payer.credit() == 30_000
    assert payments.book_again(RUNNER, begun, were_paid).paid_from_credit == 0

    backups.undo(RUNNER, RUN, UNDO)
    assert [status(each) for each in (kept, lost)] == [InvoiceStatus.PAID] * 2
    payments.sweep(RUNNER)
    assert ledger_sum(payer) == 50_000 + 60_000 + 40_000 + 2 * 30_000
    assert payer.credit() == 0


def test_who_was_shut_out_stays_shut_out(owned: str) -> None:
    fired, stays = factories.user(Role.OPERATOR), factories.user(Role.OPERATOR)
    old = factories.signed_in(fired)
    backup = backups.backup(RUNNER, BackupOrigin.ASKED)
    accounts.disable_user(RUNNER, fired.id)
    new = factories.signed_in(stays)

    backups.load(RUNNER, backup.name, RUN)
    backups.swap(RUNNER, backup.name, RUN)

    assert accounts.session_of(new.token) is not None
    assert accounts.session_of(old.token) is None
    with pytest.raises(SignInFailed):
        factories.signed_in(fired)
