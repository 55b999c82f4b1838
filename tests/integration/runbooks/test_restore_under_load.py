"""A restore while twenty companies click and the billing night runs: the books are right in the end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.accounts import service as accounts
from backend.accounts.types import SignedIn
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.backups import service as backups
from backend.clients import zibal as zibal_client
from backend.clock import day_window
from backend.db.engine import read
from backend.errors import AppError, Unavailable
from backend.i18n.catalog import LANGUAGES
from backend.invoices import service as invoices
from backend.payments import service as payments
from backend.runbooks import service as runs
from backend.runbooks.types import LineKind, RunbookRun
from backend.runbooks.words_rules import said, said_line
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running
from backend.tenants.types import Tenant
from jobs import nightly_billing
from jobs.runs import JobError
from runbooks import asking_service
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import grown, last_closed_day
from tests.integration.runbooks.test_backups import RUNNER, assert_whole_log, done, worked
from tests.past import PastPrometheus, counter, every, process, write_blocks

NIGHT = Actor.process_named("nightly_billing")
COMPANIES, DAYS, STEP_S = 20, 3, 900
Books = dict[tuple[str, date], tuple[int, str]]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastPrometheus]:
    """Three days of twenty companies, each with a rate of its own."""
    born = day_window(first_day()).start
    times = every(
        STEP_S, born + timedelta(seconds=STEP_S), day_window(last_closed_day()).end + timedelta(minutes=30)
    )
    counters = [
        counter(f"company-{number}", "prompt", "docuchat-1", grown(100 + number, born, times))
        for number in range(COMPANIES)
    ]
    server = PastPrometheus(tmp_path_factory.mktemp("prometheus"))
    write_blocks(server.data_dir, counters, [process("docuchat-1", born.timestamp(), times)], block="54h")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def bank(
    owned: str,
    prometheus: PastPrometheus,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Driver]:
    with running() as driver:
        for name, value in (
            ("ZIBAL_URL", driver.url),
            ("ZIBAL_MERCHANT", "docuchat-live"),
            ("PROMETHEUS_URL", prometheus.url),
            ("USAGE_MIN_COVERAGE", "0"),
        ):
            monkeypatch.setenv(name, value)
        forget_caches()
        yield driver
        zibal_client.gateway().close()
        zibal_client._gateway.cache_clear()


def first_day() -> date:
    return last_closed_day() - timedelta(days=DAYS - 1)


def test_the_books_are_right_after_a_restore_and_after_its_undo(bank: Driver) -> None:
    tenants = [factories.tenant(f"company-{number}", billed_from=first_day()) for number in range(COMPANIES)]
    people = [factories.signed_in(factories.user(Role.TENANT_ADMIN, each.id)) for each in tenants]
    operator, approver = (factories.user(role).actor for role in (Role.OPERATOR, Role.APPROVER))
    last = last_closed_day()
    for day in (first_day(), last - timedelta(days=1)):
        invoices.bill_day(NIGHT, day)
    done(operator, "backup_database", {})
    [backup] = backups.backups(RUNNER)
    invoices.bill_day(NIGHT, last)
    for tenant, person in list(zip(tenants, people, strict=True))[:4]:
        pay_all(bank, tenant, person)
    before = books()
    assert len(before) == COMPANIES * DAYS

    with clicking(people) as clicks:
        run = done(operator, "restore_database", {"backup": backup.name}, approver)

    assert_right(run, before, people)
    assert clicks

    with clicking(people):
        undo = worked(operator, asking_service.ask_undo(operator, run.id, "undo"), approver)

    assert_right(undo, before, people)


def assert_right(run: RunbookRun, before: Books, people: list[SignedIn]) -> None:
    """Each company has one invoice for each day, of the same amount and as paid as before, and what it paid once."""
    nightly_billing.catch_up(NIGHT)
    assert books() == before
    with read() as connection:
        [(paid, credit)] = connection.execute(
            text(
                "SELECT sum(amount_rial) FILTER (WHERE kind = 'payment'), sum(amount_rial) FROM tenant_ledger"
            )
        )
    assert paid == sum(amount for amount, status in before.values() if status == "paid")
    assert credit == 0
    assert all(accounts.session_of(each.token) is not None for each in people)
    assert audit.verify(RUNNER).is_intact
    assert_whole_log(run)
    assert_worded(run)


def assert_worded(run: RunbookRun) -> None:
    """Every line of the plan, the log and the result is a sentence in both languages."""
    assert run.plan is not None
    words = [*run.plan.notes, *(each.what for each in run.plan.changes), *run.result]
    lines = [line.text for line in runs.lines(RUNNER, run.id) if line.kind is LineKind.WORDS]
    for lang in LANGUAGES:
        shown = [*(said(each, lang) for each in words), *(said_line(each, lang) for each in lines)]
        assert [each for each in shown if "runbooks." in each or "{" in each] == []


def books() -> Books:
    with read() as connection:
        rows = connection.execute(
            text(
                "SELECT t.label, i.day, i.amount_rial, i.status FROM tenant_invoice i"
                " JOIN tenant t ON t.id = i.tenant_id"
            )
        )
        return {(row.label, row.day): (row.amount_rial, row.status) for row in rows}


def pay_all(bank: Driver, tenant: Tenant, person: SignedIn) -> None:
    """Pay everything in one payment at the bank, and come back."""
    actor = person.session.actor
    hand_off = payments.start(actor, None)
    bank.pay(int(hand_off.start_url.rpartition("/")[2]))
    payments.reconcile(RUNNER, hand_off.attempt_id)
    assert payments.owed_by(actor, tenant.id).count == 0


@contextmanager
def clicking(people: list[SignedIn]) -> Iterator[list[str]]:
    """Twenty companies look at their pages again and again, while billing is asked to catch up all the time."""
    stop, clicks, faults = threading.Event(), list[str](), list[BaseException]()

    def click(person: SignedIn) -> None:
        session = accounts.session_of(person.token)
        assert session is not None
        actor = session.actor
        assert actor.tenant_id is not None
        invoices.invoices_of(actor, actor.tenant_id)
        payments.owed_by(actor, actor.tenant_id)
        audit.record(actor, "page.seen", "invoices")
        clicks.append(actor.name)

    def bill() -> None:
        nightly_billing.catch_up(NIGHT)

    def again(work: Callable[[], None]) -> None:
        while not stop.wait(0.25):
            try:
                work()
            except (Unavailable, JobError):
                continue  # refused for a moment: a person clicks again, and billing comes again
            except (AppError, AssertionError) as fault:
                faults.append(fault)
                return

    threads = [threading.Thread(target=again, args=(lambda each=each: click(each),)) for each in people]
    threads.append(threading.Thread(target=again, args=(bill,)))
    for thread in threads:
        thread.start()
    try:
        yield clicks
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert faults == []
