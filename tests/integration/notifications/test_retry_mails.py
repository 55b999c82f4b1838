"""The runbook for given-up mails: they go out once, and what the mail server makes of them is told."""

import pytest

from backend.actor import Actor, Role
from backend.clock import utc_now
from backend.errors import Invalid
from backend.notifications import service as notifications
from backend.runbooks import service as runs
from backend.runbooks.types import RunStage
from backend.runbooks.words_rules import said
from runbooks import asking_service, engine
from runbooks.actions import retry_mails
from tests import factories
from tests.integration.notifications.conftest import Fault, PostOffice
from tests.integration.notifications.test_sending import SENDER, a_mail
from tests.integration.runbooks.conftest import confirmed, ended, planned, wish
from tests.integration.runbooks.killing import died_at, gone_on, killed, refusal

NAME = "retry_mails"


@pytest.fixture
def operator(office: PostOffice) -> Actor:
    return factories.user(Role.OPERATOR).actor


def given_up(office: PostOffice, *numbers: int) -> None:
    """Mails whose recipients the server did not know."""
    mails = [a_mail(number) for number in numbers]
    office.unknown = {mail.recipient for mail in mails}
    notifications.enqueue(mails, utc_now())
    notifications.send_due(SENDER, 10)
    office.unknown = set()
    assert len(notifications.given_up(SENDER)) == len(numbers)


@pytest.fixture
def sender_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sending job comes by while the run looks."""
    real = notifications.counts

    def and_the_job(actor: Actor, keys: list[str]) -> object:
        notifications.send_due(SENDER, 10)
        return real(actor, keys)

    monkeypatch.setattr(notifications, "counts", and_the_job)


@pytest.mark.usefixtures("sender_at_work")
def test_given_up_mails_go_out_after_all_and_the_result_counts_them(
    operator: Actor, office: PostOffice
) -> None:
    given_up(office, 1, 2)
    office.unknown = {"billing-2@tenant.example"}

    run = ended(operator, wish(NAME), typed="")

    assert run.state is RunStage.SUCCEEDED
    assert run.result[-1].values == {"sent": 1, "waiting": 0, "given_up": 1}
    assert [message["To"] for message in office.messages] == ["billing-1@tenant.example"]
    assert run.plan is not None
    assert "550 5.1.1" in str(run.plan.notes[-1].values["reply"])


def test_one_mail_can_be_chosen_and_others_stay_given_up(
    operator: Actor, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_mails, "WATCH_S", 0)
    given_up(office, 1, 2)

    run = ended(operator, wish(NAME, {"mail": "invoice_issued:2"}), typed="")

    assert run.state is RunStage.SUCCEEDED
    assert run.result[-1].values == {"sent": 0, "waiting": 1, "given_up": 0}
    assert [each.key for each in notifications.given_up(SENDER)] == ["invoice_issued:1"]


def test_what_one_run_does_not_take_is_told_before_it_is_confirmed(
    operator: Actor, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_mails, "MOST", 2)
    monkeypatch.setattr(retry_mails, "WATCH_S", 0)
    given_up(office, 1, 2, 3)

    choices = asking_service.form(operator, NAME, {}).fields[0].choices
    run = ended(operator, wish(NAME), typed="")

    assert "there are more than one run takes" in said(choices[0].words, "en")  # type: ignore[arg-type] - it is set
    assert run.plan is not None
    assert "1 more are given up" in " ".join(said(note, "en") for note in run.plan.notes)
    assert run.plan.commands == ()
    assert run.result[0].values == {"mails": 2}
    assert len(notifications.given_up(SENDER)) == 1


def test_the_command_of_one_mail_sends_that_one(operator: Actor, office: PostOffice) -> None:
    given_up(office, 1, 2)

    run = planned(operator, wish(NAME, {"mail": "invoice_issued:2"}))

    assert run.plan is not None
    assert run.plan.commands == ("python -m backend.notifications retry invoice_issued:2",)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.usefixtures("sender_at_work")
def test_a_run_that_is_killed_goes_on_and_sends_no_mail_twice(
    operator: Actor, office: PostOffice, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    given_up(office, 1, 2)
    mend = died_at(monkeypatch, notifications, "retry", after=after)
    lost = killed(operator, NAME, {})
    notifications.send_due(SENDER, 10)
    mend()

    done = gone_on(operator, lost.id)

    assert done.state is RunStage.SUCCEEDED
    assert sorted(message["To"] for message in office.messages) == [
        "billing-1@tenant.example",
        "billing-2@tenant.example",
    ]


def test_a_mail_server_that_is_away_loses_no_mail(
    operator: Actor, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_mails, "WATCH_S", 0)
    given_up(office, 1)
    office.fault = Fault.CLOSING

    run = ended(operator, wish(NAME), typed="")

    assert run.state is RunStage.SUCCEEDED
    assert run.result[-1].values == {"sent": 0, "waiting": 1, "given_up": 0}


def test_a_mail_that_somebody_else_retried_changes_the_plan(operator: Actor, office: PostOffice) -> None:
    given_up(office, 1)
    run = confirmed(operator, wish(NAME), typed="")
    notifications.retry_all(SENDER)

    assert engine.work_on(run.id) is RunStage.FAILED
    outcome = runs.run(operator, run.id).outcome
    assert outcome is not None
    assert outcome.key == "error.refused.retry_mails_nothing"


def test_without_given_up_mails_nothing_is_planned_and_an_unknown_one_cannot_be_chosen(
    operator: Actor, office: PostOffice
) -> None:
    assert refusal(operator, NAME, {}) == "error.refused.retry_mails_nothing"
    with pytest.raises(Invalid):
        asking_service.ask(operator, wish(NAME, {"mail": "invoice_issued:7"}))
