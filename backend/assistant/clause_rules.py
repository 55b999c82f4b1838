"""Whether a sentence tells the clauses of its line again as they are: the same words in the same order.

A bag of words holds "delete blocks, do not enlarge the volume" for "enlarge the volume, do not delete blocks". So a
clause is told part by part, each part from its first word to its last. Parts lie between commas, joining words and
conditions; one that neither denies nor limits may be left out, and a condition at one end of its clause may stand at
the other.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backend.assistant.validator_rules import stem_of, tokens_of
from backend.assistant.words import (
    BORDERS,
    CONDITIONS,
    DIRECTIONS,
    FREE,
    JOINING,
    NEGATIONS,
    NUMBERS,
    PASSIVES,
    plain,
)
from backend.i18n.catalog import Lang

Stems = tuple[str, ...]
_CODE = re.compile(r"`([^`\n]*)`")
_END = re.compile(r"([.;:!?؛؟](?=\s|$)|\s[—–]\s)")
_COMMA = re.compile("[,،()]")
# In English what comes after a comma and a joining word limits nothing before it.
_BEFORE_LAST: dict[Lang, re.Pattern[str] | None] = {
    "en": re.compile(r"(.+), (?:and|or|but) [^,]+"),
    "fa": None,
}
# Stands for the code of a line, so that it is one word whatever signs are in it.
_PLACE = re.compile(r"codenumber(\d+)end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A clause by its parts, and the clause before its colon, which says of what or when it holds."""

    parts: tuple[Stems, ...]
    label: tuple[Stems, ...] = ()

    @property
    def words(self) -> Stems:
        """All its words in order."""
        return _joined(self.parts)


class Telling:
    """Compares sentences of one language with cited texts."""

    def __init__(self, texts: Iterable[str], lang: Lang) -> None:
        """Read the clauses of the texts."""
        self._lang = lang
        self._cited = [clause for text in texts for clause in _clauses(text, lang, is_cited=True)]
        self._limits = NEGATIONS[lang] | CONDITIONS[lang]
        self._optional = JOINING[lang] - DIRECTIONS[lang] - self._limits

    def holds(self, sentence: str) -> bool:
        """Whether each clause of a sentence tells one that is cited, and at least one does."""
        said = list(_clauses(sentence, self._lang, is_cited=False))
        spoken = {word for clause in said for word in clause.words}
        return bool(said) and all(self._is_told(clause, spoken) for clause in said)

    def _is_told(self, clause: Clause, spoken: set[str]) -> bool:
        """Whether a clause, or each stretch that its commas make of it, tells one that is cited."""
        # What is said under a condition must be told under it.
        parts = (*clause.label, *clause.parts) if self._limits_of(clause.label) else clause.parts
        ends = [at for at, part in enumerate(parts) if at and not self._is_condition(part)] + [len(parts)]
        reached = [0]
        for end in ends:
            stretches = [parts[start:end] for start in reached]
            # A condition goes with what it limits, not with whatever comes next.
            told = [each for each in stretches if each == parts or not all(map(self._is_condition, each))]
            if any(self._tells(_joined(each), cited, spoken) for each in told for cited in self._cited):
                reached.append(end)
        return reached[-1] == len(parts)

    def _tells(self, said: Stems, cited: Clause, spoken: set[str]) -> bool:
        limits = self._limits_of(cited.label)
        if not limits:
            return self._runs(said, cited.parts, cited.label)
        # What holds under a condition is not told without it, nor a command without what forbids it.
        whole = self._runs(said, (*cited.label, *cited.parts), ())
        return whole or (limits <= spoken and self._runs(said, cited.parts, ()))

    def _limits_of(self, parts: Sequence[Stems]) -> set[str]:
        return {word for part in parts for word in part if word in self._limits}

    def _runs(self, said: Stems, parts: Sequence[Stems], label: Sequence[Stems]) -> bool:
        orders = [parts]
        if len(parts) > 1:
            orders += [(*parts[1:], parts[0])] if self._is_condition(parts[0]) else []
            orders += [(parts[-1], *parts[:-1])] if self._is_condition(parts[-1]) else []
        return any(self._ends(said, order, label) for order in orders)

    def _ends(self, said: Stems, parts: Sequence[Stems], label: Sequence[Stems]) -> bool:
        """Whether these parts, or those of them that may not be left out, make up what is said."""
        named = _joined(label)
        reached, mains = {0}, {0} if all(map(self._is_condition, parts)) else set()
        for part in parts:
            is_needed = bool(self._limits_of([part]))
            told, told_mains = self._after(said, reached, part), self._after(said, mains, part)
            if not self._is_condition(part):
                told_mains |= told
            reached = told if is_needed else reached | told
            mains = told_mains if is_needed else mains | told_mains
            mains |= {end for at in mains - {0} for end in _ends_within(said, at, named)}
        return len(said) in mains

    def _after(self, said: Stems, starts: set[int], part: Stems) -> set[int]:
        """The places that a sentence has reached after this part, from each of these places."""
        reached = starts
        for word in part:
            after = {at + 1 for at in reached if at < len(said) and said[at] == word}
            reached = after | (reached if word in self._optional else set())
        return reached

    def _is_condition(self, part: Stems) -> bool:
        return part[:1] != () and part[0] in CONDITIONS[self._lang]


