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
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from backend.config import settings

MASK = "***"
# Shorter values are words that stand in many a harmless line, so they are not registered.
SHORTEST_VALUE = 8
LONGEST_LINE_BYTES = 65_536
LEFT_OUT = f"[a line of more than {LONGEST_LINE_BYTES // 1024} KiB was left out]"
# The longest private key in use has fewer lines. A block that never ends must not swallow a whole log.
_LONGEST_PEM_LINES = 400

_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{1,60}-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{1,60}-----")
# A line of a key whose beginning nobody saw, as at the start of a log's end: a full line of base64, and no hash.
_KEY_LINE = re.compile(r"(?=[0-9A-Fa-f]*[G-Zg-z+/])[A-Za-z0-9+/]+")
_KEY_LINE_LENGTHS = (64, 76)
_KEY_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "api_key",
    "api-key",
    "apikey",
    "token",
    "credential",
)

# Each pattern is tried only where its mark stands, since most lines hold none. All of them are bounded, so that no line
# costs more than its length.
_PATTERNS: list[tuple[tuple[str, ...], re.Pattern[str], str]] = [
    (("sk-",), re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{16,}"), MASK),
    (
        ("eyj",),
        re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"),
        MASK,
    ),
    (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "akia"),
        re.compile(
            r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})"
        ),
        MASK,
    ),
    # A port is no password. A password may hold every sign, an unescaped @ too.
    (
        ("://",),
        re.compile(r"(://[^\s:/@'\"]{0,200}:)(?!\d{1,5}(?:[/?#\s'\",]|$))[^\s'\"]{1,500}@"),
        rf"\1{MASK}@",
    ),
    (("portal=",), re.compile(r"(portal=)[^;\s'\",}]+"), rf"\1{MASK}"),
    (("bearer ", "basic "), re.compile(r"(?i)\b(bearer|basic) +[A-Za-z0-9+/._~=-]{16,}"), rf"\1 {MASK}"),
]
# What follows the name of a secret: a sign, and the value with or without quotation marks.
_GIVEN = re.compile(
    r"(\\?['\"]?[ \t]{0,4}[:=][ \t]{0,4})"
    r"(?!\*\*\*)(?:\\?\"(?:[^\"\\\n]|\\[^\"\n]){1,4096}\\?\"|'[^'\n]{1,4096}'|[^\s,;}&'\"]+)"
)


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


class Redactor:
    """Blacks out secrets in whole lines. It remembers whether a private key has begun, so each stream has its own."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Register values; each line of one is a value, too. Those under ``SHORTEST_VALUE`` characters are left out."""
        parts = {part.strip() for value in values for part in (value, *value.splitlines())}
        parts = {part for part in parts if len(part) >= SHORTEST_VALUE}
        forms = [forms_of(part) for part in parts]
        self._escaped = [_in_an_address(part) for part in parts]
        self._plain = _longest_first(plain for plain, _ in forms)
        self._coded = _longest_first(coded for _, coded in forms)
        self._pem_lines = 0

    def lines(self, lines: Sequence[str]) -> list[str]:
        """The same lines, one for one, with secrets blacked out. No line may hold a line break."""
        text = "\n".join(lines)
        if self._pem_lines or "-----BEGIN " in text:
            text = "\n".join(self._without_pem(line) for line in lines)
        text = self._without_values(text)
        lower = text.lower()
        for marks, pattern, shown in _PATTERNS:
            if any(mark in lower for mark in marks):
                text = pattern.sub(shown, text)
        found = _without_named(text).split("\n") if lines else []
        return [MASK if _is_of_a_key(line) else line for line in found]

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


def _without_named(text: str) -> str:
    """The text without the values of what is called a password, a token and the like.

    The names are sought one by one: a pattern of all of them, in capitals too, is ten times as slow.
    """
    lower = text.lower()
    if len(lower) != len(text):  # a few capitals have small forms of two characters
        lower = "".join(char.lower()[:1] for char in text)
    ends = sorted(at + len(word) for word in _KEY_WORDS for at in _places(lower, word))
    parts, at = [], 0
    for end in ends:
        found = _GIVEN.match(text, end) if end >= at else None
        if found:
            parts += [text[at : found.end(1)], MASK]
            at = found.end()
    return "".join([*parts, text[at:]])


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


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
