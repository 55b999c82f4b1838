"""Search by any part: every word that a person typed must occur in one of the searched columns."""

import re
from collections.abc import Mapping, Sequence

from backend.free_text import sought

LONGEST_SEARCH = 100
# Stored text is compared in the same spelling as the typed words: Persian letters, no half space.
_FOLDED = "translate({column}, 'يك' || chr(8204), 'یک')"


def words_of(wanted: str) -> list[str]:
    """The words of a search as ``matching`` takes them; what is longer than ``LONGEST_SEARCH`` is cut there."""
    return sought(wanted[:LONGEST_SEARCH])


def matching(
    words: Sequence[str], columns: Sequence[str], *, related: Mapping[str, Sequence[str]] | None = None
) -> tuple[str, dict[str, str]]:
    """The SQL condition that each word occurs in one of the columns, upper or lower case, and its parameters.

    ``columns`` are expressions of type text from our own code; a word is data, and its wildcards are escaped.
    ``related`` adds rows of other tables: a condition such as ``i.id IN (SELECT ... WHERE {matches})`` and the
    columns that are searched inside it. True for every row when there is no word.
    """
    others = related or {}
    conditions = [
        _any(
            [
                _in_one(columns, number),
                *[each.format(matches=_in_one(inner, number)) for each, inner in others.items()],
            ]
        )
        for number in range(len(words))
    ]
    patterns = {f"word_{number}": f"%{_escaped(word)}%" for number, word in enumerate(words)}
    return " AND ".join(conditions) or "true", patterns


def _in_one(columns: Sequence[str], number: int) -> str:
    return _any([f"{_FOLDED.format(column=column)} ILIKE :word_{number}" for column in columns])


def _any(conditions: Sequence[str]) -> str:
    return f"({' OR '.join(conditions)})"


def _escaped(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)
