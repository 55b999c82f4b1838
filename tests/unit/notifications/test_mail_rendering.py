"""What an invoice's mail says, in both languages, and that an outsider's text stays text."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial

import pytest

from backend.i18n import format as formats
from backend.i18n.catalog import Lang, text
from backend.notifications import mail_rendering
from backend.notifications.types import Mail, QueuedMail

INVOICE = "6f0d8a0e-0000-4000-8000-000000000001"
PARAMS: dict[str, str | int] = {
    "number": "1405-000123",
    "day": "2026-11-22",
    "tokens": 1_234_567,
    "amount_rial": 246_910,
    "tenant_name": "شرکت نمونه",
    "invoice_id": INVOICE,
}


def queued(lang: Lang = "fa", recipient: str = "billing@tenant.example", **params: str | int) -> QueuedMail:
    mail = Mail(
        key=f"invoice_issued:{INVOICE}",
        recipient=recipient,
        language=lang,
        template="invoice_issued",
        params={**PARAMS, **params},
    )
    return QueuedMail(mail=mail, created_at=datetime(2026, 11, 23, tzinfo=UTC), tries=0)


def composed(one: QueuedMail) -> EmailMessage:
    message = mail_rendering.compose(
        one, public_url="https://portal.example", mail_from="DocuChat <billing@docuchat.example>"
    )
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body(preferencelist=(kind,))
    assert found is not None
    return str(found.get_content())


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_the_persian_mail_counts_in_persian(kind: str) -> None:
    said = part(composed(queued("fa")), kind)

    for expected in ("شرکت نمونه", "۱۴۰۵-۰۰۰۱۲۳", "۱ آذر ۱۴۰۵", "۱٬۲۳۴٬۵۶۷", "۲۴٬۶۹۱ تومان"):
        assert expected in said
    assert f"https://portal.example/invoices/{INVOICE}" in said


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_the_english_mail_counts_in_english(kind: str) -> None:
    said = part(composed(queued("en", tenant_name="Sample Ltd")), kind)

    for expected in ("Sample Ltd", "1405-000123", "22 Nov 2026", "1,234,567", "24,691 Toman"):
        assert expected in said


@pytest.mark.parametrize(("lang", "direction"), [("fa", "rtl"), ("en", "ltr")])
def test_the_html_runs_in_the_direction_of_its_language(lang: Lang, direction: str) -> None:
    assert f'<html lang="{lang}" dir="{direction}">' in part(composed(queued(lang)), "html")


def test_the_link_leads_to_our_own_page_and_nowhere_else() -> None:
    said = part(composed(queued()), "html")

    assert said.count('href="') == 1
    assert f'href="https://portal.example/invoices/{INVOICE}"' in said
    assert "/start" not in said


def test_an_id_cannot_lead_the_link_astray() -> None:
    said = part(composed(queued(invoice_id="../start?x=1")), "plain")

    assert "https://portal.example/invoices/..%2Fstart%3Fx%3D1" in said


def test_a_company_name_is_text_and_never_markup() -> None:
    said = part(composed(queued(tenant_name="<img src=x onerror=alert(1)> & {number}")), "html")

    assert "<img" not in said
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; {number}" in said


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\0"])
def test_no_parameter_adds_a_header(break_: str) -> None:
    message = composed(
        queued(number=f"1{break_}Bcc: thief@evil.example", tenant_name=f"x{break_}Bcc: y@z.example")
    )

    assert message["Bcc"] is None
    assert message.keys().count("Subject") == 1
    assert "\n" not in str(message["Subject"])


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "nobody",
        "a@b.example\r\nBcc: x@y.example",
        "a@b.example, c@d.example",
        "رضا@tenant.example",
        "a b@c.example",
    ],
)
def test_an_address_that_is_none_makes_no_letter(recipient: str) -> None:
    with pytest.raises(mail_rendering.CompositionError):
        composed(queued(recipient=recipient))


@pytest.mark.parametrize(
    ("mail_from", "name", "address"),
    [
        ("billing@docuchat.example", "", "billing@docuchat.example"),
        ("داکیوچت، صورت‌حساب <billing@پرتال.example>", "داکیوچت، صورت‌حساب", "billing@xn--mgbfu2f0n.example"),
    ],
)
def test_any_sender_and_any_domain_make_a_letter(mail_from: str, name: str, address: str) -> None:
    message = mail_rendering.compose(
        queued(recipient="a@ایران.example"), public_url="https://p.example", mail_from=mail_from
    )

    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert (read["From"].addresses[0].display_name, read["From"].addresses[0].addr_spec) == (name, address)
    assert read["To"] == "a@xn--mgba3a4f16a.example"
    assert read["Message-ID"].endswith(f"@{address.partition('@')[2]}>")


def test_an_unknown_template_makes_no_letter() -> None:
    one = queued()
    mail = Mail(key="k", recipient="a@b.example", language="fa", template="../../etc/passwd", params={})

    with pytest.raises(mail_rendering.CompositionError):
        composed(QueuedMail(mail=mail, created_at=one.created_at, tries=0))


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_the_headers_are_complete_and_plain_ascii(lang: Lang) -> None:
    message = mail_rendering.compose(
        queued(lang, number="۱" * 300),
        public_url="https://p.example",
        mail_from="داکیوچت <billing@docuchat.example>",
    )
    head = message.as_bytes().partition(b"\r\n\r\n")[0]

    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 998
    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert read["From"].addresses[0].addr_spec == "billing@docuchat.example"
    assert read["Date"].datetime == datetime(2026, 11, 23, tzinfo=UTC)
    assert read["Content-Language"] == lang
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content_type() == "multipart/alternative"


def test_composing_twice_gives_the_same_bytes() -> None:
    first = mail_rendering.compose(
        queued(), public_url="https://p.example", mail_from="b@p.example"
    ).as_bytes()
    second = mail_rendering.compose(
        queued(), public_url="https://p.example", mail_from="b@p.example"
    ).as_bytes()

    assert first == second


@pytest.mark.parametrize(("lang", "comma"), [("fa", "، "), ("en", ", ")])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_receipt_names_every_invoice_whole(lang: Lang, comma: str, kind: str) -> None:
    numbers = [f"1405-{number:06d}" for number in range(1, 41)]

    said = part(composed(receipt(lang, ", ".join(numbers))), kind)

    assert comma.join(formats.identifier(number, lang) for number in numbers) in said
    assert "٬" not in said.replace("۲۴٬۶۹۱", "")


def test_no_invoice_number_of_a_receipt_adds_a_line() -> None:
    said = part(composed(receipt("en", "1405-1\r\nBcc: thief@evil.example, 1405-2")), "plain")

    assert "1405-1 Bcc: thief@evil.example, 1405-2" in said


@pytest.mark.parametrize("lang", ["fa", "en"])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_payment_that_went_back_tells_what_waits_for_money_again(lang: Lang, kind: str) -> None:
    final, under_way = (part(composed(returned(lang, is_returning=each)), kind) for each in (0, 1))

    say = partial(text, lang=lang)
    assert say("mail.payment_returned.body") in final
    assert say("mail.payment_returned.body_returning") in under_way
    for name in ("numbers", "reopened", "debt", "reopened_note"):
        assert say(f"mail.payment_returned.{name}") in final
    assert say("mail.payment_returned.credit") not in final
    assert formats.toman(120_000, lang) in final
    assert formats.identifier("1405-000007", lang) in final


@pytest.mark.parametrize("lang", ["fa", "en"])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_payment_whose_return_opened_no_invoice_names_none(lang: Lang, kind: str) -> None:
    nothing_opened = returned(lang, is_returning=0, numbers="", reopened_rial=0, debt_rial=0)

    said = part(composed(nothing_opened), kind)

    assert text("mail.payment_returned.body", lang) in said
    for name in ("numbers", "reopened", "reopened_note"):
        assert text(f"mail.payment_returned.{name}", lang) not in said


def returned(lang: Lang, **other: str | int) -> QueuedMail:
    queued = receipt(lang, "1405-000007")
    params = {"reopened_rial": 120_000, "debt_rial": 5_000, **other}
    mail = queued.mail._replace(
        key="payment_returned:1:1",
        template="payment_returned",
        params={**queued.mail.params, **params},
    )
    return replace(queued, mail=mail)


def receipt(lang: Lang, numbers: str) -> QueuedMail:
    params: dict[str, str | int] = {
        "tenant_name": "Sample Ltd",
        "amount_rial": 246_910,
        "numbers": numbers,
        "track_id": "12345",
        "reference": "",
        "card": "",
        "credit_rial": 0,
        "at": "2026-11-23T10:00:00+00:00",
        "invoice_id": INVOICE,
    }
    mail = Mail(
        key="payment_received:1:1",
        recipient="billing@tenant.example",
        language=lang,
        template="payment_received",
        params=params,
    )
    return QueuedMail(mail=mail, created_at=datetime(2026, 11, 23, tzinfo=UTC), tries=0)


@pytest.mark.parametrize("lang", ["fa", "en"])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_mail_to_an_approver_says_what_the_run_is_about_and_is_no_bill(lang: Lang, kind: str) -> None:
    said = part(composed(waiting_run(lang, targets="پایگاه داده docuchat")), kind)

    assert text("mail.run_waiting.targets", lang, targets="پایگاه داده docuchat") in said
    assert text("mail.run_waiting.footer", lang) in said
    assert text("mail.footer", lang) not in said


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_mail_to_an_approver_that_an_earlier_version_queued_is_sent_without_the_targets(kind: str) -> None:
    said = part(composed(waiting_run("en")), kind)

    assert "restore_database" in said
    assert text("mail.run_waiting.targets", "en", targets="") not in said


def test_long_names_of_what_a_run_is_about_are_not_cut() -> None:
    targets = ", ".join(f"Workload {letter * 250}" for letter in "ab")

    assert targets in part(composed(waiting_run("en", targets=targets)), "plain").replace("\n", "")


def waiting_run(lang: Lang, **more: str) -> QueuedMail:
    params: dict[str, str | int] = {
        "action": "restore_database",
        "who": "operator@people.example",
        "run_id": INVOICE,
        "until": "2026-11-23T10:00:00+00:00",
        **more,
    }
    mail = Mail(
        key="run_waiting:1:1",
        recipient="approver@people.example",
        language=lang,
        template="run_waiting",
        params=params,
    )
    return QueuedMail(mail=mail, created_at=datetime(2026, 11, 23, tzinfo=UTC), tries=0)
