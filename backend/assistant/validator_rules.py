"""The validator: an answer of a model is shown only if every word of it is joined from the evidence of its group.

A model may be talked into anything by the alerts that it reads, so nothing is taken on trust. The groups must be ours,
every number and every word must stand in the evidence of that very group or be one of the small joining words, and
orders, causes, reassurance and addresses are refused even where the evidence has them. Words and numbers that stand
beside each other come in the order of the evidence, and what is denied there, and nothing else, is denied.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from backend.assistant.types import NumberedAlert, Refusal, WordedGroup
from backend.assistant.words import (
    BORDERS,
    CAUSES,
    COMMANDS,
    CONDITIONS,
    DIRECTIONS,
    JOINING,
    LACKS,
    NEGATIONS,
    NUMBERS,
    REASSURANCES,
    plain,
)
from backend.i18n.catalog import Lang

LONGEST_TITLE = 120
LONGEST_TEXT = 400
_PERSIAN = re.compile("[\u0621-\u063a\u0641-\u064a\u067e\u0686\u0698\u06a9\u06af\u06cc]")
_SIGNS = frozenset(
    " .,:;!?()%'\"/-_+=&\u060c\u061b\u061f\u00ab\u00bb\u2013\u2014\u2026\u201c\u201d\u2018\u2019\u066a"
)
_TOKEN = re.compile(
    r"[^\s,;!?()%\"'\u060c\u061b\u061f\u00ab\u00bb\u2013\u2014\u2026\u201c\u201d\u2018\u2019\u066a]+"
)
NUMBER = re.compile(r"\d+(?:[.:/]\d+)*")
_WITH_UNIT = re.compile(rf"({NUMBER.pattern})[a-z]{{0,3}}")
_ONE_ALERT = re.compile(r"(?i)\b(?:one|یک) (?=alert|هشدار)")
_OF_ALERTS = re.compile(r"(?i)([\w.:/]+) (?:\w+ )?(?=alert|هشدار)")
_CLAUSE_END = re.compile(r"[.;؛!?؟](?:\s|$)")
_TOLD_END = re.compile(r"[.;:!?؛؟](?:\s|$)|\s[—–]\s")
_COMMA = re.compile(r"[,،()]")
_MUTED = frozenset({"muted", "silenced", "صدا", "بیصدا"})
_DOMAIN = re.compile(r"(?:^|[^a-z0-9])[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,}(?:$|[^a-z])")
_ADDRESS_SIGNS = ("://", "www", "hxxp", "http", "mailto", " dot ", "//")
# What is between two parts of an object's name.
_SEAMS = re.compile(r"[:/=&+.]")
_SUFFIXES = {
    "en": ("ing", "ed", "es", "s", "ly"),
    "fa": ("هایی", "های", "ها", "ای", "ی", "ش", "شان", "ند", "تر"),
}


def refusal_of(
    alerts: Sequence[NumberedAlert], meanings: Mapping[str, str], answer: Sequence[WordedGroup], lang: Lang
) -> Refusal | None:
    """The first reason to refuse an answer, or None for one that says nothing but what is known.

    ``meanings`` are our own sentences about alerts, by the alert's name; they are evidence, too.
    """
    ours: dict[int, list[NumberedAlert]] = {}
    for alert in alerts:
        ours.setdefault(alert.group, []).append(alert)
    wanted = sorted(tuple(each.number for each in group) for group in ours.values())
    if sorted(tuple(sorted(group.numbers)) for group in answer) != wanted:
        return Refusal.GROUPS
    by_number = {alert.number: alert for alert in alerts}
    for group in answer:
        facts = GroupFacts((by_number[number] for number in group.numbers), meanings, lang)
        for text, longest in ((group.title, LONGEST_TITLE), (group.text, LONGEST_TEXT)):
            if (refusal := facts.refusal_of(text, longest)) is not None:
                return refusal
    return None


class GroupFacts:
    """Everything that is known of the alerts of one group."""

    def __init__(self, alerts: Iterable[NumberedAlert], meanings: Mapping[str, str], lang: Lang) -> None:
        """Collect the words and the numbers of a group's alerts."""
        self._lang = lang
        known = list(alerts)
        texts = [plain(text) for alert in known for text in texts_of(alert, meanings)]
        self._words = {part for text in texts for token in tokens_of(text) for part in parts_of(token)}
        self._stems = {stem_of(word, lang) for word in self._words}
        # The digits of a name are no number: "api-40" does not say forty.
        self._numbers = {number for text in texts for number in numbers_of(text)}
        self._clauses = [words for text in texts for words in clauses_of(text, lang)]
        self._parts = [words for text in texts for words in parts_of_clauses(text, lang)]
        muted = sum(alert.is_muted for alert in known)
        self._heard, self._muted = {str(len(known)), str(len(known) - muted)}, {str(muted)}
        if muted:
            self._words |= {*_MUTED, "بی"}

    def refusal_of(self, text: str, longest: int) -> Refusal | None:
        """The first reason to refuse a text about this group."""
        tidy = plain(text)
        # In this order: the first one that holds is the one that is counted.
        reasons = (
            (Refusal.LENGTH, not tidy or len(text) > longest),
            (Refusal.LETTERS, not has_known_letters(text, self._lang)),
            (Refusal.ADDRESS, has_address(tidy)),
            (Refusal.COMMAND, _has_any(COMMANDS, tidy)),
            (Refusal.CAUSE, _has_any(CAUSES, tidy)),
            (Refusal.REASSURANCE, _has_any(REASSURANCES, tidy)),
            (Refusal.NUMBER, not all(map(self._counts, _CLAUSE_END.split(tidy)))),
            (Refusal.WORD, not all(map(self._knows, tokens_of(tidy)))),
            (Refusal.NEGATION, not all(map(self._denies_so, parts_of_clauses(tidy, self._lang)))),
            (Refusal.ORDER, not all(map(self._orders_so, self._stretches(tidy)))),
        )
        return next((refusal for refusal, holds in reasons if holds), None)

    def _counts(self, clause: str) -> bool:
        """Whether every number of a clause is evident, and that of alerts the number of those that it speaks of."""
        is_about_muted = not _MUTED.isdisjoint(token.casefold() for token in tokens_of(clause))
        counts = self._muted if is_about_muted else self._heard
        of_alerts = numbers_of(" ".join(_OF_ALERTS.findall(_ONE_ALERT.sub("1 ", clause))))
        return counts.issuperset(of_alerts) and (self._numbers | counts).issuperset(numbers_of(clause))

    def _stretches(self, text: str) -> list[list[str]]:
        """The parts of a text, cut at conditions, too: when something is so may be told first or last."""
        found: list[list[str]] = []
        for part in parts_of_clauses(text, self._lang):
            found.append([])
            for word in part:
                if word in CONDITIONS[self._lang]:
                    found.append([])
                found[-1].append(word)
        return found

    def _denies_so(self, part: list[str]) -> bool:
        """Whether each word of a part is told where something is denied, if this part denies, and else where not."""
        if not LACKS[self._lang].isdisjoint(part):
            return True
        return all(self._is_so(word, is_denied=self._denies(part)) for word in part if word.isalpha())

    def _is_so(self, word: str, *, is_denied: bool) -> bool:
        told = [each for each in self._parts if word in each]
        # A name that stands alone says nothing of what it does or does not.
        if word in NEGATIONS[self._lang] or not told or any(len(each) == 1 for each in told):
            return True
        return is_denied in map(self._denies, told)

    def _denies(self, part: list[str]) -> bool:
        return not NEGATIONS[self._lang].isdisjoint(part)

    def _orders_so(self, part: list[str]) -> bool:
        """Whether neighbours that are told in one clause are told in this order, and a number of the same thing."""
        return all(one == other or self._is_neighbour(one, other) for one, other in pairwise(part))

    def _is_neighbour(self, one: str, other: str) -> bool:
        told = [each for each in self._clauses if one in each and other in each]
        if (one[:1].isdigit() != other[:1].isdigit()) and DIRECTIONS[self._lang].isdisjoint({one, other}):
            return not told or any(one in each and other in each for each in self._parts)
        return not told or any(other in each[each.index(one) :] for each in told)

    def _knows(self, token: str) -> bool:
        word = token.casefold()
        if word in self._words or word in JOINING[self._lang] or word in NUMBERS:
            return True
        if NUMBER.fullmatch(word):
            return True  # checked among the numbers
        is_name = not (_PERSIAN.search(word) if self._lang == "fa" else word.isascii() and word.isalpha())
        # A name is itself or nothing; a word of the language may stand in another form.
        return not is_name and stem_of(word, self._lang) in self._stems


