"""The laptop's mail box keeps and shows what it accepts, and misbehaves when told to."""

import smtplib
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from backend.sandbox.processes import Child, Command, accepts, free_port, wait_until


@pytest.fixture(scope="module")
def mail_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    folder, smtp_port, port = tmp_path_factory.mktemp("mail"), free_port(), free_port()
    argv = [sys.executable, "-m", "backend.sandbox.mail", "--smtp-port", str(smtp_port), "--port", str(port)]
    child = Child(Command(name="mail", argv=[*argv, "--folder", str(folder)], log_path=folder / "mail.log"))
    try:
        wait_until(lambda: accepts(smtp_port) and accepts(port), child=child)
        yield smtp_port, f"http://127.0.0.1:{port}"
    finally:
        child.stop()


@pytest.fixture(autouse=True)
def _empty(mail_box: tuple[int, str]) -> None:
    httpx.delete(f"{mail_box[1]}/api/messages").raise_for_status()
    httpx.put(f"{mail_box[1]}/api/mode", content="accept").raise_for_status()


def _send(smtp_port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "billing@docuchat.example", "mali@arvand.example"
    message["Subject"], message["Message-ID"] = "صورت‌حساب ۱۲ آبان", "<1@docuchat.example>"
    message.set_content("سلام")
    message.add_alternative("<p>سلام <b>اروند</b></p><script>alert(1)</script>", subtype="html")
    with smtplib.SMTP("127.0.0.1", smtp_port, timeout=10) as connection:
        connection.send_message(message)


def test_a_persian_message_is_kept_and_shown(mail_box: tuple[int, str]) -> None:
    smtp_port, url = mail_box

    _send(smtp_port)

    (kept,) = httpx.get(f"{url}/api/messages").json()
    assert kept["subject"] == "صورت‌حساب ۱۲ آبان"
    assert kept["text"].strip() == "سلام"
    assert "صورت‌حساب ۱۲ آبان" in httpx.get(url).text
    shown = httpx.get(f"{url}/messages/{kept['id']}").text
    assert "&lt;b&gt;اروند" in shown
    assert "<script>" not in shown


@pytest.mark.parametrize(("mode", "code"), [("refuse", 451), ("reject", 550)])
def test_a_refused_message_is_not_kept(mail_box: tuple[int, str], mode: str, code: int) -> None:
    smtp_port, url = mail_box
    httpx.put(f"{url}/api/mode", content=mode).raise_for_status()

    with pytest.raises(smtplib.SMTPDataError) as refused:
        _send(smtp_port)

    assert refused.value.smtp_code == code
    assert httpx.get(f"{url}/api/messages").json() == []


def test_a_lost_answer_leaves_the_sender_unsure_though_the_message_arrived(mail_box: tuple[int, str]) -> None:
    smtp_port, url = mail_box
    httpx.put(f"{url}/api/mode", content="lose-answer").raise_for_status()

    with pytest.raises(smtplib.SMTPServerDisconnected):
        _send(smtp_port)

    assert len(httpx.get(f"{url}/api/messages").json()) == 1


def test_mail_survives_under_its_folder(mail_box: tuple[int, str], tmp_path: Path) -> None:
    from backend.sandbox.mail import MailBox  # noqa: PLC0415 - the only test that looks inside

    box = MailBox(tmp_path)
    box.keep(b"Subject: kept\r\n\r\nbody")

    assert [message.subject for message in MailBox(tmp_path).messages()] == ["kept"]
