"""PostgreSQL, Prometheus and the mail server go away while in use: a plain sentence, nothing lost, back by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
from playwright.sync_api import expect

from backend.config import Settings
from backend.i18n.catalog import Lang, text
from backend.notifications.rules import message_id
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from tests.e2e.conftest import Visit, Visitor, asked, run_module
from tests.e2e.outage import (
    Log,
    alert,
    invoices_of,
    is_leading,
    newest_billed_day,
    open_again,
    says,
    without,
)
from tests.waiting import until

LANGUAGES: tuple[Lang, ...] = ("fa", "en")
STORED = (
    "SELECT (SELECT count(*) FROM tenant_invoice), (SELECT sum(tokens) FROM daily_usage),"
    " (SELECT sum(billed_rial) FROM billing_meter), (SELECT count(*) FROM audit_entry),"
    " (SELECT count(*) FROM outbox_mail)"
)
FIGURE = re.compile(r"^[0-9۰-۹,٬]+$")
NIGHT = ("jobs", "run", "nightly_billing", "--day")

People = dict[str, SignIn]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDay:
    """A closed day that is not billed now, and what it was billed for before."""

    day: date
    billed: list[tuple[object, ...]]


@pytest.fixture
def open_day(stack: Stack) -> Iterator[OpenDay]:
    """The newest day, not billed yet, and no scheduler that would do it; billed and scheduled again afterwards."""
    day = newest_billed_day(stack)
    billed = invoices_of(stack, day)
    stack.stop("jobs")
    try:
        open_again(stack, day)
        yield OpenDay(day=day, billed=billed)
    finally:
        run_module(stack, *NIGHT, day.isoformat())
        stack.start("jobs")


def in_both(visit: Visitor, person: SignIn, path: str) -> list[Visit]:
    """The same person in front of the same page in both languages."""
    visits = [visit(lang).sign_in(person) for lang in LANGUAGES]
    for each in visits:
        each.go(path)
    return visits


def test_a_lost_database_is_a_plain_sentence_and_pages_come_back_by_themselves(
    stack: Stack, people: People, visit: Visitor
) -> None:
    clicking, reloading = in_both(visit, people["tenant_admin"], "/usage")
    before, log = asked(stack, STORED), Log(stack, "web")

    with without(stack, "postgres"):
        clicking.page.get_by_role("link", name=clicking.t("page.invoices.nav")).click()
        says(clicking, "error.unavailable.database")
        reloading.page.reload()
        says(reloading, "error.unavailable.database")

    for each, path in ((clicking, "/invoices"), (reloading, "/usage")):
        expect(each.page.locator("tbody tr").first).to_be_visible()
        expect(alert(each, "error.unavailable.database")).to_have_count(0)
        assert path in each.page.url
    assert asked(stack, STORED) == before
    assert log.says("portal.unavailable", "error.unavailable.database")
    assert "Traceback" not in log.text()


def test_signing_in_without_a_database_says_so_and_works_afterwards(
    stack: Stack, people: People, visit: Visitor
) -> None:
    guest = visit("en")
    guest.go("/sign-in")
    person = people["tenant_viewer"]

    with without(stack, "postgres"):
        guest.page.locator("#email").fill(person.email)
        guest.page.locator("#password").fill(person.password)
        guest.page.get_by_role("button", name=guest.t("page.sign_in.submit")).click()
        says(guest, "error.unavailable.database")

    guest.sign_in(person)
    expect(guest.page).to_have_url(f"{stack.web_url}/usage")


def test_the_scheduler_outlives_the_database_and_goes_on(stack: Stack) -> None:
    until(lambda: is_leading(stack))
    log, part = Log(stack, "jobs"), stack.parts["jobs"]
    assert part.child is not None
    pid = part.child.pid

    with without(stack, "postgres"):
        until(lambda: log.has("scheduler.leadership_lost") and log.has("scheduler.database_lost"))
    until(lambda: log.has("scheduler.leads"))

    assert part.child.pid == pid
    assert part.child.is_running()
    assert "Traceback" not in log.text()


def test_without_prometheus_closed_days_stay_and_today_comes_back_by_itself(
    stack: Stack, people: People, visit: Visitor
) -> None:
    log = Log(stack, "web")
    visits = in_both(visit, people["tenant_admin"], "/usage")
    for each in visits:
        expect(each.page.get_by_test_id("as-of")).to_have_class("live")

    with without(stack, "prometheus"):
        for each in visits:
            each.page.reload()
            says(each, "error.unavailable.prometheus")
            expect(each.page.locator("tbody tr").first).to_be_visible()
            # The figure from before stays, and says that it is of then.
            expect(each.page.get_by_test_id("as-of")).to_have_class("live stale")
            expect(each.page.get_by_test_id("today-tokens").locator(".value")).to_have_text(FIGURE)

    for each in visits:
        expect(each.page.get_by_test_id("as-of")).to_have_class("live")
        expect(alert(each, "error.unavailable.prometheus")).to_have_count(0)
        expect(each.page.get_by_test_id("today-tokens").locator(".value")).to_have_text(FIGURE)
    assert log.says("portal.unavailable", "error.unavailable.prometheus")
    assert "Traceback" not in log.text()


def test_a_night_without_prometheus_writes_no_invoice_and_a_later_one_bills(
    stack: Stack, people: People, visit: Visitor, open_day: OpenDay
) -> None:
    operators = in_both(visit, people["operator"], "/billing")

    with without(stack, "prometheus"):
        night = run_module(stack, *NIGHT, open_day.day.isoformat())
        assert night.returncode == 1
        assert "unavailable.prometheus" in night.stdout
        assert text("error.unavailable.prometheus", "en") in night.stderr
        assert "Traceback" not in night.stdout + night.stderr
        assert invoices_of(stack, open_day.day) == []
        for each in operators:
            each.go("/billing")
            expect(each.page.locator("tbody tr").first).to_contain_text(
                each.t("billing.failure.unavailable.prometheus")
            )

    later = run_module(stack, *NIGHT, open_day.day.isoformat())
    assert later.returncode == 0, later.stderr
    assert invoices_of(stack, open_day.day) == open_day.billed


def test_mails_wait_for_the_mail_server_and_each_arrives_once(
    stack: Stack, people: People, visit: Visitor, open_day: OpenDay
) -> None:
    log = Log(stack, "jobs")
    with without(stack, "mail"):
        night = run_module(stack, *NIGHT, open_day.day.isoformat())
        assert night.returncode == 0, night.stderr
        expected = _message_ids(stack, open_day.day)
        assert expected
        stack.start("jobs")
        until(lambda: log.has("job.failed", job="send_mail", outcome="unavailable.mail"))
        assert log.says("job.failed", "error.unavailable.mail")
        for each in in_both(visit, people["operator"], "/billing"):
            says(each, "error.unavailable.mail")

    until(lambda: expected <= set(_received(stack)))
    received = _received(stack)
    assert [received.count(each) for each in sorted(expected)] == [1] * len(expected)
    assert "Traceback" not in log.text()


def _message_ids(stack: Stack, day: date) -> set[str]:
    mail_from = str(Settings.model_fields["mail_from"].default)
    keys = asked(
        stack,
        "SELECT key FROM outbox_mail WHERE key IN (SELECT 'invoice_issued:' || id FROM tenant_invoice WHERE day = %s)",
        day,
    )
    return {message_id(key, mail_from) for (key,) in keys}


def _received(stack: Stack) -> list[str]:
    messages = httpx.get(f"{stack.mail_url}/api/messages", timeout=30).json()
    return [message["message_id"] for message in messages]