def texts_of(alert: NumberedAlert, meanings: Mapping[str, str]) -> Iterable[str]:
    """The texts that are evidence about an alert."""
    yield from (alert.name, alert.severity, alert.service, alert.since)
    yield meanings.get(alert.name, "")
    yield from (value for _, value in alert.facts)


def has_known_letters(text: str, lang: Lang) -> bool:
    """Whether a text has only plain letters, digits and signs, and is in its language."""
    tidy = plain(text)
    if not all(
        (char.isascii() and char.isalnum()) or char in _SIGNS or _PERSIAN.match(char) for char in tidy
    ):
        return False
    return bool(_PERSIAN.search(tidy)) == (lang == "fa")


def has_address(text: str) -> bool:
    """Whether a text holds an address of the web or of a person."""
    lowered = f" {text.casefold()} "
    return any(sign in lowered for sign in _ADDRESS_SIGNS) or _DOMAIN.search(lowered) is not None


def _has_any(phrases: AbstractSet[str], text: str) -> bool:
    """Whether a text has any of these words or phrases, also as a part of a name with hyphens."""
    words = (part for token in tokens_of(text) for part in re.split(r"[-_/]", token.casefold()))
    joined = f" {' '.join(words)} "
    return any(f" {phrase} " in joined for phrase in phrases)


