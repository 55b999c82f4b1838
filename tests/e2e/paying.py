"""What a test does as a payer in front of a browser, and what it looks at in the books afterwards."""

import re
from datetime import date, timedelta
from itertools import count
from uuid import uuid4

import httpx
import psycopg
from playwright.sync_api import Page, expect

from backend.i18n import format as shown
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from tests.e2e.conftest import PATIENCE_MS, Visit, asked, run_module

FIRST_DAY = date(2026, 3, 1)
AMOUNT_RIAL = 54_320
_numbers = count(1)

_INSERT = """
INSERT INTO tenant_invoice (id, tenant_id, day, number, tokens, net_rial, tax_percent, tax_rial, amount_rial, status,
                            held_reasons, coverage, price_version, window_start, window_end, timezone, tzdata_version,
                            created_at, issued_at)
SELECT %(id)s, t.id, %(day)s, %(number)s, 1000, %(amount)s, 0, 0, %(amount)s, 'pending',
       '{}', 1, (SELECT min(version) FROM price_list), now(), now(), 'Asia/Tehran', '2026a', now(), now()
FROM tenant t WHERE t.label = %(label)s
"""


def new_invoice(stack: Stack, label: str, amount_rial: int = AMOUNT_RIAL) -> str:
    """An issued invoice of an old day that nobody else looks at."""
    number = next(_numbers)
    values = {
        "id": uuid4(),
        "label": label,
        "day": FIRST_DAY + timedelta(days=number),
        "number": f"1404-9{number:05d}",
        "amount": amount_rial,
    }
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(_INSERT, values)
    return str(values["id"])


def change(stack: Stack, statement: str, *values: object) -> None:
    """Make the past another one."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(statement, values)


def status_of(stack: Stack, invoice_id: str) -> str:
    return str(asked(stack, "SELECT status FROM tenant_invoice WHERE id = %s", invoice_id)[0][0])


def attempts_at(stack: Stack, invoice_id: str) -> list[tuple[str, int]]:
    """State and track id of every attempt at an invoice."""
    rows = asked(
        stack,
        "SELECT a.state, a.track_id FROM payment_attempt a JOIN payment_allocation l ON l.attempt_id = a.id"
        " WHERE l.invoice_id = %s ORDER BY a.created_at",
        invoice_id,
    )
    return [(str(state), int(str(track_id))) for state, track_id in rows]


def number_of(stack: Stack, invoice_id: str) -> str:
    """The number of an invoice as it is stored."""
    return str(asked(stack, "SELECT number FROM tenant_invoice WHERE id = %s", invoice_id)[0][0])


def box_of(now: Visit, invoice_id: str) -> str:
    """The words of the box that chooses an invoice on the list."""
    number = number_of(now.stack, invoice_id)
    return now.t("payment.select", number=shown.identifier(number, now.lang))


def enter(now: Visit, person: SignIn) -> Visit:
    """As ``sign_in``, past the form that other tests look at."""
    url = now.stack.web_url
    now.context.request.post(f"{url}/auth/login", form={"email": person.email, "password": person.password})
    now.context.add_cookies([{"name": "lang", "value": now.lang, "url": url}])
    return now


def straight_to_the_bank(now: Visit, person: SignIn, invoice_id: str) -> Page:
    """As ``to_the_bank``, past the pages that other tests look at."""
    url = now.stack.web_url
    opened = enter(now, person).context.request.post(
        f"{url}/pay/start", form={"invoices": invoice_id}, max_redirects=0
    )
    now.page.goto(url + opened.headers["location"], wait_until="domcontentloaded")
    now.page.get_by_role("link", name=now.t("page.hand_off.go")).click()
    now.page.wait_for_url("**/start/*", timeout=PATIENCE_MS)
    return now.page


def somebody(stack: Stack, role: str, tenant: str | None = None) -> SignIn:
    """Another person of the demo, made or made anew by the public command."""
    email, name = f"{role}@{tenant or 'docuchat'}.example", "پریسا آزمایشی"
    known = run_module(stack, "backend.accounts", "list-users").stdout
    about = ["--name", name, "--role", role, *(("--tenant", tenant) if tenant else ())]
    command = ["reset-password"] if email in known else ["create-user", *about]
    run = run_module(stack, "backend.accounts", command[0], "--email", email, *command[1:])
    assert run.returncode == 0, run.stderr
    password = run.stdout.strip().rpartition(": ")[2]
    return SignIn(title=role, role=role, email=email, password=password, name=name, tenant=tenant)


def pay_button(now: Visit, amount_rial: int = AMOUNT_RIAL) -> str:
    """The words on the pay button."""
    return now.t("payment.pay_amount", amount=shown.toman(amount_rial, now.lang))


def to_the_bank(now: Visit, invoice_id: str, amount_rial: int = AMOUNT_RIAL) -> Page:
    """From the invoice's page to the bank's."""
    page = now.go(f"/invoices/{invoice_id}")
    page.get_by_role("button", name=pay_button(now, amount_rial)).click()
    page.wait_for_url("**/start/*", timeout=PATIENCE_MS)
    return page


def at_the_bank(page: Page, choice: str) -> None:
    """Press a button of the bank's page, which is always Persian."""
    page.get_by_role("button", name=choice, exact=True).click()


def expect_outcome(now: Visit, outcome: str, page: Page | None = None) -> None:
    """The page of return says so, in the visit's language."""
    page = page or now.page
    expect(page.locator(f"[data-outcome={outcome}]")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(now.t(f"payment.returned.{outcome}.heading"))


def receipt_has_come(stack: Stack, invoice_id: str) -> bool:
    """Whether a receipt with a link to the invoice lies in the mail box."""
    mails = httpx.get(f"{stack.mail_url}/api/messages").json()
    link = f"{stack.web_url}/invoices/{invoice_id}"
    words = re.compile("شناسهٔ پیگیری زیبال|Zibal tracking number")
    return any(link in mail["text"] and words.search(mail["text"]) for mail in mails)
