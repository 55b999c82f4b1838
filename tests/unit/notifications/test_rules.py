"""When a mail is tried again, and what it is called."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.notifications import rules

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tries", "wait"),
    [
        pytest.param(1, timedelta(minutes=1), id="first"),
        pytest.param(2, timedelta(minutes=2), id="doubled"),
        pytest.param(9, timedelta(minutes=256), id="still doubling"),
        pytest.param(10, timedelta(hours=6), id="longest"),
        pytest.param(15, timedelta(hours=6), id="last wait"),
    ],
)
def test_each_try_waits_longer_up_to_six_hours(tries: int, wait: timedelta) -> None:
    assert rules.next_try(NOW, tries) == NOW + wait


def test_the_last_try_is_the_last() -> None:
    assert rules.next_try(NOW, rules.MOST_TRIES - 1) is not None
    assert rules.next_try(NOW, rules.MOST_TRIES) is None


def test_trying_goes_on_for_more_than_a_day() -> None:
    waits = [rules.next_try(NOW, tries) for tries in range(1, rules.MOST_TRIES)]

    assert sum((at - NOW for at in waits if at), timedelta()) > timedelta(days=1)


def test_a_message_id_is_stable_and_of_our_domain() -> None:
    mail_from = "DocuChat <billing@docuchat.example>"

    assert rules.message_id("a", mail_from) == rules.message_id("a", mail_from)
    assert rules.message_id("a", mail_from) != rules.message_id("b", mail_from)
    assert rules.message_id("a\r\nX: y", mail_from).endswith("@docuchat.example>")


@pytest.mark.parametrize(
    ("mail_from", "domain"),
    [
        ("DocuChat <b@docuchat.example>", "docuchat.example"),
        ("b@c.example", "c.example"),
        ("b@پرتال.example", "xn--mgbfu2f0n.example"),
    ],
)
def test_the_domain_is_the_senders(mail_from: str, domain: str) -> None:
    assert rules.domain_of(mail_from) == domain


def test_a_fingerprint_is_forty_letters_of_its_key() -> None:
    assert len(rules.fingerprint("invoice_issued:1")) == 40
    assert rules.fingerprint("invoice_issued:1") != rules.fingerprint("invoice_issued:2")
