"""Rows of a model's wording: whose words are read, and each sentence with the alerts that it is about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.actor import Actor
from backend.alerts.numbered_rules import numbered
from backend.alerts.types import AlertBoard, AlertGroup
from backend.assistant import service as assistant
from backend.assistant.types import NumberedAlert, WordedGroup, WordingReason
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes

MOST_LINKS = 5
_SENTENCE_END = re.compile(r"(?<=[.!?؟])\s+")
# No part of a name or an address.
_NUMBER = re.compile(r"(?<![\w.:/-])\d+(?:\.\d+)?(?::\d+)?(?![\w/-]|[.:]\d)")
_WORD = re.compile(r"[\w.:/-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedLink:
    """The way to an alert that a sentence is about."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedSentence:
    """A sentence of a model, and its alerts."""

    sentence: str
    links: list[WordedLink] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedRow:
    """A group in a model's words; without any, the title is empty."""

    title: str = ""
    sentences: list[WordedSentence] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingView:
    """Whether a model worded the groups, and the line that says so or why not; it is empty where none is asked."""

    is_worded: bool = False
    line: str = ""
    rows: dict[str, WordedRow] = field(default_factory=dict)


def to_wording(actor: Actor, board: AlertBoard, lang: Lang) -> WordingView:
    """The wording of a board's groups, by the group's key; a group beyond what a model reads has none."""
    alerts = numbered(board.groups)
    found = assistant.wording(actor, alerts, lang)
    if found.reason is WordingReason.OFF:
        return WordingView()
    by_number = {alert.number: alert for alert in alerts}
    rows = {}
    for worded in found.groups:
        known = [by_number[number] for number in worded.numbers if number in by_number]
        group = board.groups[known[0].group - 1] if known else None
        if group is not None and len(known) == _size(group):
            rows[group.key] = _to_row(worded, known, lang)
    return WordingView(
        is_worded=bool(rows), line=text(f"page.alerts.wording.{found.reason}", lang), rows=rows
    )


def _size(group: AlertGroup) -> int:
    return len(group.alerts) + len(group.followers)


def _to_row(worded: WordedGroup, alerts: Sequence[NumberedAlert], lang: Lang) -> WordedRow:
    return WordedRow(
        title=_localised(worded.title, lang),
        sentences=[
            WordedSentence(sentence=_localised(each, lang), links=_links(each, alerts))
            for each in _SENTENCE_END.split(worded.text)
        ],
    )


def _localised(text_of_model: str, lang: Lang) -> str:
    """Numbers in the reader's digits; those of names stay as they are."""
    return _NUMBER.sub(lambda found: fmt.digits(found[0], lang), text_of_model)


def _links(sentence: str, alerts: Sequence[NumberedAlert]) -> list[WordedLink]:
    """The alerts whose names or facts a sentence has, else all of the group; the first ones of many."""
    said = {word.casefold() for word in _WORD.findall(sentence)}
    named = [
        alert
        for alert in alerts
        if said & {value.casefold() for value in (alert.name, *dict(alert.facts).values())}
    ]
    return [
        WordedLink(name=alert.name, url=routes.alert(alert.fingerprint))
        for alert in (named or alerts)[:MOST_LINKS]
    ]
