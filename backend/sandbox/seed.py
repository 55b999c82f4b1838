"""The demo's companies, people and past invoices, made through the same services as real ones.

    python -m backend.sandbox.seed --state .local/demo --since 2026-10-09

Without ``--since`` there is no past: companies and people begin today. ``--tell`` prints who can sign in.
Every start of the stack runs it again: it adds what is missing, such as the days since the last start.
"""

import argparse
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zlib import crc32

from sqlalchemy import Connection, text

from backend import clock
from backend.accounts import service as accounts
from backend.accounts.types import NewUser
from backend.actor import Actor, Role, TenantId
from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.clock import TEHRAN, billing_day, utc_now
from backend.config import settings
from backend.db.engine import read, transaction
from backend.errors import Conflict, Invalid
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from backend.sandbox.companies import COMPANIES, Company
from backend.sandbox.deployments import seed_deployments
from backend.sandbox.signins import SignIn, sign_ins
from backend.sandbox.site import Site
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running
from backend.tenants import service as tenants
from backend.tenants.types import NewTenant

ACTOR = Actor.process_named("demo_seed")

# How old an invoice is at least when a company pays it; None pays nothing. Everybody else pays what is a day old.
SLOW_PAYERS: dict[str, int | None] = {"mehregan-stores": 16, "peyktiz-delivery": None, "dadavaran-law": 9}
PAID_EVERY_DAYS = 7
MAILED_DAYS = 2
BACKUP_AGE = timedelta(hours=20)
LEGAL = {"arvand-logistics", "sepidar-insurance", "khalij-petrochem"}


def seed(site: Site, since: date) -> None:
    """Add what is missing up to yesterday. Idempotent."""
    _companies(since)
    for person in sign_ins(site):
        _person(person)
    seed_deployments(ACTOR, since)
    for day in _closed_days(since):
        if invoices.bill_day(ACTOR, day, started_by="nightly_billing") is not None:
            with transaction() as connection:
                _date_back(connection, day)
    _pay(site)
    _send_old_receipts(utc_now())
    _back_up()


def _back_up() -> None:
    """Do what the night before would have done: back the database up, and try the backup out."""
    newest = backups.health(ACTOR).backup_at
    if settings().backup_dir and (newest is None or utc_now() - newest > BACKUP_AGE):
        backups.backup(ACTOR, BackupOrigin.NIGHTLY)
        backups.drill(ACTOR, secrets.token_hex(4))


def _companies(since: date) -> None:
    known = {tenant.label for tenant in tenants.all_tenants(ACTOR)}
    missing = [_new_tenant(company, since) for company in COMPANIES if company.label not in known]
    tenants.create_all(ACTOR, missing)


def _new_tenant(company: Company, since: date) -> NewTenant:
    digits = f"{crc32(company.label.encode()):010d}"
    has_legal = company.label in LEGAL
    return NewTenant(
        label=company.label,
        name_fa=company.name_fa,
        name_en=company.name_en,
        language=company.language,
        billing_email=company.billing_email,
        billed_from=since,
        economic_code=f"41{digits}" if has_legal else None,
        national_id=f"1{digits}" if has_legal else None,
        postal_address="تهران، خیابان شهید بهشتی، پلاک ۱۲" if has_legal else None,
        postal_code=digits if has_legal else None,
    )


def _person(person: SignIn) -> None:
    tenant_id = accounts.tenant_with_label(ACTOR, person.tenant) if person.tenant else None
    try:
        accounts.create_user(
            ACTOR,
            NewUser(
                email=person.email,
                name=person.name,
                password=person.password,
                role=Role(person.role),
                tenant_id=tenant_id,
                language=person.language,
            ),
        )
    except Conflict:
        return


def _closed_days(since: date) -> Iterator[date]:
    today = billing_day(utc_now())
    for number in range((today - since).days):
        yield since + timedelta(days=number)


def _date_back(connection: Connection, day: date) -> None:
    """Say of a day's run that it ran in the night after the day, as it would have done."""
    night = min(_night_after(day), utc_now())
    known = {"day": day, "night": night}
    connection.execute(
        text(
            "UPDATE tenant_invoice SET created_at = :night, issued_at = CASE WHEN issued_at IS NOT NULL THEN"
            " CAST(:night AS timestamptz) END WHERE day = :day"
        ),
        known,
    )
    connection.execute(
        text(
            "UPDATE billing_run SET started_at = :night, finished_at = :night + (finished_at - started_at)"
            " WHERE day = :day AND state = 'finished'"
        ),
        known,
    )
    if billing_day(utc_now()) - day > timedelta(days=MAILED_DAYS):
        connection.execute(
            text(
                "UPDATE outbox_mail SET created_at = :night, sent_at = :night, tries = 1"
                " WHERE sent_at IS NULL AND params->>'day' = :iso"
            ),
            {"night": night, "iso": day.isoformat()},
        )


