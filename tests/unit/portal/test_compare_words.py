"""A compared day in words: what is stored includes usage that is on no invoice, so none of it is called billed."""

from datetime import date
from decimal import Decimal

import pytest

from backend.i18n.catalog import Lang, text
from backend.invoices import rules
from backend.invoices.types import DayComparison
from backend.pricing.types import PriceList
from backend.tenants.types import INTERNAL_LABEL
from backend.usage.types import UsageRow
from portal.features.billing.compare_rows import to_compared

DAY = date(2026, 11, 20)
PRICES = PriceList(version=1, valid_from=DAY, rial_per_1000_tokens=Decimal(200))


def compared(stored: int, measured: int, lang: Lang) -> str:
    """What the page says of a day on which only we ourselves used something, which nobody is billed for."""
    before, now = (
        [UsageRow(INTERNAL_LABEL, "gpt-4o", "prompt", tokens, Decimal(1), 0, False, ())]
        for tokens in (stored, measured)
    )
    found = DayComparison(
        day=DAY,
        stored_tokens=stored,
        measured_tokens=measured,
        differences=rules.differences(before, now, PRICES),
    )
    return to_compared(found, {}, lang).sentence


@pytest.mark.parametrize(
    ("lang", "stored", "billed"), [("en", "stored", "billed"), ("fa", "ثبت", "صورت‌حساب")]
)
def test_usage_that_is_on_no_invoice_is_called_stored_and_not_billed(
    lang: Lang, stored: str, billed: str
) -> None:
    told = [compared(5, 5, lang), compared(5, 3, lang), text("page.compare.stored", lang)]

    assert [stored in each.lower() for each in told] == [True] * 3
    assert [billed in each.lower() for each in told] == [False] * 3
