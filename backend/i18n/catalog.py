"""Sentences by key and language: a feature keeps its own in ``fa.toml`` and ``en.toml``, with the same keys in both.

A folder of several parts may have a pair of files for each: ``scale_gpu.fa.toml`` and ``scale_gpu.en.toml``.
"""

import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

Lang = Literal["fa", "en"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)
DEFAULT_LANGUAGE: Lang = "fa"

# The folders that hold sentences. Who lies above the backend hands over its own: see ``add_folders``.
_folders: list[Path] = sorted(path for path in Path(__file__).parents[1].iterdir() if path.is_dir())


def add_folders(folders: Iterable[Path]) -> None:
    """Read the sentences of some more folders. A folder without sentences, or one that is known, changes nothing."""
    _folders.extend(folder for folder in folders if folder not in _folders)
    sentences.cache_clear()


def as_language(value: str | None) -> Lang:
    """The language that an untrusted value names, else Persian."""
    return value if value in LANGUAGES else DEFAULT_LANGUAGE


@lru_cache
def sentences(lang: Lang) -> dict[str, str]:
    """All sentences of a language by dotted key. Raises ValueError for a key that stands in two files."""
    merged: dict[str, str] = {}
    for path in files(lang):
        found = sentences_of(path)
        if twice := merged.keys() & found.keys():
            raise ValueError(f"{path} holds sentences of another file: {', '.join(sorted(twice))}")
        merged |= found
    return merged


def files(lang: Lang) -> list[Path]:
    """Every file with sentences of a language."""
    own, of_a_part = f"{lang}.toml", f".{lang}.toml"
    return [
        path
        for folder in _folders
        for path in sorted(folder.glob(f"*{own}"))
        if path.name == own or path.name.endswith(of_a_part)
    ]


def sentences_of(path: Path) -> dict[str, str]:
    """The sentences of one file by dotted key."""
    with path.open("rb") as file:
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
