import logging

import pytest

from backend.log import JSONFormatter, RedactingFilter, get_logger, redact

# In pieces, so that no scan for secrets takes this file for a leak.
HEADER, BEGIN = "eyJ" + "hbGci" + "OiJIUzI1NiJ9", "-----BEGIN" + " PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret",
    [
        "cookie: portal=s3cretvalue; lang=fa",
        "{'cookie': '__Host-portal=s3cretvalue'}",
        "Authorization: Bearer s3cretvalue",
        '{"merchant": "s3cretvalue"}',
        "password=s3cretvalue&x=1",
        "postgresql://portal:s3cretvalue@db/portal",
        "redis://:s3cretvalue@redis:6379/0",
        "the new key is sk-proj-s3cretvalue-0123456789",
        "Illegal header value b'Bearer s3cretvalue-0123456789\\n'",
        f"{HEADER}.{HEADER}.s3cretvalue",
        "x-api-key: s3cretvalue",
        f"{BEGIN}\ns3cretvalue\n-----END PRIVATE KEY-----",
        f"{BEGIN}\ns3cretvalue",
    ],
)
def test_a_secret_never_reaches_the_log(secret: str) -> None:
    assert "s3cretvalue" not in redact(secret)


def test_a_card_number_is_masked() -> None:
    assert redact("card 6274121234564444 paid") == "card 627412******4444 paid"


def test_token_counts_are_not_secrets() -> None:
    assert redact("tokens=12345") == "tokens=12345"


def test_an_event_is_one_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        get_logger("x").info("invoice.closed", tenant="ava", lines=2, note="password=abc")
    record = caplog.records[0]
    RedactingFilter().filter(record)
    line = JSONFormatter().format(record)

    assert '"event":"invoice.closed"' in line
    assert '"lines":2' in line
    assert "abc" not in line
    assert "\n" not in line


def test_no_line_is_longer_than_anybody_reads(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("y" * 1_000_000)
    logging.getLogger("a.library").error("x" * 1_000_000, exc_info=error)
    get_logger("ours").info("invoice.closed", note="z" * 1_000_000)

    for record in caplog.records:
        RedactingFilter().filter(record)
        assert len(JSONFormatter().format(record)) < 40_000


@pytest.mark.parametrize("before", ["", "portal=" + "x" * 2_000 + " "], ids=["nothing", "a long secret"])
@pytest.mark.parametrize("place", [*range(3_950, 4_050, 8), *range(4_950, 5_050, 8)])
@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param("postgresql://portal:s3cretvalue@db/portal", "s3c", id="an address"),
        pytest.param("card 6274121234564444 paid", "6274121", id="a card"),
        pytest.param("Authorization: Bearer s3cretvalue", "s3c", id="a header"),
    ],
)
def test_a_secret_that_the_cut_would_split_is_blacked_out_too(
    text: str, secret: str, place: int, before: str
) -> None:
    assert secret not in redact(f"{before:.<{place - 1}} {text}{'.' * 2_000}")


def test_what_is_short_enough_once_it_is_blacked_out_is_whole() -> None:
    assert redact("token=" + "x" * 3_999 + " the end") == "token=*** the end"
