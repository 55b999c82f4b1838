"""No form of a secret passes the redactor, whatever the chunks; and what is no secret passes unchanged."""

import base64
import json
from urllib.parse import quote

import pytest

from backend.redaction import (
    LEFT_OUT,
    LONGEST_LINE_BYTES,
    MASK,
    LineSplitter,
    RedactedStream,
    Redactor,
    readable,
)

SECRET = 'p/9"Zkü+s3cret==&Value'
RAW = SECRET.encode()
FORMS = {
    "plain": SECRET,
    "url": quote(SECRET, safe=""),
    "url, lower": quote(SECRET, safe="").replace("%2F", "%2f").replace("%3D", "%3d").replace("%2B", "%2b"),
    "json": json.dumps(SECRET)[1:-1],
    "json, letters": json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", r"\/"),
    "hex": RAW.hex(),
    "HEX": RAW.hex().upper(),
    "base64": base64.b64encode(RAW).decode(),
    "base64 after one": base64.b64encode(b"u" + RAW).decode(),
    "base64 after two": base64.b64encode(b"u:" + RAW + b"tail").decode(),
    "base64 for addresses": base64.urlsafe_b64encode(b"who:" + RAW).decode(),
}
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7Zs\nqUIx8b2==\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLW9mLWl0"


def passed(text: str, size: int, *values: str) -> list[str]:
    """What comes out of a stream that is fed with chunks of a size."""
    raw, stream = text.encode(), RedactedStream(values)
    out = [line for at in range(0, len(raw), size) for line in stream.feed(raw[at : at + size])]
    return [*out, *stream.finish()]


@pytest.mark.parametrize("size", [1, 3, 7, 64, 4096])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_no_form_of_a_registered_value_passes_in_any_chunks(form: str, size: int) -> None:
    lines = passed(f"starting\nkept {form} kept\nDone with {form}", size, SECRET)

    assert lines == ["starting", f"kept {MASK} kept", f"Done with {MASK}"]


@pytest.mark.parametrize("size", [1, 5, 4096])
@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("key sk-proj-Ab3_x9-0123456789abcdef!", f"key {MASK}!"),
        (f"cookie {JWT} end", f"cookie {MASK} end"),
        ("to postgresql://app:pa55@w/rd@db.local:5432/x", f"to postgresql://app:{MASK}@db.local:5432/x"),
        ("redis://:only-a-password@redis:6379/0", f"redis://:{MASK}@redis:6379/0"),
        ('{"db_password": "four words, one", "n": 1}', f'{{"db_password": {MASK}, "n": 1}}'),
        ("PGPASSWORD=abc123 psql", f"PGPASSWORD={MASK} psql"),
        ("Authorization: Bearer abcdefghijklmnop.qrs", f"Authorization: Bearer {MASK}"),
        ("cookie: __Host-portal=abcdef; lang=fa", f"cookie: __Host-portal={MASK}; lang=fa"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ", MASK),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG next", f"AWS_SECRET_ACCESS_KEY={MASK} next"),
        ("SECRET_KEY=django-insecure", f"SECRET_KEY={MASK}"),
        ("JWT_SECRET_1: abcdefgh12345", f"JWT_SECRET_1: {MASK}"),
        ("private_key=abcdefghijk", f"private_key={MASK}"),
        ("{'client_secret_value': 'zzzzzz9999'}", f"{{'client_secret_value': {MASK}}}"),
        ("password=Tr0ub;ador,3&more}end next", f"password={MASK} next"),
        ("secret=it's\"quoted x", f"secret={MASK} x"),
        ("Authorization: Basic dXNlcjpw", f"Authorization: Basic {MASK}"),
        ("postgres://u:ab'cd\"ef@h/d", f"postgres://u:{MASK}@h/d"),
        ("postgresql://u:12345/abc@h", f"postgresql://u:{MASK}@h"),
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str, shown: str, size: int) -> None:
    assert passed(line, size) == [shown]


@pytest.mark.parametrize("size", [1, 10, 4096])
def test_a_private_key_is_masked_line_by_line_and_the_log_goes_on(size: int) -> None:
    lines = passed(f"before\nkey: {KEY} after\n{json.dumps(KEY)}\nlast", size)

    assert lines == ["before", f"key: {MASK}", MASK, MASK, f"{MASK} after", f'"{MASK}"', "last"]


