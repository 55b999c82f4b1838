"""Search by any part: every word that a person typed must occur in one of the searched columns."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backend.free_text import sought

LONGEST_SEARCH = 100
# Stored text is compared in the same spelling as the typed words: Persian letters, no half space.
_FOLDED = "translate({column}, 'يك' || chr(8204), 'یک')"


class Searched(NamedTuple):
    """Columns to search, as expressions of type text from our own code.

    ``names`` hold what people write, in upper or lower case. ``codes`` hold digits and signs, and are only looked at
    for words with a digit: a million of them are searched in a second where names would take ten.
    """

    names: Sequence[str] = ()
    codes: Sequence[str] = ()


def words_of(wanted: str) -> list[str]:
    """The words of a search as ``matching`` takes them; text beyond ``LONGEST_SEARCH`` is cut."""
    return sought(wanted[:LONGEST_SEARCH])


def matching(
    words: Sequence[str], own: Searched, related: Mapping[str, Searched] | None = None
) -> tuple[str, dict[str, str]]:
    """The SQL condition that each word occurs in one of the columns, and its parameters.

    A word is data, and its wildcards are escaped. ``related`` adds other tables: a condition such as
    ``i.id IN (SELECT ... WHERE {matches})`` and the columns that are searched inside it. True for every row when
    there is no word.
    """
    conditions = [
        _any(
            [
                _occurs(word, number, own),
                *[
                    each.format(matches=_occurs(word, number, inner))
                    for each, inner in (related or {}).items()
                ],
            ]
        )
        for number, word in enumerate(words)
    ]
    patterns = {f"word_{number}": f"%{_escaped(word)}%" for number, word in enumerate(words)}
    return " AND ".join(conditions) or "true", patterns


def _occurs(word: str, number: int, searched: Searched) -> str:
    names = [f"{_FOLDED.format(column=column)} ILIKE :word_{number}" for column in searched.names]
    has_digit = any(character.isdigit() for character in word)
    codes = [f"{column} LIKE :word_{number}" for column in searched.codes] if has_digit else []
    return _any([*names, *codes] or ["false"])


def _any(conditions: Sequence[str]) -> str:
    return f"({' OR '.join(conditions)})"


def _escaped(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)
