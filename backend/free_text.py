"""Free text: the single rule for text that people write, paste or send, and that is stored or searched for.

Stored text is composed (NFC), has the Persian letters for yeh and kaf, and holds no sign that nobody sees: such signs
hide text, turn its direction, and make two equal names differ.
"""

import re
import unicodedata

_PERSIAN_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
_LATIN_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩٫", "01234567890123456789.")
# ZWNJ and ZWJ shape Persian words and emoji, but only between two other letters.
_JOINERS = "\u200c\u200d"
# Letters and symbols by their category that show nothing: Hangul fillers and the empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_VISIBLE = frozenset("LNPS")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_GROUPED = re.compile(r"[+-]?\d{1,3}([,٬]\d{3})+(\.\d*)?")


def written(text: str, *, longest: int, lines: bool = False) -> str:
    """Text for storing, in its normal form; ``lines`` keeps line breaks. Idempotent.

    Raises:
        ValueError: nothing of it can be seen, it is longer than ``longest``, or it holds control characters.
    """
    tidy = _tidy(text)
    if lines:
        tidy = "\n".join(line.strip() for line in tidy.splitlines()).strip()
    if (
        not is_visible(tidy)
        or len(tidy) > longest
        or _has_controls(tidy.replace("\n", "") if lines else tidy)
    ):
        raise ValueError("text that cannot be shown")
    return tidy


def received(text: str, longest: int) -> str:
    """Text from browsers and strangers, in a form that can be stored and shown; cut to length, never refused."""
    tidy = "".join(char for char in _tidy(text) if unicodedata.category(char) not in _CONTROLS)
    return tidy.strip()[:longest].strip()


def storable(text: str) -> str:
    """The text without zero bytes and halves of characters, which no database takes, not even to compare with."""
    return _UNSTORABLE.sub("", text)


def pasted(text: str) -> str:
    """An address, a number or a word to search for, as it was meant: without invisible signs and spaces around it."""
    return "".join(char for char in text if not _is_invisible(char)).strip()


def sought(text: str) -> list[str]:
    """The words of a search in the spelling of stored text, with Latin digits; groups of three are one number.

    Half spaces go with the other invisible signs, so they must be left out of what is searched, too.
    """
    plain = unicodedata.normalize("NFC", latin_digits(pasted(text))).translate(_PERSIAN_LETTERS)
    shown = "".join(" " if unicodedata.category(char) in _CONTROLS else char for char in plain)
    return [number(word) for word in shown.split()]


def latin_digits(text: str) -> str:
    """The text with Persian and Arabic digits, and their decimal sign, as Latin ones."""
    return text.translate(_LATIN_DIGITS)


def number(text: str) -> str:
    """A typed or pasted number, in the form that ``int`` and ``Decimal`` read.

    Digits may be Persian or Arabic and in groups of three; whatever else it is stays as it is, for them to refuse.
    """
    plain = latin_digits(pasted(text))
    return re.sub("[,٬]", "", plain) if _GROUPED.fullmatch(plain) else plain


def is_visible(text: str) -> bool:
    """Whether anything of a text can be seen."""
    return any(unicodedata.category(char)[0] in _VISIBLE and char not in _BLANK for char in text)


def is_exact(text: str, longest: int) -> bool:
    """Whether a name for exact comparison, such as a label, holds visible characters only."""
    return (
        len(text) <= longest
        and is_visible(text)
        and text == text.strip()
        and not _has_controls(text)
        and not any(_is_invisible(char) and char not in _JOINERS for char in text)
    )


def _tidy(text: str) -> str:
    kept = "".join(char for char in text if char in _JOINERS or not _is_invisible(char))
    joined = re.sub(f"[{_JOINERS}]*([{_JOINERS}])", r"\1", kept)
    between = re.sub(rf"(?<![^\s])[{_JOINERS}]|[{_JOINERS}](?![^\s])", "", joined)
    return unicodedata.normalize("NFC", between).translate(_PERSIAN_LETTERS).strip()


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) == "Cf" or char in _BLANK


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(char) in _CONTROLS for char in text)
