"""Shapes of secrets: the single list of them, for the log, the audit and text from outside."""

import re
from collections.abc import Iterator

MASK = "***"

_KEY_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "accesskey",
    "admin_key",
    "admin-key",
    "private_key",
    "private-key",
    "privatekey",
    "signing_key",
    "signing-key",
    "encryption_key",
    "encryption-key",
    "merchant",
    "nonce",
    "token",
    "credential",
)

# A quotation mark inside a value; one before white space or a comma closes it.
_INNER_MARK = r"['\"](?![\s,:;}\])'\"]|$)"

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
    # A password may hold every sign, an unescaped @ too. A port of the web is no password; any other address with an @
    # behind its number has one.
    (
        ("://",),
        re.compile(
            r"(://(?:(?<=http://)|(?<=https://)|(?<=ws://)|(?<=wss://))[^\s:/@'\"]{0,200}:)"
            rf"(?!\d{{1,5}}(?:[/?#\s'\",]|$))(?:[^\s'\"]|{_INNER_MARK}){{1,500}}@"
        ),
        rf"\1{MASK}@",
    ),
    (
        ("://",),
        re.compile(
            r"(://(?<!http://)(?<!https://)(?<!ws://)(?<!wss://)[^\s:/@'\"]{0,200}:)"
            rf"(?!\d{{1,5}}(?:[\s'\",]|$))(?:[^\s'\"]|{_INNER_MARK}){{1,500}}@"
        ),
        rf"\1{MASK}@",
    ),
    (("portal=",), re.compile(r"(portal=)[^;\s'\",}]+"), rf"\1{MASK}"),
    (
        ("authorization",),
        re.compile(r"(?i)(authorization['\"]?\s{0,4}[:=]\s{0,4}['\"]?(?:bearer|basic|token) +)[^\s'\",}]+"),
        rf"\1{MASK}",
    ),
    (("bearer ", "basic "), re.compile(r"(?i)\b(bearer|basic) +[A-Za-z0-9+/._~=-]{16,}"), rf"\1 {MASK}"),
]
# What follows the name of a secret: perhaps the end of that name, a sign, and the value, in quotation marks or without.
_GIVEN = re.compile(
    r"((?:[_-](?:[a-z0-9]{1,12}[_-]){0,2}(?:keys?|value|hash|base64|b64|[0-9]{1,3}))?"
    r"\\?['\"]?[ \t]{0,4}[:=][ \t]{0,4})"
    r"(?!\*\*\*)(?:\\?\"(?:[^\"\\\n]|\\[^\"\n]){1,4096}\\?\"|'[^'\n]{1,4096}'"
    rf"|[^\s'\"](?:[^\s'\"]|{_INNER_MARK})*)",
    re.IGNORECASE,
)


_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,60}-----(?:.*?-----END [A-Z0-9 ]{1,60}-----|.*)", re.DOTALL)


def without_blocks(text: str) -> str:
    """A whole text without private keys and certificates; one that never ends takes the rest with it."""
    return _PEM.sub(MASK, text) if "-----BEGIN " in text else text


def without_shapes(text: str) -> str:
    """The text without what looks like a key, a token, a password in an address, or what is called by such a name.

    Every line stays one.
    """
    lower = text.lower()
    for marks, pattern, shown in _PATTERNS:
        if any(mark in lower for mark in marks):
            text = pattern.sub(shown, text)
    return _without_named(text)


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