def test_lines_of_a_key_whose_beginning_was_not_seen_are_masked_and_a_hash_is_not() -> None:
    body, digest = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "0a" * 32

    assert Redactor().lines([body, digest, f"see {body}"]) == [MASK, digest, f"see {body}"]


def test_a_private_key_that_never_ends_does_not_swallow_the_log() -> None:
    redactor = Redactor()

    shown = redactor.lines(["-----BEGIN PRIVATE KEY-----", *["MIIEowIBAAK"] * 500, "the end"])

    assert shown[1:300] == [MASK] * 299
    assert shown[-1] == "the end"


@pytest.mark.parametrize(
    "line",
    [
        "GET http://api.local:8080/docs?mail=ali@example.com 200",
        "prompt tokens: 1200, completion tokens: 88",
        "pod docuchat-api-7d9c88b5f4-abcde disk-pressure-was-seen-today task-0123456789abcdef01",
        "سلام، ۱۲ سند نمایه شد",
        "",
    ],
)
def test_what_is_no_secret_passes_unchanged(line: str) -> None:
    assert passed(line, 4096, SECRET, "zibal") == ([line] if line else [])


@pytest.mark.parametrize("sign", ["\x1b[0m", "\x08", "\x0b", "\x0c", "\x85", "\u2028", "\u202e"])
def test_a_secret_with_signs_inside_that_nobody_sees_is_masked(sign: str) -> None:
    text = f"x {SECRET[:7]}{sign}{SECRET[7:]} key sk-proj-{sign}Ab3_x90123456789abcdef y"

    assert Redactor([SECRET]).text(text) == f"x {MASK} key {MASK} y"


def test_a_key_that_begins_in_one_text_masks_nothing_of_another() -> None:
    redactor = Redactor()

    cut, after = redactor.text("-----BEGIN CERTIFICATE-----\nMIIC"), redactor.text("3 -> 0")
    stream = redactor.lines(["-----BEGIN PRIVATE KEY-----"]) + redactor.lines(
        ["MIIC", "-----END PRIVATE KEY-----"]
    )

    assert (cut, after) == (f"{MASK}\n{MASK}", "3 -> 0")
    assert stream == [MASK] * 3


def test_values_that_become_known_in_the_middle_of_a_key_do_not_end_it() -> None:
    redactor = Redactor()
    redactor.lines(["-----BEGIN PRIVATE KEY-----"])

    redactor.register(["a-new-secret"])

    assert redactor.lines(["MIIC"]) == [MASK]


def test_each_line_of_a_registered_value_is_a_value() -> None:
    value = "first-half-of-it\nsecond-half-of-it"

    lines = passed(f"x first-half-of-it y\n{json.dumps(value)}\n{value}", 4096, value)

    assert lines == [f"x {MASK} y", f'"{MASK}"', MASK, MASK]


def test_a_name_of_a_secret_at_the_end_of_a_line_masks_nothing_of_the_next_one() -> None:
    lines = ["no token:", "next line", "password='", "it's here", 'secret="', 'a "word"']

    assert Redactor().lines(lines) == lines


def test_a_line_without_end_is_left_out_whole_and_the_next_one_is_there() -> None:
    splitter = LineSplitter()

    fed = [line for _ in range(40) for line in splitter.feed(b"a" * (LONGEST_LINE_BYTES // 8))]
    after = splitter.feed(b"a\nnext\r\nheld")

    assert fed == []
    assert after == [LEFT_OUT, "next"]
    assert splitter.finish() == ["held"]
    assert splitter.finish() == []


def test_a_hostile_line_costs_no_more_than_its_length() -> None:
    """Patterns that would go back and forth over these lines would take minutes, and the test its whole time."""
    hostile = ["eyJ" * 20_000, "://a:" * 12_000, "sk-" * 20_000, "token" * 12_000, "-----BEGIN " * 5_000]

    shown = Redactor(["a-registered-value"]).lines(hostile)

    assert len(shown) == len(hostile)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31;1mERROR\x1b[0m x", "ERROR x"),
        ("\x1b]0;title\x07x", "x"),
        ("a\u202ereversed\u2066b\x00c\x08", "areversedbc"),
        ("سلام\u200cها\tend", "سلام\u200cها\tend"),
    ],
)
def test_what_a_terminal_hides_is_not_shown(text: str, shown: str) -> None:
    assert readable(text) == shown
