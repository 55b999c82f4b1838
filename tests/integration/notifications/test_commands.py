"""``python -m backend.notifications``, as a person at a terminal uses it."""

import pytest

from backend.clock import utc_now
from backend.notifications import service
from backend.notifications.__main__ import main
from backend.notifications.types import SendReport
from tests import factories
from tests.integration.notifications.conftest import PostOffice
from tests.integration.notifications.test_sending import a_mail


@pytest.fixture
def given_up(office: PostOffice) -> PostOffice:
    """A post office that has refused the first of two mails for good."""
    office.unknown = {"billing-1@tenant.example"}
    service.enqueue([a_mail(1), a_mail(2)], utc_now())
    assert service.send_due(factories.PROCESS, 10) == SendReport(sent=1, failed=1, given_up=1)
    return office


def test_a_mail_that_was_given_up_is_listed_with_what_the_server_said(
    given_up: PostOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list"]) == 0

    [line] = capsys.readouterr().out.splitlines()
    key, recipient, at, said = line.split("\t")
    assert (key, recipient) == ("invoice_issued:1", "billing-1@tenant.example")
    assert at.endswith(" UTC")
    assert said == "550 5.1.1 no such user"


def test_a_mail_that_was_given_up_is_sent_after_all(
    given_up: PostOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    given_up.unknown = set()

    assert main(["retry", "invoice_issued:1"]) == 0

    assert "invoice_issued:1" in capsys.readouterr().out
    assert service.send_due(factories.PROCESS, 10) == SendReport(sent=1)
    assert main(["list"]) == 0
    assert capsys.readouterr().out == ""


def test_every_mail_that_was_given_up_is_sent_after_all(
    given_up: PostOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    given_up.unknown = set()

    assert main(["retry", "--all"]) == 0

    assert capsys.readouterr().out.startswith("1 ")
    assert service.send_due(factories.PROCESS, 10) == SendReport(sent=1)


def test_a_mail_that_nobody_gave_up_is_refused_in_a_sentence(
    given_up: PostOffice, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retry", "invoice_issued:2"]) == 1

    assert "No e-mail with this key was given up" in capsys.readouterr().err
    assert service.send_due(factories.PROCESS, 10) == SendReport()
