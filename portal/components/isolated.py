"""Sentences with names and ids of machines in them, which run from left to right whatever the sentence does."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

# As ``backend.i18n.format.code`` and the summaries of alerts mark what must not turn a sentence round.
_ISOLATED = re.compile("[\u2066\u2068]([^\u2069]*)\u2069")
_LATIN = re.compile(r"[A-Za-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """A part of a sentence, and whether it is a name or an id."""

    text: str
    is_name: bool = False


def parts_of(sentence: str) -> list[TextPart]:
    """The parts of a sentence: what is marked as isolated and holds Latin letters or digits is a name."""
    found: list[TextPart] = []
    end = 0
    for isolated in _ISOLATED.finditer(sentence):
        found += [
            TextPart(text=sentence[end : isolated.start()]),
            TextPart(text=isolated[1], is_name=bool(_LATIN.search(isolated[1]))),
        ]
        end = isolated.end()
    return [part for part in [*found, TextPart(text=sentence[end:])] if part.text]


def isolated(parts: Any, around: Callable[..., rx.Component] = rx.el.span) -> rx.Component:
    """A sentence from its parts."""
    return around(rx.foreach(parts, _part))


def _part(part: TextPart) -> rx.Component:
    name = rx.el.bdi(part.text, dir="ltr", class_name="names")
    return rx.cond(part.is_name, name, rx.el.span(part.text))