def _night_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(3, 0, 20), tzinfo=TEHRAN).astimezone(UTC)


def _pay(site: Site) -> None:
    """Pay the old invoices of paying companies, through the payments service and the stand-in gateway.

    Each company pays its old enough invoices once a week, at an hour of its own.
    """
    due = _payments_due(utc_now())
    if not due:
        return
    port = urlsplit(settings().zibal_url).port
    # The stack's own stand-in starts later and reads this journal, so it knows these sessions too.
    with running(port, state_path=site.state_dir / "zibal.json") as bank:
        ahead_s = 0.0
        for payment in due:
            wanted_s = (payment.moment - utc_now()).total_seconds()
            bank.advance(wanted_s - ahead_s)
            ahead_s = wanted_s
            with _at(payment.moment):
                _pay_once(bank, payment)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payment:
    """Invoices that one company pays at once."""

    moment: datetime
    payer: Actor
    invoice_ids: list[InvoiceId]


def _payments_due(now: datetime) -> list[_Payment]:
    """Payments that are due by now, the oldest first."""
    admins = {company.label: company.admin_email for company in COMPANIES}
    due: dict[tuple[datetime, str], _Payment] = {}
    with read() as connection:
        pending = connection.execute(
            text(
                "SELECT i.id, i.day, t.label, t.id AS tenant_id FROM tenant_invoice i"
                " JOIN tenant t ON t.id = i.tenant_id WHERE i.status = 'pending' ORDER BY i.day"
            )
        ).all()
    for row in pending:
        moment = _paid_at(row.label, row.day)
        if row.label not in admins or moment is None or moment >= now:
            continue
        payer = Actor(name=admins[row.label], role=Role.TENANT_ADMIN, tenant_id=TenantId(row.tenant_id))
        payment = due.setdefault((moment, row.label), _Payment(moment=moment, payer=payer, invoice_ids=[]))
        payment.invoice_ids.append(InvoiceId(row.id))
    return [due[key] for key in sorted(due)]


def _pay_once(bank: Driver, payment: _Payment) -> None:
    """Click, pay at the bank, come back. A sum that the gateway does not take waits for the next time."""
    try:
        hand_off = payments.start(payment.payer, payment.invoice_ids)
    except (Invalid, Conflict):
        return
    track_id = int(hand_off.start_url.rpartition("/")[2])
    bank.pay(track_id)
    callback = urlsplit(bank.session(track_id)["callback"]).query
    payments.callback(None, parse_qsl(callback, keep_blank_values=True))


@contextmanager
def _at(moment: datetime) -> Iterator[None]:
    """Let the services believe that it is another time; this process has one thread and no other business."""
    present = clock.utc_now
    clock.utc_now = lambda: moment
    try:
        yield
    finally:
        clock.utc_now = present


def _send_old_receipts(now: datetime) -> None:
    """Receipts of long ago were mailed long ago; a start of the demo sends none of them."""
    with transaction() as connection:
        connection.execute(
            text(
                "UPDATE outbox_mail SET created_at = CAST(params->>'at' AS timestamptz),"
                " sent_at = CAST(params->>'at' AS timestamptz), tries = 1"
                " WHERE sent_at IS NULL AND template = 'payment_received'"
                " AND CAST(params->>'at' AS timestamptz) < :before"
            ),
            {"before": now - timedelta(days=MAILED_DAYS)},
        )


def _paid_at(label: str, day: date) -> datetime | None:
    """Time at which a company pays the invoice of a day: on its own weekday, once the invoice is old enough."""
    dice = crc32(label.encode())
    wait = SLOW_PAYERS.get(label, 1)
    if wait is None:
        return None
    first = day + timedelta(days=1 + wait)
    pay_day = first + timedelta(days=(dice - first.toordinal()) % PAID_EVERY_DAYS)
    return datetime.combine(pay_day, time(9 + dice % 8, dice % 60), tzinfo=TEHRAN).astimezone(UTC)


def main(argv: list[str]) -> None:
    """The command line; the settings come from the environment."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.seed", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--since", type=date.fromisoformat, default=billing_day(utc_now()))
    parser.add_argument("--tell", action="store_true", help="print who can sign in, with the passwords")
    options = parser.parse_args(argv)
    site = Site(options.state)
    seed(site, options.since)
    for person in sign_ins(site) if options.tell else ():
        print(f"{person.title}: {person.email}  {person.password}")


if __name__ == "__main__":
    main(sys.argv[1:])
