"""Sentences by key and language, from ``fa.toml`` and ``en.toml``, which hold the same keys and placeholders."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

Lang = Literal["fa", "en"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)
DEFAULT_LANGUAGE: Lang = "fa"


def as_language(value: str | None) -> Lang:
    """The language that an untrusted value names, else Persian."""
    return value if value in LANGUAGES else DEFAULT_LANGUAGE


@lru_cache
def sentences(lang: Lang) -> dict[str, str]:
    """All sentences of a language by dotted key."""
    with Path(__file__).with_name(f"{lang}.toml").open("rb") as file:
        return dict(_flatten("", tomllib.load(file)))


def _flatten(prefix: str, table: dict[str, object]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            rows += _flatten(f"{key}.", value)
        else:
            rows.append((key.removesuffix("._"), str(value)))
    return rows


def text(key: str, lang: Lang, **params: str | int) -> str:
    """The sentence of a key with its places filled. Raises KeyError for a key that the catalogue lacks."""
    return sentences(lang)[key].format(**params)


def has(key: str) -> bool:
    """Whether the catalogue knows a key."""
    return key in sentences(DEFAULT_LANGUAGE)
