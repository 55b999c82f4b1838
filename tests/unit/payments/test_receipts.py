"""What the receipt says."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest

from backend.i18n.catalog import Lang
from backend.invoices.types import Due, InvoiceId, InvoiceStatus
from backend.money import Rial
from backend.notifications.mail_rendering import RenderedMail, render
from backend.notifications.types import Mail
from backend.payments.receipts import receipt_mail
from backend.payments.types import Allocation, AttemptState
from backend.tenants.types import Tenant
from tests.unit.payments.examples import AMOUNT, NOW, TENANT, attempt

FIRST = InvoiceId(UUID(int=7))


def rendered(lang: Lang, amounts: dict[str, int] | None = None, **fields: str | None) -> RenderedMail:
    return render(receipt_mail_of(lang, amounts, **fields), "https://portal.example")


def receipt_mail_of(lang: Lang, amounts: dict[str, int] | None = None, **fields: str | None) -> Mail:
    tenant = Tenant(
        id=TENANT,
        label="x",
        name_fa="شرکت <نمونه>",
        name_en="Sample <Ltd>",
        language=lang,
        billing_email="billing@tenant.example",
        billed_from=date(2026, 1, 1),
        economic_code=None,
        national_id=None,
        postal_address=None,
        postal_code=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    settled = attempt(
        AttemptState.SETTLED,
        allocations=(Allocation(invoice_id=FIRST, amount_rial=AMOUNT, position=0),),
        track_id=15966442233311,
        **fields,
    )
    dues = [
        Due(id_, TENANT, f"1405-00000{n}", date(2026, 11, n), Rial(1), InvoiceStatus.PAID)
        for id_, n in ((InvoiceId(uuid4()), 2), (FIRST, 1))
    ]
    return receipt_mail(settled, tenant, dues, at=NOW, **(amounts or {}))


def test_a_receipt_names_amount_invoices_reference_and_card() -> None:
    found = rendered("en", ref_number="123456789012", card_mask="62741****44")

    assert found.subject == "Payment received: 5,000 Toman"
    for text in (
        "1405-000001, 1405-000002",
        "15966442233311",
        "123456789012",
        "62741****44",
        "23 Nov 2026, 15:30",
        f"https://portal.example/invoices/{FIRST}",
    ):
        assert text in found.text
        assert text in found.html
    assert "credit" not in found.text


def test_a_receipt_in_persian_has_persian_numbers_but_the_banks_own_references() -> None:
    found = rendered("fa")

    assert found.subject == "رسید پرداخت: ۵٬۰۰۰ تومان"
    assert "۱۴۰۵-۰۰۰۰۰۱" in found.text
    assert "15966442233311" in found.text
    assert 'dir="rtl"' in found.html
    assert "شرکت &lt;نمونه&gt;" in found.html


@pytest.mark.parametrize(("lang", "sentence"), [("en", "kept as your credit"), ("fa", "اعتبار شما")])
def test_a_receipt_says_what_became_credit(lang: Lang, sentence: str) -> None:
    assert sentence in rendered(lang, {"credit_rial": 20_000}).text
    assert sentence in rendered(lang, {"credit_rial": 20_000}).html
    assert sentence not in rendered(lang).text


def test_what_the_bank_did_not_tell_is_left_out() -> None:
    found = rendered("en")

    assert "Bank reference" not in found.text
    assert "Card" not in found.html


def test_a_persian_receipt_lists_its_invoices_with_a_persian_comma() -> None:
    found = rendered("fa")

    assert "\u2066۱۴۰۵-۰۰۰۰۰۱\u2069، \u2066۱۴۰۵-۰۰۰۰۰۲\u2069" in found.text


def test_a_masked_card_is_not_turned_round_in_a_persian_line() -> None:
    found = rendered("fa", card_mask="62741****44")

    assert "\u206662741****44\u2069" in found.text
    assert '<bdi dir="ltr">62741****44</bdi>' in found.html


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("en", "3,000 Toman is still to be paid"),
        ("fa", "هنوز ۳٬۰۰۰ تومان برای پرداخت مانده است"),
    ],
)
def test_a_receipt_of_a_part_says_what_is_left(lang: Lang, sentence: str) -> None:
    found = rendered(lang, {"outstanding_rial": 30_000})

    assert sentence in found.text
    assert sentence in found.html
    assert sentence not in rendered(lang).text


def test_what_made_up_for_a_debt_is_not_told_as_credit() -> None:
    found = rendered("en", {"credit_rial": 50_000, "debt_rial": 30_000})

    assert "Kept as your credit: 2,000 Toman" in found.text
    assert "taken back: 3,000 Toman" in found.text


def test_a_receipt_that_an_earlier_version_queued_is_still_written() -> None:
    mail = receipt_mail_of("en")
    params = {
        name: value for name, value in mail.params.items() if name not in {"debt_rial", "outstanding_rial"}
    }

    assert render(mail._replace(params=params), "https://portal.example").subject
