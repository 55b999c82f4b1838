"""A model's words as a page shows them: numbers in the reader's digits, names as they are."""

import pytest

from backend.i18n.catalog import Lang
from portal.features.alerts.wording_rows import _localised


@pytest.mark.parametrize(
    ("lang", "worded", "shown"),
    [
        ("fa", "از 15:30 در api-7 خطا 7.5٪ است.", "از ۱۵:۳۰ در api-7 خطا ۷٫۵٪ است."),
        ("fa", "10.0.0.7:8000 پاسخ نمی‌دهد؛ 3 هشدار.", "10.0.0.7:8000 پاسخ نمی‌دهد؛ ۳ هشدار."),
        ("fa", "gpt-5.2 از 12.", "gpt-5.2 از ۱۲."),
        ("en", "Since 15:30, 7.5 % of requests fail.", "Since 15:30, 7.5 % of requests fail."),
    ],
)
def test_numbers_of_a_model_stand_in_the_readers_digits(lang: Lang, worded: str, shown: str) -> None:
    assert _localised(worded, lang) == shown
