"""What a company has, with everything by which others could ask for it, and everything they may never be told."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import text

from backend.accounts import service as accounts
from backend.actor import Role
from backend.db.engine import read
from backend.i18n import format as fmt
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from backend.payments.types import HandOff
from tests.integration.payments import payer

if TYPE_CHECKING:
    from tests.integration.portal.conftest import House

AMOUNT_RIAL = 7_345_670
TABLES = ("tenant_invoice", "payment_attempt", "payment_allocation", "user_session", "user_account")


class Belongings:
    """What the first company has: an issued invoice and a held one, an open payment, people who are signed in."""

    def __init__(self, house: "House") -> None:
        admin = house.people[Role.TENANT_ADMIN]
        self.house = house
        self.invoices: list[InvoiceId] = [
            payer.invoice(house.own.id, AMOUNT_RIAL, status=status) for status in ("pending", "held")
        ]
        self.hand_off: HandOff = payments.start(admin.actor, self.invoices[:1])
        self.sessions = [session.id for session in accounts.sessions(admin.actor).rows]

    @property
    def names(self) -> Iterator[str]:
        """Everything by which a browser could ask for something of them."""
        for each in (*self.invoices, self.hand_off.attempt_id, *self.sessions, self.house.own.id):
            yield str(each)

    def secrets(self) -> list[str]:
        """Everything that nobody else may ever be told."""
        with read() as connection:
            numbers = connection.scalars(
                text("SELECT number FROM tenant_invoice WHERE tenant_id = :own AND number IS NOT NULL"),
                {"own": self.house.own.id},
            )
            return [
                *numbers,
                self.house.own.name_en,
                self.house.own.name_fa,
                self.house.people[Role.TENANT_ADMIN].email,
                fmt.toman_bare(AMOUNT_RIAL, "en").removesuffix(".0"),
                str(payer.track_of(self.hand_off)),
            ]

    def rows(self) -> dict[str, list[str]]:
        """All of it as the database has it."""
        with read() as connection:
            return {
                table: sorted(connection.scalars(text(f"SELECT t::text FROM {table} t"))) for table in TABLES
            }
