"""What stands on a printed invoice: who sells, and what has paid it."""

from datetime import datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest

from backend.i18n.catalog import Lang
from backend.invoices.types import InvoiceId, Seller
from backend.money import Rial
from backend.payments.types import (
    Attempt,
    AttemptId,
    AttemptState,
    InvoicePayments,
    LedgerEntry,
    LedgerEntryKind,
)
from portal.features.invoices import paper_rows
from tests.unit.payments.examples import NOW, attempt

INVOICE = InvoiceId(uuid4())
LATER = NOW + timedelta(days=1)
_ids = count(1)


def moved(
    kind: LedgerEntryKind, amount_rial: int, payer: AttemptId | None = None, at: datetime = NOW
) -> LedgerEntry:
    return LedgerEntry(
        id=next(_ids),
        kind=kind,
        amount_rial=amount_rial,
        attempt_id=payer,
        settlement_no=1,
        invoice_id=INVOICE,
        at=at,
        actor="process:payment_return",
    )


def history(*entries: LedgerEntry, attempts: tuple[Attempt, ...] = ()) -> InvoicePayments:
    paid = -sum(each.amount_rial for each in entries)
    return InvoicePayments(
        invoice_id=INVOICE,
        outstanding_rial=Rial(0),
        paid_rial=Rial(paid),
        attempts=attempts,
        entries=entries,
    )


def receipts(found: InvoicePayments) -> list[tuple[str, str, str, str]]:
    rows = paper_rows.to_receipts(found, "en")
    return [(row.method, row.track_id, row.reference, row.amount) for row in rows]


PAID = attempt(AttemptState.SETTLED, track_id=3714061, ref_number="99887766")
ONLINE = "Online payment, Zibal gateway"


def test_a_payment_and_credit_each_have_their_line_in_the_order_of_time() -> None:
    found = history(
        moved(LedgerEntryKind.CREDIT_USE, -1_005),
        moved(LedgerEntryKind.SETTLEMENT, -40_000, PAID.id, LATER),
        attempts=(PAID,),
    )

    assert receipts(found) == [("Credit", "—", "—", "100.5"), (ONLINE, "3714061", "99887766", "4,000.0")]


def test_money_that_went_back_paid_nothing() -> None:
    found = history(
        moved(LedgerEntryKind.SETTLEMENT, -40_000, PAID.id),
        moved(LedgerEntryKind.REOPENING, 40_000, PAID.id, LATER),
        attempts=(PAID,),
    )

    assert receipts(found) == []


def test_credit_that_a_payment_of_other_invoices_took_back_is_no_credit_any_more() -> None:
    found = history(
        moved(LedgerEntryKind.CREDIT_USE, -5_000),
        moved(LedgerEntryKind.REOPENING, 2_000, AttemptId(uuid4()), LATER),
    )

    assert receipts(found) == [("Credit", "—", "—", "300.0")]


@pytest.mark.parametrize(
    ("lang", "code", "logo"), [("fa", "۱۴۰۰", "/favicon.svg"), ("en", "1400", "/seller-logo")]
)
def test_the_sellers_numbers_are_in_the_readers_digits(lang: Lang, code: str, logo: str) -> None:
    seller = Seller(legal_name="A. B, Ltd.", economic_code="1400", address="No. 1", has_logo=lang == "en")

    view = paper_rows.to_seller(seller, lang)

    assert (view.economic_code, view.logo) == (code, logo)
    assert (view.name, view.address, view.phone) == ("A. B, Ltd.", "No. 1", "")
