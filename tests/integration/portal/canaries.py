"""A canary secret, the forms in which programs print it, and a look at the places where none of them may ever be."""

import base64
import html
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text

from backend.db.engine import read
from backend.log import JSONFormatter, RedactingFilter

CANARY = 'kan4ri/+&<"%=~Zx9Qw7-of-this-night'
_EVERY_S = 0.02


def printed(value: str) -> str:
    """The value as programs print it: plain, for JSON, in addresses, in HTML, in hexadecimal, in base64."""
    raw = value.encode()
    address = quote(value, safe="")
    in_base64 = (base64.b64encode(before + raw + b"!").decode() for before in (b"", b":", b"::"))
    forms = [value, json.dumps(value), json.dumps(value).replace("/", r"\/"), address, _small(address)]
    return " ".join([*forms, html.escape(value), raw.hex(), raw.hex().upper(), *in_base64])


def needles(value: str) -> dict[str, str]:
    """What to look for, by the name of the form; of base64 the characters that the value alone decides."""
    raw = value.encode()
    address = quote(value, safe="")
    return {
        "plain": value,
        "JSON": json.dumps(value)[1:-1],
        "address": address,
        "address with small digits": _small(address),
        "HTML": html.escape(value),
        "hexadecimal": raw.hex(),
        "hexadecimal with large digits": raw.hex().upper(),
        # A text that is cut before it is redacted ends in a part of a secret, which nothing finds any more.
        "cut off": value[:12],
        "hexadecimal, cut off": raw.hex()[:24],
        **{
            f"base64 after {shift}": base64.b64encode(bytes(shift) + raw).decode()[
                -(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6
            ]
            for shift in range(3)
        },
    }


def leaks(places: dict[str, str], value: str) -> list[str]:
    """The places that hold a form of the value, each with the name of the form."""
    return [
        f"{place}: {form}"
        for place, content in places.items()
        for form, needle in needles(value).items()
        if needle in content
    ]


def tables() -> dict[str, str]:
    """Every table as text: runs, logs, audit, mails that wait, and all others."""
    with read() as connection:
        names = connection.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ).all()
        return {
            f"table {name}": str(connection.scalars(text(f'SELECT t::text FROM "{name}" t')).all())
            for name in names
        }


@contextmanager
def logged() -> Iterator[StringIO]:
    """All that this process writes into its log, as it is written in production."""
    stream, root = StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter())
    handler.addFilter(RedactingFilter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@contextmanager
def command_lines() -> Iterator[set[str]]:
    """The command line of every process of this machine that is there while the block lasts."""
    seen: set[str] = set()
    ending = threading.Event()

    def look() -> None:
        while not ending.wait(_EVERY_S):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    thread = threading.Thread(target=look, name="process-list")
    thread.start()
    try:
        yield seen
    finally:
        ending.set()
        thread.join()


def _small(address: str) -> str:
    first, *others = address.split("%")
    return first + "".join(f"%{one[:2].lower()}{one[2:]}" for one in others)
