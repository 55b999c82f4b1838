"""Blacks out secrets in a stream of text, such as a container's log, before anybody stores or shows it.

Two kinds of secrets are found: values that were registered, in each form in which programs print them, and what looks
like a secret by itself. Nothing of a secret is shown, not even its length. A secret that is printed in several pieces
on several lines, or encrypted, is not found.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from backend.config import settings
from backend.secret_shapes import MASK, without_shapes

# Shorter values are words that stand in many a harmless line, so they are not registered.
SHORTEST_VALUE = 8
LONGEST_LINE_BYTES = 65_536
LEFT_OUT = f"[a line of more than {LONGEST_LINE_BYTES // 1024} KiB was left out]"
# The longest private key in use has fewer lines. A block that never ends must not swallow a whole log.
_LONGEST_PEM_LINES = 400

# Colours and moves of the cursor, as programs print them for a terminal.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_INVISIBLE = dict.fromkeys(
    [*range(9), *range(11, 32), 127, *range(0x80, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
)
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{1,60}-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{1,60}-----")
# A line of a key whose beginning nobody saw, as at the start of a log's end: a full line of base64, and no hash.
_KEY_LINE = re.compile(r"(?=[0-9A-Fa-f]*[G-Zg-z+/])[A-Za-z0-9+/]+")
_KEY_LINE_LENGTHS = (64, 76)


def forms_of(value: str) -> tuple[set[str], set[str]]:
    """The forms in which programs print a value, addresses aside: texts, and pieces of base64 text.

    A value within a longer text has another base64 form for each of three positions, so each is there.
    """
    raw = value.encode()
    texts = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    plain = {value, html.escape(value), raw.hex(), raw.hex().upper(), *texts}
    plain |= {form.replace("/", r"\/") for form in texts}
    coded = {piece for shift in range(3) for piece in _base64_pieces(raw, shift)}
    plain = {form for form in plain if "\n" not in form}  # each line of a value is a value by itself
    return plain, {piece for piece in coded if len(piece) >= SHORTEST_VALUE}


def _in_an_address(value: str) -> re.Pattern[str]:
    """The value in an address: each character may be escaped or not, with small or large digits."""
    characters = []
    for char in value:
        code = "".join(f"%{byte:02X}" for byte in char.encode())
        escaped = re.sub("[A-F]", lambda digit: f"[{digit[0]}{digit[0].lower()}]", code)
        plus = r"|\+" if char == " " else ""
        characters.append(f"(?:{re.escape(char)}|{escaped}{plus})")
    return re.compile("".join(characters))


def _base64_pieces(raw: bytes, shift: int) -> Iterator[str]:
    """The characters that only the value decides when ``shift`` bytes stand before it, in both alphabets."""
    first, end = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(bytes(shift) + raw).decode()[first:end]


def own_secrets() -> list[str]:
    """The secrets of this process's settings, and the passwords in their addresses."""
    given = [value.get_secret_value() for _, value in settings() if isinstance(value, SecretStr)]
    passwords = [unquote(urlsplit(value).password or "") for value in given if "://" in value]
    return [secret for secret in [*given, *passwords] if secret and not secret.isspace()]


def readable(text: str) -> str:
    """The text without what a terminal would not show and what would turn the direction of a page."""
    if text.isprintable():  # nearly every line; the translation is the dearest part of a download
        return text
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    return text.translate(_INVISIBLE)


