"""Label and field selectors."""

import re
from collections.abc import Callable, Mapping

from backend.sandbox.kubernetes.store import Object

Fits = Callable[[Object], bool]


def selector(query: Mapping[str, str]) -> Fits:
    """Whether an object fits the ``labelSelector`` and ``fieldSelector`` of a query."""
    labels = [_label(one) for one in _terms(query.get("labelSelector", ""))]
    fields = [_field(one) for one in _terms(query.get("fieldSelector", ""))]
    return lambda subject: all(fits(subject) for fits in labels + fields)


def matches(labels: Mapping[str, str], subject: Object) -> bool:
    """Whether an object carries all of these labels."""
    return bool(labels.items() <= subject["metadata"].get("labels", {}).items())


def _terms(text: str) -> list[str]:
    """The terms of a selector; commas within parentheses belong to one."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label(term: str) -> Fits:
    if found := re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", term):
        name, word, values = found[1], found[2], {one.strip() for one in found[3].split(",")}
        return lambda subject: (_labels(subject).get(name) in values) == (word == "in")
    if found := re.fullmatch(r"([^=!]+?)\s*(!=|==?)\s*(.*)", term):
        name, sign, value = found.groups()
        return lambda subject: (_labels(subject).get(name) == value) == (sign != "!=")
    if term.startswith("!"):
        return lambda subject: term[1:] not in _labels(subject)
    return lambda subject: term in _labels(subject)


def _field(term: str) -> Fits:
    path, sign, value = re.split(r"(!=|==?)", term, maxsplit=1)
    return lambda subject: bool((_at(subject, path.strip()) == value.strip()) == (sign != "!="))


def _labels(subject: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = subject["metadata"].get("labels", {})
    return found


def _at(subject: Object, path: str) -> str:
    value: object = subject
    for step in path.split("."):
        value = value.get(step, "") if isinstance(value, dict) else ""
    return str(value)
