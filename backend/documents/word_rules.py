"""The words of documents and of questions, in one spelling, so that they can be compared in both languages."""

import re
import tomllib
import unicodedata
from pathlib import Path

from backend.free_text import latin_digits
from backend.i18n.catalog import Lang

_PERSIAN_LETTERS = str.maketrans(
    {"ي": "ی", "ى": "ی", "ئ": "ی", "ك": "ک", "ة": "ه", "ۀ": "ه", "أ": "ا", "إ": "ا"}
)
_JOINER = "\u200c"
_JOINED = re.compile(rf"\w+(?:{_JOINER}\w+)+")
_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IS_PERSIAN = re.compile("[\u0600-\u06ff]")
# Longer ones first: each is cut once, from a word that keeps three letters.
_SUFFIXES = (
    *("هایشان", "هامون", "هاشون", "هایی", "های", "شان", "مان", "تان", "شون", "مون", "تون"),
    *("ها", "ان", "ای", "اش", "یم", "ند", "ی", "ش", "ا"),
)
_SHORTEST_STEM = 3
_MOST_WORDS = 24


def language_of(question: str) -> Lang:
    """The language of a question: Persian as soon as it has a Persian letter."""
    return "fa" if _IS_PERSIAN.search(question) else "en"


def indexed(text: str, lang: Lang) -> str:
    """A text as it is given to PostgreSQL: words with spaces between, joined words also as one, stems in Persian.

    Names in capitals and small letters (`HighLatency`) stand whole and in their parts.
    """
    plain = _plain(text)
    joined = [found.replace(_JOINER, "") for found in _JOINED.findall(plain)]
    words = [*_words(plain), *joined, *(found for found in _WORD.findall(text) if _HUMP.search(found))]
    return " ".join(word if lang == "en" else stem(word) for word in map(str.casefold, words))


def asked(question: str, lang: Lang) -> list[list[str]]:
    """The words of a question that say something, each with the words that mean the same. At most 24."""
    # A name in capitals and small letters stays whole: its parts mean other things.
    words = [word.casefold() for word in _WORD.findall(_plain(question))]
    kept = list(dict.fromkeys(word for word in words if word not in _STOP[lang] and len(word) > 1))
    return [_meant(word, lang) for word in kept[:_MOST_WORDS]]


def stem(word: str) -> str:
    """A Persian word without its plural, its owner and its ending; a word of other letters as it is."""
    if not _IS_PERSIAN.search(word):
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word.removesuffix(suffix)
    return word


def _meant(word: str, lang: Lang) -> list[str]:
    if lang == "en":
        return [word, *sorted(_SAME["en"].get(word, set()) - {word})]
    bare = stem(word)
    return [bare, *sorted({stem(each) for each in _SAME["fa"].get(bare, set())} - {bare})]


def _words(plain: str) -> list[str]:
    return [part for word in _WORD.findall(plain) for part in _HUMP.sub(" ", word).split()]


def _plain(text: str) -> str:
    """Compatible forms unified, Latin digits, Persian letters, no vowel signs; half spaces stay."""
    composed = latin_digits(unicodedata.normalize("NFKC", text))
    parts = unicodedata.normalize("NFD", composed.translate(_PERSIAN_LETTERS))
    bare = "".join(char for char in parts if unicodedata.category(char) != "Mn")
    return unicodedata.normalize("NFC", bare).translate(_PERSIAN_LETTERS)


_LISTS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
_STOP: dict[Lang, frozenset[str]] = {
    lang: frozenset(_words(_plain(words))) for lang, words in _LISTS["stop"].items()
}


def _same(lang: Lang) -> dict[str, set[str]]:
    """For each word those of its lines, by its stem."""
    found: dict[str, set[str]] = {}
    for line in _LISTS["same"][lang].strip().splitlines():
        words = {word.casefold() for word in _words(_plain(line.replace(_JOINER, "")))}
        for word in words:
            found.setdefault(stem(word), set()).update(words)
    return found


_SAME: dict[Lang, dict[str, set[str]]] = {"en": _same("en"), "fa": _same("fa")}
