"""Numbers, money, dates and durations as a person of each language writes them. The only place that formats."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import jdatetime
from num2words import num2words

from backend.clock import TEHRAN
from backend.i18n.catalog import Lang, text
from backend.money import RIAL_PER_TOMAN
from backend.money import toman as to_toman

_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_JALALI_MONTHS = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور",
    "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip
_ENGLISH_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE_S = 60


def digits(value: str, lang: Lang) -> str:
    """The text with its digits, decimal point and thousands comma in the script of the language."""
    if lang == "en":
        return value
    return value.translate(_PERSIAN_DIGITS).replace(",", "٬").replace(".", "٫")


def identifier(value: str, lang: Lang) -> str:
    """An invoice number or the like in the language's digits; no sentence from right to left can turn it round."""
    return f"\u2066{digits(value, lang)}\u2069" if lang == "fa" else value


def code(value: object, lang: Lang) -> str:
    """A number that one tells a bank, in the bank's own digits; no sentence from right to left can turn it round."""
    shown = "—" if value is None else str(value)
    return f"\u2066{shown}\u2069" if lang == "fa" else shown


def listed(items: Iterable[str], lang: Lang) -> str:
    """Several formatted items in a row, between the commas of the language."""
    return ("، " if lang == "fa" else ", ").join(items)


def number(value: int | Decimal, lang: Lang) -> str:
    """A number with groups of three, for example 12,345 or ۱۲٬۳۴۵."""
    return digits(f"{value:,}", lang)


def toman(amount_rial: int, lang: Lang) -> str:
    """An amount with its unit, exact to the rial: 12,345 Toman, or with one decimal where a rial is left over."""
    return text("unit.toman", lang, amount=digits(f"{to_toman(amount_rial):,.1f}".removesuffix(".0"), lang))


def toman_in_column(amount_rial: int, lang: Lang) -> str:
    """An amount with its unit that stands under others: always with one decimal, so that units stand under units."""
    return text("unit.toman", lang, amount=toman_bare(amount_rial, lang))


def toman_bare(amount_rial: int, lang: Lang) -> str:
    """Amount in toman for a column whose head names the unit: always with one decimal, without the unit."""
    return digits(f"{to_toman(amount_rial):,.1f}", lang)


def toman_in_words(amount_rial: int, lang: Lang) -> str:
    """Amount in words, in toman and any left-over rial, so that a pen cannot alter it. Not for negative amounts."""
    whole, rest = divmod(amount_rial, RIAL_PER_TOMAN)
    parts = [("unit.toman", whole)] if whole or not rest else []
    parts += [("unit.rial", rest)] if rest else []
    said = [text(unit, lang, amount=num2words(count, lang=lang)) for unit, count in parts]
    return text("unit.and_words", lang, first=said[0], second=said[1]) if len(said) > 1 else said[0]


def rial(amount_rial: int, lang: Lang) -> str:
    """An amount in rial; only towards the bank."""
    return text("unit.rial", lang, amount=number(amount_rial, lang))


def percent(share: Decimal | float, lang: Lang) -> str:
    """A share of one as percent, cut to two decimals: 0.99987 is 99.98 %, never rounded up to 100."""
    return _percent(_cut_percent(share).rstrip("0").rstrip("."), lang)


def percent_in_column(share: Decimal | float, lang: Lang) -> str:
    """As ``percent``, always with two decimals, so that it stands in line with those above and below."""
    return _percent(_cut_percent(share), lang)


def _cut_percent(share: Decimal | float) -> str:
    cut = int(Decimal(str(share)) * 10_000) / Decimal(100)
    return f"{cut:.2f}"


def _percent(shown: str, lang: Lang) -> str:
    return digits(shown, lang) + ("٪" if lang == "fa" else "%")


def day(value: date, lang: Lang) -> str:
    """A day as people write it: ۲ آذر ۱۴۰۵, or 23 Nov 2026."""
    if lang == "en":
        return f"{value.day} {_ENGLISH_MONTHS[value.month - 1]} {value.year}"
    jalali = jdatetime.date.fromgregorian(date=value)
    return digits(f"{jalali.day} {_JALALI_MONTHS[jalali.month - 1]} {jalali.year}", lang)


def short_day(value: date, lang: Lang) -> str:
    """A day without its year, for a chart's axis: ۲ آذر, or 23 Nov."""
    return day(value, lang).rpartition(" ")[0]


def month(value: date, lang: Lang) -> str:
    """The month that a day falls in: آذر ۱۴۰۵ in Persian, by the Jalali calendar, and Nov 2026 in English."""
    if lang == "en":
        return f"{_ENGLISH_MONTHS[value.month - 1]} {value.year}"
    return day(value, lang).partition(" ")[2]


def clock_time(value: datetime, lang: Lang) -> str:
    """The time of day in Tehran: ۰۳:۰۰."""
    return digits(f"{value.astimezone(TEHRAN):%H:%M}", lang)


def exact_time(value: datetime, lang: Lang) -> str:
    """The time of day in Tehran, to the second: ۰۳:۰۰:۱۲."""
    return digits(f"{value.astimezone(TEHRAN):%H:%M:%S}", lang)


def instant(value: datetime, lang: Lang) -> str:
    """A day and a time of day in Tehran."""
    return f"{day(value.astimezone(TEHRAN).date(), lang)}{'،' if lang == 'fa' else ','} {clock_time(value, lang)}"


def moment(value: datetime, lang: Lang) -> str:
    """As ``instant``, to the second: for events in their order."""
    date_of = day(value.astimezone(TEHRAN).date(), lang)
    return f"{date_of}{'،' if lang == 'fa' else ','} {exact_time(value, lang)}"


def duration(seconds: float, lang: Lang) -> str:
    """A stretch of time in its two largest units: 2 h 5 min, 3.4 s."""
    if seconds < _MINUTE_S:
        return text("unit.seconds", lang, n=digits(f"{seconds:.1f}".removesuffix(".0"), lang))
    minutes = round(seconds / _MINUTE_S)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [("days", days), ("hours", hours), ("minutes", minutes)]
    shown = [text(f"unit.{unit}", lang, n=number(n, lang)) for unit, n in parts if n][:2]
    return text("unit.and", lang, first=shown[0], second=shown[1]) if len(shown) > 1 else shown[0]
