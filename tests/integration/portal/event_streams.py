"""Server-sent events as a browser's script reads them."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx


class StreamEvent(NamedTuple):
    """An event of a stream; a comment is none."""

    name: str
    id: str
    data: Any


def events_of(answer: httpx.Response) -> Iterator[StreamEvent]:
    """The events of an answer as they come."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "data" in fields:
            yield StreamEvent(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}
