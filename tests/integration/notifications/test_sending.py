"""A mail is sent at least once and never lost; a duplicate has the same message id."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from backend.actor import Role
from backend.clock import utc_now
from backend.db.engine import engine, read, transaction
from backend.errors import Forbidden, NotFound, Unavailable
from backend.notifications import rules, service
from backend.notifications.types import Mail, SendReport
from jobs.registry import job_named
from jobs.runs import fire
from portal.features.billing import queries
from tests import factories
from tests.integration.notifications.conftest import Fault, PostOffice, start, use_mail_server

SENDER = factories.PROCESS


def a_mail(number: int = 1, *, recipient: str = "", language: str = "fa", **params: str | int) -> Mail:
    return Mail(
        key=f"invoice_issued:{number}",
        recipient=recipient or f"billing-{number}@tenant.example",
        language="fa" if language == "fa" else "en",
        template="invoice_issued",
        params={
            "number": f"1405-{number:06d}",
            "day": "2026-11-22",
            "tokens": 1_234_567,
            "amount_rial": 246_910,
            "tenant_name": "شرکت نمونه",
            "invoice_id": str(uuid4()),
            **params,
        },
    )


def make_due() -> None:
    with transaction() as connection:
        connection.execute(text("UPDATE outbox_mail SET next_try_at = now() - interval '1 second'"))


def row(key: str) -> dict[str, object]:
    with read() as connection:
        found = connection.execute(text("SELECT * FROM outbox_mail WHERE key = :key"), {"key": key}).one()
    return dict(found._mapping)


def test_a_mail_that_is_due_arrives_once_and_is_not_sent_again(office: PostOffice) -> None:
    service.enqueue([a_mail()], utc_now())

    first, second = service.send_due(SENDER, 10), service.send_due(SENDER, 10)

    assert (first, second) == (SendReport(sent=1), SendReport())
    assert len(office.received) == 1
    assert office.messages[0]["To"] == "billing-1@tenant.example"
    assert row("invoice_issued:1")["sent_at"] is not None


def test_asking_twice_for_the_same_mail_stores_one(office: PostOffice) -> None:
    assert service.enqueue([a_mail(1), a_mail(2)], utc_now()) == 2
    assert service.enqueue([a_mail(2), a_mail(3)], utc_now()) == 1
    assert service.enqueue([a_mail(4), a_mail(4)], utc_now()) == 1
    assert service.enqueue([], utc_now()) == 0

    assert service.send_due(SENDER, 10).sent == 4


def test_a_mail_that_is_there_already_undoes_nothing_of_the_open_transaction(database: str) -> None:
    service.enqueue([a_mail(2)], utc_now())

    with transaction():
        service.enqueue([a_mail(1)], utc_now())
        assert service.enqueue([a_mail(2), a_mail(3)], utc_now()) == 1

    assert {row(f"invoice_issued:{n}")["tries"] for n in (1, 2, 3)} == {0}


def test_a_mail_is_kept_only_if_the_transaction_is(office: PostOffice) -> None:
    def enqueue_and_fail() -> None:
        with transaction():
            service.enqueue([a_mail()], utc_now())
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        enqueue_and_fail()

    assert service.send_due(SENDER, 10) == SendReport()


def test_a_batch_uses_one_connection(office: PostOffice) -> None:
    service.enqueue([a_mail(number) for number in range(40)], utc_now())

    assert service.send_due(SENDER, 100).sent == 40
    assert office.connections == 1


def test_a_round_sends_no_more_than_its_limit(office: PostOffice) -> None:
    service.enqueue([a_mail(number) for number in range(130)], utc_now())

    assert service.send_due(SENDER, 120).sent == 120
    assert service.send_due(SENDER, 120).sent == 10


def test_no_transaction_is_open_while_the_server_is_spoken_to(office: PostOffice) -> None:
    seen: list[int] = []
    statement = text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")

    def look() -> None:
        with transaction() as connection:
            seen.append(connection.scalar(statement) or 0)

    office.at_data = look
    service.enqueue([a_mail()], utc_now())
    service.send_due(SENDER, 10)

    assert seen == [0]


def test_sending_inside_a_transaction_is_refused(office: PostOffice) -> None:
    service.enqueue([a_mail()], utc_now())

    with transaction(), pytest.raises(RuntimeError, match="inside a transaction"):
        service.send_due(SENDER, 10)

    assert office.received == []


def test_a_mail_whose_answer_got_lost_goes_out_again_with_the_same_bytes(office: PostOffice) -> None:
    office.fault = Fault.DROP_AFTER_DATA
    service.enqueue([a_mail()], utc_now())

    assert service.send_due(SENDER, 10) == SendReport(failed=1)
    office.fault = Fault.NONE
    make_due()
    assert service.send_due(SENDER, 10) == SendReport(sent=1)

    assert len(office.received) == 2
    assert office.received[0] == office.received[1]
    assert {message["Message-ID"] for message in office.messages} == {
        rules.message_id("invoice_issued:1", "billing@portal.example")
    }


def test_two_occasions_have_two_message_ids(office: PostOffice) -> None:
    service.enqueue([a_mail(1), a_mail(2)], utc_now())
    service.send_due(SENDER, 10)

    ids = [str(message["Message-ID"]) for message in office.messages]
    assert len(set(ids)) == 2
    assert all(name.endswith("@portal.example>") for name in ids)


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.RELAY_DENIED, Fault.DROP_BEFORE_DATA, Fault.CLOSING])
def test_one_bad_mail_is_tried_later_and_fails_no_other(office: PostOffice, fault: Fault) -> None:
    office.fault, office.fault_for = fault, "billing-2@tenant.example"
    service.enqueue([a_mail(number) for number in range(1, 5)], utc_now())
    before = utc_now()

    assert service.send_due(SENDER, 10) == SendReport(sent=3, failed=1)

    kept = row("invoice_issued:2")
    assert (kept["sent_at"], kept["given_up_at"], kept["tries"]) == (None, None, 1)
    assert kept["last_error"]
    assert isinstance(kept["next_try_at"], type(before))
    assert timedelta(seconds=55) < kept["next_try_at"] - before < timedelta(seconds=70)


def test_a_recipient_that_does_not_exist_is_given_up_at_once(office: PostOffice) -> None:
    office.unknown = {"billing-1@tenant.example"}
    service.enqueue([a_mail(1), a_mail(2)], utc_now())

    assert service.send_due(SENDER, 10) == SendReport(sent=1, failed=1, given_up=1)
    make_due()
    assert service.send_due(SENDER, 10) == SendReport()

    assert row("invoice_issued:1")["last_error"] == "550 5.1.1 no such user"
    assert service.state(factories.actor(Role.OPERATOR)).given_up == 1


def test_the_billing_page_says_that_mails_wait_also_between_two_tries(
    office: PostOffice, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def problem() -> str:
        return queries.overview(factories.actor(Role.OPERATOR), "en").view.mail_problem

    service.enqueue([a_mail(1)], utc_now())
    use_mail_server(monkeypatch, f"smtp://127.0.0.1:{unused_port}")
    fire(job_named("send_mail"))
    at_once = problem()
    fire(job_named("send_mail"))

    assert at_once
    assert problem() == at_once
    use_mail_server(monkeypatch, f"smtp://127.0.0.1:{office.port}")
    make_due()
    fire(job_named("send_mail"))
    assert problem() == ""


def test_a_refusal_of_us_is_an_error_from_the_first_time_and_tried_again(
    office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    office.fault = Fault.RELAY_DENIED
    service.enqueue([a_mail(1), a_mail(2)], utc_now())

    assert service.send_due(SENDER, 10) == SendReport(failed=2)

    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["mail.rejected", "mail.rejected"]
    state = service.state(SENDER)
    assert (state.waiting, state.rejected, state.rejection) == (2, 2, Fault.RELAY_DENIED)
    assert Fault.RELAY_DENIED in queries.overview(factories.actor(Role.OPERATOR), "fa").view.mail_problem
    office.fault = Fault.NONE
    make_due()
    assert service.send_due(SENDER, 10) == SendReport(sent=2)
    assert service.state(SENDER).rejected == 0


def test_a_mail_is_given_up_after_its_last_try_and_can_be_revived(office: PostOffice) -> None:
    office.fault = Fault.BUSY
    service.enqueue([a_mail()], utc_now())
    for _ in range(rules.MOST_TRIES - 1):
        make_due()
        assert service.send_due(SENDER, 10) == SendReport(failed=1)
    make_due()
    assert service.send_due(SENDER, 10) == SendReport(failed=1, given_up=1)

    office.fault = Fault.NONE
    service.retry(SENDER, "invoice_issued:1")

    assert service.send_due(SENDER, 10) == SendReport(sent=1)
    with pytest.raises(NotFound):
        service.retry(SENDER, "invoice_issued:1")


def test_while_the_server_is_away_nothing_counts_as_a_try(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = PostOffice(port=1)
    use_mail_server(monkeypatch, "smtp://127.0.0.1:1")
    service.enqueue([a_mail(number) for number in range(3)], utc_now())

    for _ in range(rules.MOST_TRIES + 2):
        make_due()
        with pytest.raises(Unavailable) as trouble:
            service.send_due(SENDER, 10)

    assert trouble.value.key == "error.unavailable.mail"
    state = service.state(SENDER)
    assert (state.waiting, state.given_up, office.received) == (3, 0, [])
    assert row("invoice_issued:1")["tries"] == 0


def test_a_server_that_comes_back_gets_everything(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.enqueue([a_mail(number) for number in range(5)], utc_now())
    use_mail_server(monkeypatch, "smtp://127.0.0.1:1")
    with pytest.raises(Unavailable):
        service.send_due(SENDER, 10)

    use_mail_server(monkeypatch, f"smtp://127.0.0.1:{office.port}")
    make_due()

    assert service.send_due(SENDER, 10) == SendReport(sent=5)


def test_a_server_that_dies_in_the_middle_costs_no_mail(
    database: str, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    office = PostOffice(port=unused_port)
    controller = start(office)
    use_mail_server(monkeypatch, f"smtp://127.0.0.1:{office.port}")
    service.enqueue([a_mail(number) for number in range(5)], utc_now())

    def die_at_third() -> None:
        if len(office.received) == 3:
            assert controller.server is not None
            controller.loop.call_soon_threadsafe(controller.server.close)
            office.fault = Fault.DROP_AFTER_DATA

    office.at_data = die_at_third
    try:
        assert service.send_due(SENDER, 10) == SendReport(sent=2, failed=1, postponed=2)
    finally:
        controller.stop()

    assert service.state(SENDER).waiting == 3


def test_a_server_that_drops_every_mail_is_left_alone_after_three(office: PostOffice) -> None:
    office.fault = Fault.DROP_BEFORE_DATA
    service.enqueue([a_mail(number) for number in range(10)], utc_now())

    assert service.send_due(SENDER, 10) == SendReport(failed=3, postponed=7)
    assert office.connections == 3


def test_parallel_senders_send_each_mail_once(office: PostOffice) -> None:
    service.enqueue([a_mail(number) for number in range(120)], utc_now())

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: service.send_due(SENDER, 60), range(4)))

    assert sum(report.sent for report in reports) == 120
    assert len({message["Message-ID"] for message in office.messages}) == len(office.received) == 120


def test_a_sender_that_died_loses_its_lease_and_another_sends(office: PostOffice) -> None:
    from backend.notifications import repository  # noqa: PLC0415 - the dead sender's first step

    service.enqueue([a_mail()], utc_now())
    now = utc_now()
    assert len(repository.claim(now, now + service.LEASE, 10)) == 1

    assert service.send_due(SENDER, 10) == SendReport()
    make_due()

    assert service.send_due(SENDER, 10) == SendReport(sent=1)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"day": "yesterday"}, id="no date"),
        pytest.param({"tokens": "many"}, id="no number"),
        pytest.param({"recipient": "a@b.example\r\nBcc: thief@evil.example"}, id="line break in the address"),
        pytest.param({"recipient": "رضا@tenant.example"}, id="address outside ASCII"),
        pytest.param({"recipient": "nobody"}, id="no domain"),
    ],
)
def test_a_mail_that_makes_no_letter_is_kept_and_fails_no_other(
    office: PostOffice, broken: dict[str, str]
) -> None:
    service.enqueue([a_mail(1, **broken), a_mail(2)], utc_now())

    assert service.send_due(SENDER, 10) == SendReport(sent=1, failed=1)
    assert str(row("invoice_issued:1")["last_error"]).startswith("not composed")


def test_only_processes_send_and_only_staff_look(database: str) -> None:
    for role in Role:
        with pytest.raises(Forbidden):
            service.send_due(factories.actor(role), 1)
        with pytest.raises(Forbidden):
            service.retry(factories.actor(role), "key")
        with pytest.raises(Forbidden):
            service.retry_all(factories.actor(role))
    with pytest.raises(Forbidden):
        service.state(factories.actor(Role.TENANT_ADMIN))
    assert service.state(factories.actor(Role.AUDITOR)).waiting == 0


def test_ten_thousand_mails_are_put_into_the_outbox_by_a_few_statements(database: str) -> None:
    mails = [a_mail(number) for number in range(10_000)]
    statements: list[str] = []
    event.listen(engine(), "before_cursor_execute", lambda *call: statements.append(call[2]))

    assert service.enqueue(mails, utc_now()) == 10_000

    assert len(statements) <= 20, len(statements)
