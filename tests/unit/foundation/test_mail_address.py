"""Addresses of senders and recipients have one form, on every Python."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from backend import mail_address


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("Sara@Example.COM", "sara@example.com"),
        ("\u200f\u202asara@example.com\u202c\u200b ", "sara@example.com"),
        ("sara۱۲@example.com", "sara12@example.com"),
        ("billing@پرتال.example", "billing@xn--mgbfu2f0n.example"),
        ("billing@xn--mgbfu2f0n.example", "billing@xn--mgbfu2f0n.example"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@ایران.ایران", "a@xn--mgba3a4f16a.xn--mgba3a4f16a"),
    ],
)
def test_an_address_has_one_form(typed: str, address: str) -> None:
    assert mail_address.checked(typed) == address
    assert mail_address.checked(address) == address


@pytest.mark.parametrize(
    "typed",
    [
        "", "@", "sara", "sara@", "@example.com", "sara@example", "sa ra@example.com", "سارا@example.com",
        "a@b.example, c@d.example", "a@b.example\r\nBcc: x@y.example", "a@-b.example", "a@☺.example",
        f"{'a' * 65}@b.example", "a@b..example", "a@b.example>", "<a@b.example>",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"no e-mail address|not allowed"):
        mail_address.checked(typed)


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("DocuChat <billing@docuchat.example>", "DocuChat", "billing@docuchat.example"),
        ("billing@docuchat.example", "", "billing@docuchat.example"),
        ("<billing@docuchat.example>", "", "billing@docuchat.example"),
        ("داکیوچت <Billing@پرتال.example>", "داکیوچت", "billing@xn--mgbfu2f0n.example"),
        ('"DocuChat, \\"Inc.\\"" <b@docuchat.example>', 'DocuChat, "Inc."', "b@docuchat.example"),
        ("DocuChat, Inc. <b@docuchat.example>", "DocuChat, Inc.", "b@docuchat.example"),
    ],
)
def test_a_sender_travels_whole(written: str, name: str, address: str) -> None:
    sender = mail_address.sender(written)
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = sender.header

    read = message_from_bytes(message.as_bytes(), policy=policy.default)["From"].addresses[0]

    assert sender == (name, address)
    assert (read.display_name, read.addr_spec) == (name, address)
    assert mail_address.sender(str(sender.header)) == sender


@pytest.mark.parametrize(
    "written",
    [
        "", "billing", "DocuChat billing@docuchat.example", "DocuChat <>", "DocuChat <billing>", "a <b@c.de> d",
        '"DocuChat <b@c.example>"', "a\r\nBcc: x <b@c.example>", "a <b@c.example>, d <e@f.example>", "\0 <b@c.example>",
    ],
)  # fmt: skip
def test_what_names_no_sender_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"no e-mail address|cannot be shown"):
        mail_address.sender(written)
