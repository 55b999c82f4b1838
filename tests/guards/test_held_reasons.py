"""The manual names every reason for which an invoice is held, in the words of the page."""

from pathlib import Path

import pytest

from backend.i18n.catalog import LANGUAGES, Lang, text
from backend.invoices.types import HoldReason
from backend.usage.types import HOLDING


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_manual_lists_every_reason_for_which_an_invoice_is_held(lang: Lang) -> None:
    manual = Path(f"docs/{lang}/billing.md").read_text()
    names = [text(f"usage.flag_name.{flag}", lang) for flag in HOLDING]
    names += [text(f"invoice.hold_name.{reason}", lang) for reason in HoldReason]

    assert [name for name in names if f"| {name} | " not in manual] == []