def _clauses(text: str, lang: Lang, *, is_cited: bool) -> Iterator[Clause]:
    """The clauses of a text; one after a colon knows what stands before it. A cited one comes without its end, too."""
    codes: list[str] = []

    def put_away(found: re.Match[str]) -> str:
        codes.append(" ".join(found[1].split()).casefold())
        return f" codenumber{len(codes) - 1}end "

    pieces = _END.split(plain(_CODE.sub(put_away, text)))
    labels: list[tuple[Stems, ...]] = [()]
    for piece, end in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        ways = [piece, *(_without_last(piece, lang) if is_cited else ())]
        told = [parts for way in ways if (parts := tuple(_parts(way, codes, lang)))]
        yield from (Clause(parts=parts, label=label) for parts in told for label in labels)
        labels = told if end == ":" and told else [()]


def _without_last(piece: str, lang: Lang) -> list[str]:
    pattern = _BEFORE_LAST[lang]
    found = pattern and pattern.fullmatch(piece.strip())
    return [found[1]] if found else []


def _parts(piece: str, codes: Sequence[str], lang: Lang) -> Iterator[Stems]:
    for stretch in _COMMA.split(piece):
        part: list[str] = []
        tokens = [token.casefold() for token in tokens_of(stretch)]
        for at, token in enumerate(tokens):
            is_new = token in CONDITIONS[lang] and not (part and part[-1] in CONDITIONS[lang])
            if part and (token in BORDERS[lang] or is_new):
                yield tuple(part)
                part = []
            following = tokens[at + 1] if at + 1 < len(tokens) else ""
            part += _word(token, following, codes, lang)
        if part:
            yield tuple(part)


def _word(token: str, following: str, codes: Sequence[str], lang: Lang) -> list[str]:
    """A word for comparing: none for one that may come and go, and whoever suffers is told from whoever does."""
    if place := _PLACE.fullmatch(token):
        return [codes[int(place[1])]]
    if token in PASSIVES[lang]:
        return ["be"] if following.endswith("ed") else []
    if token in FREE[lang] | BORDERS[lang]:
        return []
    if token in NEGATIONS[lang] | CONDITIONS[lang] | JOINING[lang] or not token.isalpha():
        return [token]
    stem = stem_of(token, lang)
    return [NUMBERS.get(token) or (stem.removesuffix("e") if lang == "en" else stem)]


def _joined(parts: Sequence[Stems]) -> Stems:
    return tuple(word for part in parts for word in part)


def _ends_within(said: Stems, at: int, named: Stems) -> Iterator[int]:
    """Each place at which a stretch of other words that begins here may end."""
    for end in range(at + 1, len(said) + 1):
        size = end - at
        if any(named[start : start + size] == said[at:end] for start in range(len(named) - size + 1)):
            yield end