def tokens_of(text: str) -> list[str]:
    """The words, names and numbers of a text, without the signs around them."""
    return [tidy for token in _TOKEN.findall(text) if (tidy := token.strip(".:-_/=&+"))]


def parts_of(token: str) -> set[str]:
    """An object's name, and the parts that its seams make."""
    whole = token.casefold()
    return {whole, *(part for part in _SEAMS.split(whole) if part)}


def clauses_of(text: str, lang: Lang) -> list[list[str]]:
    """The words of each clause of a text that say something, in order and without their endings."""
    return [kept for clause in _TOLD_END.split(text) if (kept := _kept(tokens_of(clause), lang))]


def parts_of_clauses(text: str, lang: Lang) -> list[list[str]]:
    """The same of each part of a clause between commas and joining words."""
    parts: list[list[str]] = []
    for stretch in (part for clause in _TOLD_END.split(text) for part in _COMMA.split(clause)):
        parts.append([])
        for token in tokens_of(stretch):
            if token.casefold() in BORDERS[lang]:
                parts.append([])
            parts[-1].append(token)
    return [kept for part in parts if (kept := _kept(part, lang))]


def _kept(tokens: Iterable[str], lang: Lang) -> list[str]:
    kept = []
    for word in (token.casefold() for token in tokens):
        if word in NEGATIONS[lang] | DIRECTIONS[lang]:
            kept.append(word)
        elif word not in JOINING[lang]:
            kept.append(NUMBERS.get(word) or stem_of(word, lang))
    return kept


def numbers_of(text: str) -> list[str]:
    """The numbers of a text, in digits or words, with a unit or without; "one alert" is a number, too."""
    found = []
    for token in tokens_of(_ONE_ALERT.sub("1 ", text).casefold()):
        if token in NUMBERS:
            found.append(NUMBERS[token])
        elif number := _WITH_UNIT.fullmatch(token):
            found.append(number[1])
    return found


def stem_of(word: str, lang: Lang) -> str:
    """A word of a language without its ending."""
    for suffix in _SUFFIXES[lang]:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:  # noqa: PLR2004 - shorter is no word
            return word.removesuffix(suffix)
    return word
