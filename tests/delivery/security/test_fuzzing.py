"""Whatever comes from outside is read, or refused in words: never another error, never more than it should be."""

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from backend.errors import AppError
from tests.fuzz.hostile import Place, put, written
from tests.fuzz.parsers import KINDS, Parser, parsers
from tests.fuzz.trying import try_parser

EXAMPLES = 40
NAMES = [
    "gateway: session",
    "gateway: report",
    "models: chat",
    "models: chunk",
    "models: response",
    "models: event",
    "models: embeddings",
    "door: alerts",
    "door: deployments",
    "markdown: shown",
    "markdown: split",
    "metrics: labels that are stored",
    "metrics: labels that are exposed",
    "mail: refusals",
    "prometheus: vector",
    "prometheus: samples",
    "prometheus: matrix",
    "prometheus: labels",
    "prometheus: rules",
    "alertmanager: alerts",
    "alertmanager: silences",
    "alertmanager: status",
    *(f"kubernetes: {kind}" for kind in KINDS),
]


# What once broke a parser: the parser, the place in its sample, and what stood there.
FOUND: list[tuple[str, Place, object]] = [
    ("alertmanager: silences", (0, "matchers"), True),
    ("prometheus: rules", ("data", "groups", 0, "rules"), 5),
    ("prometheus: rules", ("data", "groups", 0, "rules", 0, "duration"), "long"),
    ("prometheus: vector", ("data", "result", 0, "value", 1), "many"),
    ("prometheus: matrix", ("data", "result", 0, "values", 0, 1), "many"),
]


@pytest.fixture(scope="module")
def known() -> Iterator[dict[str, Parser]]:
    with parsers() as made:
        yield made


@pytest.mark.parametrize("name", NAMES)
def test_a_parser_of_outside_data_reads_or_refuses_in_words(known: dict[str, Parser], name: str) -> None:
    try_parser(known[name], EXAMPLES)


@pytest.mark.parametrize(("name", "place", "put_there"), FOUND)
def test_what_once_broke_a_parser_does_no_more(
    known: dict[str, Parser], name: str, place: Place, put_there: object
) -> None:
    body = written(put(json.loads(known[name].sample), place, put_there))
    with suppress(AppError):
        assert known[name].read(body) is not None


def test_every_parser_is_tried(known: dict[str, Parser]) -> None:
    assert list(known) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_true_sample_is_read(known: dict[str, Parser], name: str) -> None:
    made = known[name].read(known[name].sample)
    assert made
    assert "DoorProblem" not in repr(made)


def test_a_parser_that_breaks_is_noticed(known: dict[str, Parser]) -> None:
    fed = known["gateway: report"].fed
    with pytest.raises((KeyError, ValueError, TypeError, AttributeError)):
        try_parser(Parser(read=lambda body: json.loads(body)["result"], fed=fed, sample=b""), 200)
    with pytest.raises(AssertionError):
        try_parser(Parser(read=lambda body: body * 100_000, fed=fed, sample=b""), 20)
