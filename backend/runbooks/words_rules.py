"""Words of runs: to plain JSON and back, and as a sentence in the reader's language."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime

import orjson

from backend.audit.types import Plain
from backend.errors import AppError
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.i18n.errors import key_of
from backend.i18n.names import named
from backend.runbooks.types import Words

_INSTANT, _DAY = "at", "day"
_NUMBER = re.compile(r"[0-9][0-9,]*(\.[0-9]+)?( × [0-9]+)?")


def to_plain(words: Words) -> dict[str, Plain]:
    """Words as JSON can hold them."""
    values = {name: _to_plain_value(value) for name, value in words.values.items()}
    return {"key": words.key, "values": values}


def _to_plain_value(value: str | int | date) -> Plain:
    if isinstance(value, date):
        return {_INSTANT if isinstance(value, datetime) else _DAY: value.isoformat()}
    return value


def from_plain(plain: Mapping[str, object]) -> Words:
    """The words that ``to_plain`` wrote."""
    values = plain["values"]
    assert isinstance(values, Mapping)
    return Words(
        key=str(plain["key"]),
        values={
            name: _from_plain_value(value) if isinstance(value, Mapping) else value
            for name, value in values.items()
        },
    )


def _from_plain_value(value: Mapping[str, str]) -> date:
    if _INSTANT in value:
        return datetime.fromisoformat(value[_INSTANT])
    return date.fromisoformat(value[_DAY])


def side_to_plain(side: str | Words) -> Plain:
    """A side of a change as JSON can hold it."""
    return to_plain(side) if isinstance(side, Words) else side


def side_from_plain(plain: str | Mapping[str, object]) -> str | Words:
    """The side that ``side_to_plain`` wrote."""
    return plain if isinstance(plain, str) else from_plain(plain)


def said_side(side: str | Words, lang: Lang) -> str:
    """A side of a change as its reader sees it. A number is text there: it binds the plan's hash as it is written."""
    if isinstance(side, Words):
        return said(side, lang)
    return fmt.digits(side, lang) if _NUMBER.fullmatch(side) else side


def all_from_plain(plains: Iterable[Mapping[str, object]]) -> tuple[Words, ...]:
    """The words of a list."""
    return tuple(map(from_plain, plains))


def line_of(words: Words) -> str:
    """Words as the text of a log line."""
    return orjson.dumps(to_plain(words)).decode()


def said(words: Words, lang: Lang) -> str:
    """The sentence. Words whose key is no longer known are shown by it: a log outlives the version that wrote it."""
    if not has(words.key):
        return words.key
    return text(words.key, lang, **{name: _shown(name, value, lang) for name, value in words.values.items()})


def said_line(line: str, lang: Lang) -> str:
    """The sentence of a log line of words."""
    return said(from_plain(orjson.loads(line)), lang)


def _shown(place: str, value: str | int | date, lang: Lang) -> str:
    if isinstance(value, datetime):
        return fmt.moment(value, lang)
    if isinstance(value, date):
        return fmt.day(value, lang)
    if isinstance(value, str):
        # Outside words, a name or another sentence: isolated, so that neither turns the other round.
        shown = named(place, value, lang) or value
        return f"\u2068{shown}\u2069" if lang == "fa" else shown
    return fmt.number(value, lang)


def outcome_of(error: AppError) -> Words:
    """The end of a run by an expected error: its sentence in the reader's language."""
    if error.key == "error.unavailable.database":  # its sentence is about a page
        is_full = error.data.get("cause") == "disk_full"
        return Words(key="error.database_cause.disk_full" if is_full else "runbooks.outcome.database_lost")
    return Words(key=key_of(error), values=dict(error.data))