def lines_of(text: str) -> list[str]:
    """The lines of a text. Other signs that part lines for some programs may stand inside a secret."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


class Redactor:
    """Blacks out secrets in whole lines. It remembers whether a private key has begun, so each stream has its own."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Register values; each line of one is a value, too. Those under ``SHORTEST_VALUE`` characters are left out."""
        self.begin_anew()
        self.register(values)

    @classmethod
    def of_own_secrets(cls) -> "Redactor":
        """A redactor that knows the secrets of this process's settings."""
        return cls(own_secrets())

    def register(self, values: Iterable[str]) -> None:
        """Know these values from now on, in place of those before. A private key that has begun goes on."""
        parts = {part.strip() for value in values for part in (value, *value.splitlines())}
        self._plain, self._coded, self._escaped = _all_forms(
            frozenset(part for part in parts if len(part) >= SHORTEST_VALUE)
        )

    def lines(self, lines: Sequence[str]) -> list[str]:
        """The same lines, one for one, as they can be read, with secrets blacked out. No line may hold a line break.

        What a terminal does not show goes first: a secret whose middle has another colour would not be found.
        """
        text = "\n".join(map(readable, lines))
        if self._pem_lines or "-----BEGIN " in text:
            text = "\n".join(map(self._without_pem, text.split("\n")))
        found = without_shapes(self._without_values(text)).split("\n") if lines else []
        return [MASK if _is_of_a_key(line) else line for line in found]

    def text(self, text: str) -> str:
        """A text by itself: a key that begins in it ends with it, and one of the stream does not reach into it."""
        apart = copy(self)
        apart.begin_anew()
        return "\n".join(apart.lines(lines_of(text)))

    def begin_anew(self) -> None:
        """Take what follows for another stream, in which no private key has begun."""
        self._pem_lines = 0

    def _without_values(self, text: str) -> str:
        for form in self._plain:
            if form in text:
                text = text.replace(form, MASK)
        if "%" in text or "+" in text:
            for pattern in self._escaped:
                text = pattern.sub(MASK, text)
        for piece in self._coded:
            if piece in text:
                text = _without_run(text, piece)
        return text

    def _without_pem(self, line: str) -> str:
        """A line without keys and certificates; the lines of one that has begun are masked whole."""
        shown, rest = "", line
        while rest:
            if not self._pem_lines:
                begin = _PEM_BEGIN.search(rest)
                if begin is None:
                    return shown + rest
                shown, rest, self._pem_lines = shown + rest[: begin.start()] + MASK, rest[begin.end() :], 1
            end = _PEM_END.search(rest)
            if end is None:
                self._pem_lines = (self._pem_lines + 1) % _LONGEST_PEM_LINES
                return shown or MASK
            self._pem_lines, rest = 0, rest[end.end() :]
            shown = shown or MASK
        return shown


def _is_of_a_key(line: str) -> bool:
    return len(line) in _KEY_LINE_LENGTHS and _KEY_LINE.fullmatch(line) is not None


# Settings change seldom, and whoever shows a word of the cluster needs a redactor of its own.
@lru_cache(maxsize=32)
def _all_forms(values: frozenset[str]) -> tuple[list[str], list[str], list[re.Pattern[str]]]:
    """Every form of the values: texts, pieces of base64 text, and patterns of addresses."""
    forms = [forms_of(value) for value in values]
    return (
        _longest_first(plain for plain, _ in forms),
        _longest_first(coded for _, coded in forms),
        [_in_an_address(value) for value in values],
    )


def _longest_first(forms: Iterable[set[str]]) -> list[str]:
    """Forms in the order in which they are sought: one that holds another one goes first."""
    return sorted(set[str]().union(*forms), key=lambda form: (-len(form), form))


def _without_run(text: str, piece: str) -> str:
    """The text without each run of base64 characters that holds the piece: its neighbours tell of the value, too."""
    parts, at = [], 0
    while (found := text.find(piece, at)) >= 0:
        start, end = found, found + len(piece)
        while start > at and text[start - 1] in _BASE64:
            start -= 1
        while end < len(text) and text[end] in _BASE64:
            end += 1
        parts += [text[at:start], MASK]
        at = end
    return "".join([*parts, text[at:]])


class LineSplitter:
    """Makes whole lines of chunks. An unfinished line is held back; one beyond the bound is left out, for half a line
    could hold half a secret.
    """

    def __init__(self) -> None:
        """Begin with nothing held."""
        self._held = b""
        self._is_too_long = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that are whole now, without their line breaks."""
        first, *others = chunk.split(b"\n")
        whole = []
        for following in others:
            self._hold(first)
            whole.append(self._taken())
            first = following
        self._hold(first)
        return whole

    def finish(self) -> list[str]:
        """The line that was held back, if there is one."""
        return [self._taken()] if self._held or self._is_too_long else []

    def _hold(self, part: bytes) -> None:
        self._held += part
        if len(self._held) > LONGEST_LINE_BYTES:
            self._held, self._is_too_long = b"", True

    def _taken(self) -> str:
        line = LEFT_OUT if self._is_too_long else self._held.removesuffix(b"\r").decode(errors="replace")
        self._held, self._is_too_long = b"", False
        return line


class RedactedStream:
    """Chunks of bytes in, whole lines without secrets out, whatever the chunks' bounds."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Register the values that must not come out."""
        self._splitter = LineSplitter()
        self._redactor = Redactor(values)

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that are whole now."""
        return self._redactor.lines(self._splitter.feed(chunk))

    def finish(self) -> list[str]:
        """The line that was held back, if there is one."""
        return self._redactor.lines(self._splitter.finish())
