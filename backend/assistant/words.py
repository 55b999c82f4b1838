"""Words that a wording may always use, and words that it may never use, and how texts are compared."""

import tomllib
import unicodedata
from pathlib import Path

from backend.free_text import latin_digits

_PERSIAN_LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})
_JOINER = "\u200c"


def plain(text: str) -> str:
    """A text for comparing: compatible forms unified, Latin digits, Persian letters, no marks and no joiners."""
    composed = latin_digits(unicodedata.normalize("NFKC", text)).translate(_PERSIAN_LETTERS)
    parts = unicodedata.normalize("NFD", composed)
    bare = "".join(char for char in parts if unicodedata.category(char) != "Mn")
    return " ".join(unicodedata.normalize("NFC", bare).replace(_JOINER, " ").split())


_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())

JOINING = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["joining"].items()}
COMMANDS = frozenset(word for words in _WORDS["commands"].values() for word in plain(words).split())
CAUSES = frozenset(plain(phrase) for phrases in _WORDS["causes"].values() for phrase in phrases.split(","))
REASSURANCES = frozenset(
    plain(phrase) for phrases in _WORDS["reassurances"].values() for phrase in phrases.split(",")
)
NUMBERS = {plain(word): str(value) for word, value in _WORDS["numbers"].items()}
NEGATIONS = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["negations"].items()}
CONDITIONS = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["conditions"].items()}
PROGRAMS = frozenset(_WORDS["programs"]["all"].split())
ORDERS = frozenset(plain(phrase) for phrases in _WORDS["orders"].values() for phrase in phrases.split(","))
FREE = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["free"].items()}
BORDERS = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["borders"].items()}
DIRECTIONS = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["directions"].items()}
PASSIVES = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["passives"].items()}
LACKS = {lang: frozenset(plain(words).split()) for lang, words in _WORDS["lacks"].items()}
