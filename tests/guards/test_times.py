"""What happens in an order is told to the second; only the times listed here are told to the minute."""

import ast
from collections.abc import Iterable

from tests.guards.rules import PRODUCTION, Source, parsed, sources

# Each with the reason why its reader needs no second.
TO_THE_MINUTE = {
    "created": "a session: one looks whether it is one's own",
    "last_seen": "a session: one looks whether it is one's own",
    "issued_at": "an invoice has one, and nothing is compared with it",
    "start": "a billed day begins at midnight",
    "end": "a billed day ends at midnight",
}


def told_to_the_minute(files: Iterable[Source]) -> set[str]:
    """What is formatted by ``instant`` of the formats, by the parameter that it fills; its text where it fills none."""
    found = set()
    for file in files:
        tree = parsed(file.text)
        named = {
            id(call): node.arg or "**"
            for node in ast.walk(tree)
            if isinstance(node, ast.keyword)
            for call in (node.value, getattr(node.value, "body", None))
        }
        found |= {
            named.get(id(node), ast.unparse(node))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"fmt.instant", "formats.instant"}
        }
    return found


def test_only_what_stands_in_no_order_is_told_to_the_minute() -> None:
    assert told_to_the_minute(sources(*PRODUCTION)) == TO_THE_MINUTE.keys()


def test_a_time_without_its_second_is_seen() -> None:
    code = (
        'row(at=fmt.instant(x, lang) if x else "", to=fmt.moment(x, lang))\n{"at": formats.instant(x, lang)}'
    )

    assert told_to_the_minute([Source("portal/x.py", code)]) == {"at", "formats.instant(x, lang)"}
