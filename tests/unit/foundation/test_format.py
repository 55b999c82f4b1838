from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from backend.i18n import format as shown
from backend.i18n.catalog import Lang


@pytest.mark.parametrize(
    ("rial", "lang", "expected"),
    [
        (123_450, "en", "12,345 Toman"),
        (123_455, "en", "12,345.5 Toman"),
        (123_450, "fa", "۱۲٬۳۴۵ تومان"),
        (123_455, "fa", "۱۲٬۳۴۵٫۵ تومان"),
        (0, "fa", "۰ تومان"),
        (-50, "en", "-5 Toman"),
    ],
)
def test_money_is_shown_in_toman_exact_to_the_rial(rial: int, lang: Lang, expected: str) -> None:
    assert shown.toman(rial, lang) == expected


@pytest.mark.parametrize(
    ("rial", "fa", "en"),
    [
        (0, "صفر تومان", "zero Toman"),
        (7, "هفت ریال", "seven Rial"),
        (10, "یک تومان", "one Toman"),
        (10_000, "هزار تومان", "one thousand Toman"),
        (11_000, "هزار و صد تومان", "one thousand, one hundred Toman"),
        (
            123_455,
            "دوازده هزار و سیصد و چهل و پنج تومان و پنج ریال",
            "twelve thousand, three hundred and forty-five Toman and five Rial",
        ),
        (10_000_010, "یک میلیون و یک تومان", "one million and one Toman"),
        (
            19_876_543_210,
            "یک میلیارد و نهصد و هشتاد و هفت میلیون و ششصد و پنجاه و چهار هزار و سیصد و بیست و یک تومان",
            "one billion, nine hundred and eighty-seven million, six hundred and fifty-four thousand, three hundred and twenty-one Toman",  # noqa: E501 - one sentence
        ),
    ],
)
def test_an_amount_in_words_says_the_same_in_both_languages(rial: int, fa: str, en: str) -> None:
    assert shown.toman_in_words(rial, "fa") == fa
    assert shown.toman_in_words(rial, "en") == en


def test_amounts_of_a_column_all_have_a_decimal() -> None:
    assert [shown.toman_bare(rial, "en") for rial in (10, 123_455)] == ["1.0", "12,345.5"]
    assert shown.toman_in_column(10, "fa") == "۱٫۰ تومان"
    assert [shown.percent_in_column(Decimal(share), "en") for share in ("1", "0.99999")] == [
        "100.00%",
        "99.99%",
    ]


def test_a_day_is_jalali_in_persian_and_gregorian_in_english() -> None:
    assert shown.day(date(2026, 11, 23), "fa") == "۲ آذر ۱۴۰۵"
    assert shown.day(date(2026, 11, 23), "en") == "23 Nov 2026"
    assert shown.short_day(date(2026, 11, 23), "fa") == "۲ آذر"


def test_an_instant_is_shown_in_tehran_time() -> None:
    at = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)

    assert shown.instant(at, "en") == "23 Nov 2026, 03:00"
    assert shown.instant(at, "fa") == "۲ آذر ۱۴۰۵، ۰۳:۰۰"


@pytest.mark.parametrize(
    ("share", "expected"), [("0.99999", "99.99%"), ("1", "100%"), ("0.5", "50%"), ("0", "0%")]
)
def test_a_share_is_never_rounded_up_to_the_whole(share: str, expected: str) -> None:
    assert shown.percent(Decimal(share), "en") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3.42, "3.4 s"), (59, "59 s"), (60, "1 min"), (7500, "2 h 5 min"), (90_000, "1 d 1 h"), (86_400, "1 d")],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float, expected: str) -> None:
    assert shown.duration(seconds, "en") == expected


def test_an_invoice_number_keeps_its_order_inside_a_persian_sentence() -> None:
    assert shown.identifier("1405-000020", "fa") == "\u2066۱۴۰۵-۰۰۰۰۲۰\u2069"
    assert shown.identifier("1405-000020", "en") == "1405-000020"
