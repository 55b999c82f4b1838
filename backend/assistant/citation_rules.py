"""Judges the sentences of an answer, each against the lines that it cites.

Everything a line says may be an order to the model, so nothing is taken on trust: a sentence stands or falls by itself.
Its words and numbers must stand in the lines that it names, its code must be code there, and each of its clauses must
tell one of theirs in the order of its words, with what that denies and limits (`clause_rules`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from backend.assistant.answer_types import CitationRefusal, NumberedLine
from backend.assistant.clause_rules import Telling
from backend.assistant.validator_rules import (
    NUMBER,
    has_address,
    has_known_letters,
    numbers_of,
    parts_of,
    stem_of,
    tokens_of,
)
from backend.assistant.words import CONDITIONS, JOINING, NEGATIONS, NUMBERS, ORDERS, PROGRAMS, plain
from backend.i18n.catalog import Lang

LONGEST_SENTENCE = 400
MOST_CITED = 2
_CODE = re.compile(r"`([^`\n]*)`")
_CLAUSE_END = re.compile(r"[.;:!?؛؟](?:\s|$)")
_WORD = re.compile(r"[^\W\d_]+")
# A clause is told again when a sentence has this share of its words.
_TOLD_AGAIN = 0.5


def speaks_to_a_model(text: str) -> bool:
    """Whether a text gives orders to whoever answers, in place of telling people how things are."""
    joined = f" {' '.join(_WORD.findall(plain(text).casefold()))} "
    return any(f" {phrase} " in joined for phrase in ORDERS)


def refusal_of(
    sentence: str, cited: Sequence[int], lines: Mapping[int, NumberedLine], lang: Lang
) -> CitationRefusal | None:
    """The first reason not to show a sentence, or None for one that its lines hold."""
    known = [lines[number] for number in dict.fromkeys(cited) if number in lines]
    if not known or len(known) != len(set(cited)) or len(known) > MOST_CITED:
        return CitationRefusal.UNCITED
    code, prose = (
        [" ".join(span.split()) for span in _CODE.findall(sentence)],
        plain(_CODE.sub(" ", sentence)),
    )
    reasons = (
        (CitationRefusal.LENGTH, not plain(sentence) or len(sentence) > LONGEST_SENTENCE),
        (CitationRefusal.LETTERS, "`" in prose or not has_known_letters(prose, lang)),
        (CitationRefusal.ADDRESS, has_address(prose)),
        (CitationRefusal.COMMAND, not _code_of(known).issuperset(code) or _names_program(prose)),
        (CitationRefusal.NUMBER, not _numbers_in(known).issuperset(numbers_of(prose))),
        (CitationRefusal.WORD, not _Words(known, lang).hold(prose)),
        *_twists(sentence, prose, known, lang),
    )
    return next((refusal for refusal, holds in reasons if holds), None)


class _Words:
    """The words of some lines, and of the titles and headings that they stand under."""

    def __init__(self, lines: Sequence[NumberedLine], lang: Lang) -> None:
        self._lang = lang
        texts = [plain(text) for line in lines for text in (line.text, line.title, line.heading)]
        self._words = {part for text in texts for token in tokens_of(_bare(text)) for part in parts_of(token)}
        self._stems = {stem_of(word, lang) for word in self._words}

    def hold(self, prose: str) -> bool:
        """Whether every word of a sentence is one of them, in another form at most, or joins them."""
        return all(self._holds(token.casefold()) for token in tokens_of(prose))

    def _holds(self, word: str) -> bool:
        if word in self._words or word in JOINING[self._lang] or word in NUMBERS or NUMBER.fullmatch(word):
            return True
        return word.isalpha() and stem_of(word, self._lang) in self._stems


def _bare(text: str) -> str:
    """A line with its code as words: a sentence may name it, but not as a command."""
    return text.replace("`", " ")


def _numbers_in(lines: Sequence[NumberedLine]) -> set[str]:
    return {number for line in lines for number in numbers_of(plain(_bare(line.text)))}


def _code_of(lines: Sequence[NumberedLine]) -> set[str]:
    """Whole spans, whole blocks and whole lines of blocks: half a command is another one."""
    spans = {span for line in lines for span in _CODE.findall(line.text)}
    blocks = {part for line in lines for part in (line.code, *line.code.splitlines())}
    return {" ".join(each.split()) for each in spans | blocks if each.strip()}


def _names_program(prose: str) -> bool:
    return not PROGRAMS.isdisjoint(token.casefold() for token in tokens_of(prose))


def _twists(
    sentence: str, prose: str, lines: Sequence[NumberedLine], lang: Lang
) -> tuple[tuple[CitationRefusal, bool], ...]:
    """Whether a sentence tells something else than its lines, and whether by denying, by limiting, or by its order."""
    texts = [text for line in lines for text in (line.text, *_commands(line), line.title, line.heading)]
    if Telling(texts, lang).holds(sentence):
        return ()
    said = _spoken(prose)
    clauses = [clause for line in lines for clause in _clauses(line)]
    told = [clause for clause in clauses if _is_told(clause, set(said), lang)] or clauses
    denied = sum(_count(clause, NEGATIONS[lang]) for clause in told)
    wanted = {word for clause in told for word in clause if word in CONDITIONS[lang]}
    return (
        (CitationRefusal.NEGATION, _count(said, NEGATIONS[lang]) != denied),
        (CitationRefusal.CONDITION, not wanted <= set(said)),
        (CitationRefusal.ORDER, True),
    )


def _commands(line: NumberedLine) -> Iterator[str]:
    """A line with each command of its block at the end, and the block as a whole: so they may be told."""
    for code in dict.fromkeys((line.code, *line.code.splitlines())):
        if told := " ".join(code.split()):
            yield f"{line.text} `{told}`" if line.text.endswith(":") else f"{line.text}: `{told}`"


def _clauses(line: NumberedLine) -> list[list[str]]:
    clauses = map(_spoken, _CLAUSE_END.split(plain(_CODE.sub(" ", line.text))))
    return [clause for clause in clauses if clause]


def _is_told(clause: Sequence[str], said: set[str], lang: Lang) -> bool:
    own = {stem_of(word, lang) for word in clause if word not in JOINING[lang]}
    return len(own & {stem_of(word, lang) for word in said}) >= max(1, _TOLD_AGAIN * len(own))


def _spoken(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _count(words: Sequence[str], wanted: frozenset[str]) -> int:
    return sum(word in wanted for word in words)
