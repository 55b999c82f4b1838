"""Text from people: what is stored of it, and what is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import free_text

INVISIBLE = [
    "", " ", "\u00a0", "\u200b", "\u200c", "\u200d", "\u200e\u200f", "\u2800", "\u202e", "\u2066\u2069", "\ufeff",
    "\u00ad", "\u3164", "\u115f\u1160", "\u2060", "\u180e", "\u0301", "\ufe0f", " \u200c \u200b ", "\U000e0041",
]  # fmt: skip
OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("text", [*INVISIBLE, "\0", "a\0b", "a\x1b[2Jb", "a\ud800", "a\u2028b", "x" * 11])
@pytest.mark.parametrize("lines", [False, True])
def test_what_cannot_be_shown_is_refused(text: str, lines: bool) -> None:
    if lines and text == "a\u2028b":
        assert free_text.written(text, longest=10, lines=True) == "a\nb"
        return
    with pytest.raises(ValueError, match="cannot be shown"):
        free_text.written(text, longest=10, lines=lines)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        pytest.param("شركت نمونه علي", "شرکت نمونه علی", id="Arabic letters"),
        pytest.param("  زهرا حسینی‌نژاد ", "زهرا حسینی‌نژاد", id="a joiner inside a word stays"),
        pytest.param("\u200cکتاب\u200c‌\u200cها\u200c", "کتاب\u200cها", id="one joiner, and only inside"),
        pytest.param("a \u200cb", "a b", id="no joiner beside a space"),
        pytest.param("Ava\u202eovA", "AvaovA", id="an override of the direction"),
        pytest.param("\u2067شرکت\u2069 \u200fآوا\ufeff", "شرکت آوا", id="isolates and marks"),
        pytest.param("Cafe\u0301", "Caf\u00e9", id="composed"),
        pytest.param("👨‍👩‍👧", "👨‍👩‍👧", id="a family"),
        pytest.param("!", "!", id="a sign"),
    ],
)
def test_the_same_text_has_one_stored_form(typed: str, stored: str) -> None:
    assert free_text.written(typed, longest=100) == stored


def test_a_note_keeps_its_lines_and_a_name_has_one() -> None:
    assert free_text.written(" one \r\n two\u200b ", longest=100, lines=True) == "one\ntwo"
    with pytest.raises(ValueError, match="cannot be shown"):
        free_text.written("one\ntwo", longest=100)


@given(st.text(max_size=60), st.booleans())
def test_whatever_is_stored_is_visible_and_hides_nothing(text: str, lines: bool) -> None:
    try:
        stored = free_text.written(text, longest=60, lines=lines)
    except ValueError:
        return
    assert free_text.is_visible(stored)
    assert not set(stored) & set(OVERRIDES)
    assert {unicodedata.category(char) for char in stored.replace("\n", "")}.isdisjoint(
        {"Cc", "Cs", "Zl", "Zp"}
    )
    assert free_text.written(stored, longest=120, lines=lines) == stored


@given(st.text(max_size=60))
def test_whatever_a_browser_sends_is_storable(text: str) -> None:
    stored = free_text.received(text, 20)

    assert len(stored) <= 20
    assert stored.encode().decode() == stored
    assert "\0" not in stored


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("\u200f۱۲۳٤٥\u200e ", "12345"),
        ("\u202b۱٬۲۳۴٬۵۶۷\u202c", "1234567"),
        ("1,234,567", "1234567"),
        ("1,234.5", "1234.5"),
        ("۰٫۹۵", "0.95"),
        ("\ufeff1405-000123", "1405-000123"),
        ("1,5", "1,5"),
        ("-12", "-12"),
        ("many", "many"),
    ],
)
def test_a_pasted_number_is_read_as_it_was_meant(typed: str, read: str) -> None:
    assert free_text.number(typed) == read


@pytest.mark.parametrize("label", ["ava", "شرکت علي", "a b", "می‌رود"])
def test_a_label_is_taken_letter_by_letter(label: str) -> None:
    assert free_text.is_exact(label, 50)


@pytest.mark.parametrize("label", [*INVISIBLE, " ava", "ava\u200b", "a\u202eva", "a\nb", "a" * 51])
def test_a_label_that_hides_something_is_none(label: str) -> None:
    assert not free_text.is_exact(label, 50)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", []),
        (" \u200f \x00", []),
        ("كيان  پارس", ["کیان", "پارس"]),
        ("نرم\u200cافزار", ["نرمافزار"]),
        ("۱۲۳٬۴۵۶ 1405-000123", ["123456", "1405-000123"]),
        ("\u2066۱۴۰۵-۰۰۰۱۲۳\u2069", ["1405-000123"]),
    ],
)
def test_a_search_is_the_words_that_were_meant(typed: str, words: list[str]) -> None:
    assert free_text.sought(typed) == words


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("a\0b", "ab", id="a zero byte"),
        pytest.param("\ud83d", "", id="half a character"),
        pytest.param("a\x1b\n\u202e\U0001f600ي", "a\x1b\n\u202e\U0001f600ي", id="all else stays as it is"),
    ],
)
def test_what_no_database_takes_is_left_out(text: str, kept: str) -> None:
    assert free_text.storable(text) == kept
