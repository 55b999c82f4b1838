"""The glossary's terms are those that people read, and each area is in order."""

import re
from collections.abc import Iterable

from backend.i18n.catalog import Lang, sentences
from runbooks import registry as _registry  # noqa: F401 (its sentences are read, too)
from tests.guards.rules import ROOT

# Terms of the code, which pages tell in other words.
_SAID_OTHERWISE = {"debt", "ledger entry", "settlement"}

Term = tuple[str, str]


def areas(glossary: str) -> list[list[Term]]:
    """The terms of each area, in English and in Persian."""
    tables = (
        re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", area, re.MULTILINE)
        for area in glossary.split("\n## ")[1:]
    )
    return [
        [(english, persian) for english, persian in rows if english not in {"term", "---"}] for rows in tables
    ]


def unsaid(terms: Iterable[str], lang: Lang) -> list[str]:
    """The terms that stand in no sentence of a language; several of one line stand between commas."""
    said = " ".join(sentences(lang).values()).casefold()
    return [each for term in terms for each in re.split("[,،] ", term) if each not in said]


def glossary() -> list[list[Term]]:
    return areas((ROOT / "docs/glossary.md").read_text())


def test_every_term_of_the_glossary_is_read_somewhere() -> None:
    terms = [term for area in glossary() for term in area]

    assert set(unsaid((english for english, _ in terms), "en")) <= _SAID_OTHERWISE
    assert unsaid((persian for _, persian in terms), "fa") == []
    assert len(terms) > len(_SAID_OTHERWISE)


def test_a_term_that_nobody_reads_is_seen() -> None:
    assert unsaid(["قرائت، سیاهه"], "fa") == ["سیاهه"]


def test_each_area_stands_in_the_order_of_the_alphabet_and_names_a_term_once() -> None:
    for area in glossary():
        names = [english for english, _ in area]

        assert names == sorted(set(names))
