"""The demo's companies, people and past invoices, made through the same services as real ones.

    python -m backend.sandbox.seed --state .local/demo --since 2026-10-09

Every start of the stack runs it again: it adds what is missing, such as the days since the last start.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zlib import crc32

from sqlalchemy import Connection, text

from backend.accounts import service as accounts
from backend.accounts.types import NewUser
from backend.actor import Actor, Role
from backend.clock import TEHRAN, billing_day, utc_now
from backend.db.engine import transaction
from backend.errors import Conflict
from backend.invoices import service as invoices
from backend.sandbox.companies import COMPANIES, Company
from backend.sandbox.signins import SignIn, sign_ins
from backend.sandbox.site import Site
from backend.tenants import service as tenants
from backend.tenants.types import NewTenant

ACTOR = Actor.process_named("demo_seed")

# Days until a company pays; None pays nothing. Everybody else takes one to three days.
SLOW_PAYERS: dict[str, int | None] = {"mehregan-stores": 16, "peyktiz-delivery": None, "dadavaran-law": 9}
MAILED_DAYS = 2
LEGAL = {"arvand-logistics", "sepidar-insurance", "khalij-petrochem"}


def seed(site: Site, since: date) -> None:
    """Add what is missing up to yesterday. Idempotent."""
    _companies(since)
    for person in sign_ins(site):
        _person(person)
    for day in _closed_days(since):
        if invoices.bill_day(ACTOR, day, started_by="nightly_billing") is not None:
            with transaction() as connection:
                _date_back(connection, day)
    with transaction() as connection:
        _pay(connection, utc_now())


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


def _pay(connection: Connection, now: datetime) -> None:
    """Pay the old invoices of those who pay, each at the hour at which its company would have."""
    pending = connection.execute(
        text(
            "SELECT i.id, i.day, t.label FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id"
            " WHERE i.status = 'pending'"
        )
    ).all()
    paid = [
        {
            "id": row.id,
            "paid_at": moment,
            "track_id": 3_000_000_000 + crc32(str(row.id).encode()) % 1_000_000_000,
        }
        for row in pending
        if (moment := _paid_at(row.label, row.day)) is not None and moment < now
    ]
    if paid:
        connection.execute(
            text(
                "UPDATE tenant_invoice SET status = 'paid', paid_at = :paid_at, zibal_track_id = :track_id"
                " WHERE id = :id"
            ),
            paid,
        )


def _paid_at(label: str, day: date) -> datetime | None:
    dice = crc32(f"{label}/{day}".encode())
    wait = SLOW_PAYERS.get(label, 1 + dice % 3)
    if wait is None:
        return None
    hour = time(9 + dice % 8, dice % 60)
    return datetime.combine(day + timedelta(days=1 + wait), hour, tzinfo=TEHRAN).astimezone(UTC)


def main(argv: list[str]) -> None:
    """The command line; the settings come from the environment."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.seed", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--since", type=date.fromisoformat, required=True)
    options = parser.parse_args(argv)
    seed(Site(options.state), options.since)


if __name__ == "__main__":
    main(sys.argv[1:])
