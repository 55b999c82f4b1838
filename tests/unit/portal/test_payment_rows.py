"""What staff and payers see of payments: words instead of codes, and numbers for a bank in the bank's digits."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from backend.actor import TenantId
from backend.i18n.catalog import Lang, sentences
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.types import (
    Allocation,
    AttemptEvent,
    AttemptEventKind,
    AttemptState,
    InvoicePayments,
    Payable,
    PaymentFile,
    PaymentPreview,
)
from portal.features.invoices import payment_rows
from portal.features.payments import event_rows, rows
from tests.unit.payments.examples import NOW, attempt

LANGUAGES: tuple[Lang, ...] = ("fa", "en")
INVOICE = InvoiceId(uuid4())


def event(kind: AttemptEventKind, actor: str = "process:payment_return", **detail: object) -> AttemptEvent:
    return AttemptEvent(at=NOW, actor=actor, kind=kind, detail=detail)


def shown(found: AttemptEvent, lang: Lang = "fa") -> event_rows.EventRow:
    return event_rows.to_event(0, found, lang)


def words(row: event_rows.EventRow) -> str:
    """All that is not an isolated code."""
    told = [f"{each.name} {'' if each.is_code else each.value}" for each in row.details]
    return re.sub("\u2066.*?\u2069", "", " ".join([row.event, row.by, *told]))


EVENTS = (
    event(AttemptEventKind.RETURNED, claims_success=True, has_nonce=False),
    event(AttemptEventKind.REQUESTED, actor="user:سارا احمدی", track_id="3714061", handed_over=True),
    event(
        AttemptEventKind.RECONCILED,
        actor="process:sweep_payments",
        verdict="undecided",
        reason="result_202",
        state="returned",
        result=202,
        status=None,
        amount=543_210,
        order="65ab8e4a2b9c",
        reference="1234567890",
        card="603799******1234",
        paid_at="2026-11-23T12:00:00",
    ),
    event(AttemptEventKind.RECONCILED, verdict="mismatch", reason="amount", state="review", result=100),
    event(AttemptEventKind.SETTLED, actor="process:somebody_new", credit_rial=0, settlement_no=1),
    event(AttemptEventKind.FAILED_TO_START, actor="user:x", reason="unavailable.zibal"),
    event(AttemptEventKind.CREATED, actor="user:سارا احمدی", a_later_field="x"),
)


@pytest.mark.parametrize("found", EVENTS, ids=lambda each: str(each.kind))
def test_no_event_shows_a_persian_reader_code_words(found: AttemptEvent) -> None:
    said = words(shown(found))

    assert re.findall(r"[A-Za-z_]{2,}|True|False|None", said) == []
    assert re.findall(r"[0-9]{2,}", said) == []


def test_a_claim_of_the_address_is_told_as_a_claim() -> None:
    row = shown(EVENTS[0], "en")

    assert [(each.name, each.value) for each in row.details] == [
        ("The return address says", "success"),
        ("The return address belongs to this payment", "no"),
    ]
    assert row.by == "The payer's return"


def test_what_a_bank_is_told_keeps_the_banks_digits() -> None:
    row = shown(EVENTS[2])
    codes = {each.value for each in row.details if each.is_code}

    assert {"1234567890", "603799******1234", "65ab8e4a2b9c", "202"} <= codes
    assert "۵۴٬۳۲۱ تومان" in [each.value for each in row.details]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_track_id_is_the_same_in_both_languages(lang: Lang) -> None:
    paid = attempt(
        AttemptState.SETTLED, track_id=3714061, ref_number="99887766", card_mask="603799******1234"
    )
    part = Allocation(invoice_id=INVOICE, amount_rial=paid.amount_rial, position=0)
    paid = replace(paid, allocations=(part,))
    history = InvoicePayments(
        invoice_id=INVOICE, outstanding_rial=Rial(0), paid_rial=paid.amount_rial, attempts=(paid,)
    )

    [row] = payment_rows.to_attempts(history, lang)
    listed = rows.to_payment(paid, "x", lang)

    assert row.track_id == listed.track_id == "3714061"
    assert (row.reference, row.card) == ("99887766", "603799******1234")


def test_only_staff_are_led_from_an_invoice_to_the_evidence() -> None:
    paid = replace(
        attempt(AttemptState.SETTLED, track_id=7),
        allocations=(Allocation(invoice_id=INVOICE, amount_rial=Rial(1), position=0),),
    )
    history = InvoicePayments(
        invoice_id=INVOICE, outstanding_rial=Rial(0), paid_rial=Rial(1), attempts=(paid,)
    )

    [for_staff] = payment_rows.to_attempts(history, "fa", leads=True)
    [for_tenant] = payment_rows.to_attempts(history, "fa")

    assert (for_staff.url, for_tenant.url) == ("/payments?track=7", "")


def file_of(**fields: object) -> rows.FileView:
    found = attempt(**fields)  # type: ignore[arg-type]  # fields of an attempt
    return rows.to_file(
        PaymentFile(
            attempt=found, tenant_name_fa="الف", tenant_name_en="A", events=(), event_count=0, entries=()
        ),
        "en",
    )


def test_a_closed_case_tells_why() -> None:
    closed = file_of(
        state=AttemptState.CLOSED, resolved_at=NOW + timedelta(hours=1), resolution="asked the bank"
    )

    assert closed.resolution == "asked the bank"


def preview(total: int, payments: tuple[int, ...], credit: int = 0) -> PaymentPreview:
    one = Payable(
        invoice_id=INVOICE,
        tenant_id=TenantId(uuid4()),
        number="1405-000001",
        day=NOW.date(),
        amount_rial=Rial(total),
        outstanding_rial=Rial(total),
        is_pending=True,
    )
    return PaymentPreview(
        invoices=(one,),
        total_rial=Rial(total),
        payments=len(payments),
        next_rial=Rial(payments[0]),
        credit_rial=Rial(credit),
        minimum_rial=Rial(10_000),
        maximum_rial=Rial(100_000),
    )


def test_the_button_that_pays_all_names_what_this_click_pays() -> None:
    whole = payment_rows.to_offer(preview(90_000, (90_000,)), "en", may_pay=True, is_list=True)
    split = payment_rows.to_offer(
        preview(250_000, (100_000, 100_000, 50_000)), "en", may_pay=True, is_list=True
    )

    assert whole.pay_all == "Pay all (9,000 Toman)"
    assert split.pay_all == "Pay the first part: 10,000 Toman (2 more to follow)"


@pytest.mark.parametrize(("credit", "used"), [(20_000, "2,000 Toman"), (500_000, "9,000 Toman")])
def test_before_credit_is_used_one_reads_how_much_of_it(credit: int, used: str) -> None:
    offer = payment_rows.to_offer(preview(90_000, (90_000,), credit), "en", may_pay=True, is_list=True)

    assert offer.credit_to_use == used


@pytest.mark.parametrize(
    ("balance", "name", "amount"),
    [
        (123_450, "اعتبار شما", "۱۲٬۳۴۵ تومان"),
        (-123_450, "بدهی شما", "۱۲٬۳۴۵ تومان"),
    ],
)
def test_a_balance_below_zero_is_called_a_debt_and_has_no_sign(balance: int, name: str, amount: str) -> None:
    credit = payment_rows.to_credit(balance, "fa")

    assert (credit.name, credit.amount) == (name, amount)


def test_no_balance_shows_nothing() -> None:
    assert payment_rows.to_credit(0, "fa") == payment_rows.Credit()


def test_every_known_detail_has_its_name_in_both_languages() -> None:
    names = {f"payment.detail.{name}" for name in event_rows.NAMES}

    assert names <= sentences("fa").keys() & sentences("en").keys()
