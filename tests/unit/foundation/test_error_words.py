"""Errors as sentences: times as their reader writes them."""

from datetime import UTC, date, datetime

from backend.errors import Conflict
from backend.i18n.errors import error_text


def test_an_instant_in_an_error_is_told_in_the_calendar_and_the_digits_of_its_reader() -> None:
    early = Conflict(reason="run_cool_down", until=datetime(2026, 11, 29, 8, 0, tzinfo=UTC))

    assert "29 Nov 2026" in error_text(early, "en")
    assert "۸ آذر ۱۴۰۵" in error_text(early, "fa")
    assert "2026" not in error_text(early, "fa")


def test_a_day_in_an_error_is_told_in_the_calendar_and_the_digits_of_its_reader() -> None:
    refused = Conflict(reason="run_cool_down", until=date(2026, 11, 29))

    assert "29 Nov 2026" in error_text(refused, "en")
    assert "۸ آذر ۱۴۰۵" in error_text(refused, "fa")
