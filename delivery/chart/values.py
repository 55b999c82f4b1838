"""The values of the chart, read with their comments: the one source of its schema and of its README.

A comment that begins with ``# --`` says what the value below it means, as helm-docs reads it. A line
``# @schema {...}`` adds to the schema that follows from the default.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from delivery.chart.rendering import CHART

VALUES = CHART / "values.yaml"
SCHEMA = CHART / "values.schema.json"
ABOUT, SCHEMA_MARK = "# -- ", "# @schema "
JSON: TypeAlias = dict[str, Any]
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)
# Of CPU, memory and devices.
_AMOUNTS: JSON = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A documented value: its path, its default, its meaning, and what its schema says beyond the default's type."""

    path: tuple[str, ...]
    default: Any
    about: str
    schema: JSON = field(default_factory=dict)


def documented(text: str) -> list[Value]:
    """Every value that a comment documents, in the file's order; what lies below one belongs to it."""
    lines = text.splitlines()
    return list(_values_in(yaml.compose(text), yaml.safe_load(text), lines, ()))


def undocumented(text: str) -> list[str]:
    """The paths of values that neither have a comment nor lie below one that has."""
    known = {each.path for each in documented(text)}
    return [".".join(path) for path in _leaves(yaml.safe_load(text), ()) if not _is_below(path, known)]


def schema_of(text: str) -> JSON:
    """The JSON schema of a file of values: what it does not name is refused."""
    root = _closed()
    for value in documented(text):
        here = root
        for key in value.path[:-1]:
            here = here["properties"].setdefault(key, _closed())
        here["properties"][value.path[-1]] = {"description": value.about, **_inferred(value), **value.schema}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of docuchat", **root}


def schema_text(text: str) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema_of(text), indent=2, ensure_ascii=False) + "\n"


def _values_in(
    node: yaml.MappingNode, default: Mapping[str, Any], lines: list[str], path: tuple[str, ...]
) -> Iterator[Value]:
    for key, value in node.value:
        here = (*path, key.value)
        comment = _comment_above(lines, key.start_mark.line)
        about, schema = _read(comment)
        if about:
            yield Value(path=here, default=default[key.value], about=about, schema=schema)
        elif isinstance(value, yaml.MappingNode):
            yield from _values_in(value, default[key.value], lines, here)


def _comment_above(lines: list[str], line: int) -> list[str]:
    start = line
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return [each.strip() for each in lines[start:line]]


def _read(comment: list[str]) -> tuple[str, JSON]:
    begins = next((index for index, line in enumerate(comment) if line.startswith(ABOUT)), None)
    if begins is None:
        return "", {}
    schema: JSON = {}
    words = []
    for line in comment[begins:]:
        if line.startswith(SCHEMA_MARK):
            schema |= json.loads(line.removeprefix(SCHEMA_MARK))
        else:
            words.append(line.removeprefix(ABOUT).removeprefix("# "))
    return " ".join(words), schema


def _closed() -> JSON:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _inferred(value: Value) -> JSON:
    return {} if "type" in value.schema else _type_of(value.default)


def _type_of(default: object) -> JSON:
    if isinstance(default, dict) and default.keys() & {"requests", "limits"}:
        return _closed() | {"properties": {"requests": _AMOUNTS, "limits": _AMOUNTS}}
    name = next(name for kind, name in _TYPES if isinstance(default, kind))
    if isinstance(default, list):
        return {"type": name, "items": _type_of(default[0])} if default else {"type": name}
    if not isinstance(default, dict):
        return {"type": name}
    if not default:
        return {"type": name, "additionalProperties": {"type": "string"}}
    return _closed() | {"properties": {key: _type_of(inner) for key, inner in default.items()}}


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path


def _is_below(path: tuple[str, ...], known: set[tuple[str, ...]]) -> bool:
    return any(path[:length] in known for length in range(1, len(path) + 1))
