"""What a test does as a paying tenant, and what it looks at afterwards."""

from datetime import date, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid4

from sqlalchemy import text

from backend.actor import Actor, Role, TenantId
from backend.db.engine import read, transaction
from backend.errors import Conflict
from backend.invoices.types import InvoiceId
from backend.payments import service
from backend.payments.types import Attempt, AttemptId, HandOff, Returned
from backend.sandbox.zibal.driver import Driver
from tests import factories

SWEEPER = Actor.process_named("sweep_payments")
FIRST_DAY = date(2026, 3, 1)
_numbers = count(1)

_INSERT = """
INSERT INTO tenant_invoice (id, tenant_id, day, number, tokens, net_rial, tax_percent, tax_rial, amount_rial, status,
                            held_reasons, coverage, price_version, window_start, window_end, timezone, tzdata_version,
                            created_at, issued_at)
SELECT :id, :tenant, :day, :number, 1000, :amount, 0, 0, :amount, :status,
       '{}', 1, min(version), now(), now(), 'Asia/Tehran', 'x', now(), now() FROM price_list
"""
_INSTANTS = (
    "created_at",
    "requested_at",
    "redirected_at",
    "returned_at",
    "settled_at",
    "last_inquiry_at",
    "next_check_at",
    "resolved_at",
)


def invoice(tenant_id: TenantId, amount_rial: int, *, status: str = "pending") -> InvoiceId:
    """An issued invoice; each is a day younger than the one before."""
    number = next(_numbers)
    values = {
        "id": uuid4(),
        "tenant": tenant_id,
        "day": FIRST_DAY + timedelta(days=number),
        "number": None if status == "held" else f"1405-{number:06d}",
        "amount": amount_rial,
        "status": status,
    }
    with transaction() as connection:
        connection.execute(text(_INSERT), values)
    return InvoiceId(values["id"])


def told_of(told: Conflict) -> frozenset[AttemptId]:
    """The payments that a payer is told of before another begins."""
    return frozenset(AttemptId(UUID(each)) for each in str(told.data["attempts"]).split(","))


class Payer:
    """A tenant's admin before the stand-in."""

    def __init__(self, bank: Driver) -> None:
        self.bank = bank
        self.tenant = factories.tenant()
        self.actor = factories.actor(Role.TENANT_ADMIN, self.tenant.id)

    def invoice(self, amount_rial: int = 50_000, *, status: str = "pending") -> InvoiceId:
        return invoice(self.tenant.id, amount_rial, status=status)

    def start(self, *invoice_ids: InvoiceId) -> HandOff:
        """Click on pay, and begin a new payment also where one is told of others."""
        consents: frozenset[AttemptId] = frozenset()
        while True:
            try:
                return service.start(self.actor, invoice_ids or None, consents=consents)
            except Conflict as told:
                if told.data.get("reason") != "payment_open":
                    raise
                consents |= told_of(told)

    def pay(self, hand_off: HandOff) -> None:
        self.bank.pay(track_of(hand_off))

    def come_back(self, hand_off: HandOff, *, actor: Actor | None = None) -> Returned:
        """Open the callback that the gateway redirects the browser to."""
        return service.callback(actor, callback_of(self.bank, track_of(hand_off)))

    def pay_whole(self, *invoice_ids: InvoiceId) -> HandOff:
        """Start, pay, and come back."""
        hand_off = self.start(*invoice_ids)
        self.pay(hand_off)
        self.come_back(hand_off)
        return hand_off

    def double_payment(self, amount_rial: int = 50_000) -> tuple[Returned, Returned]:
        """Pay an invoice in an old tab and a new one; what each is told when it comes back, the new one first."""
        invoice_id = self.invoice(amount_rial)
        old = self.start(invoice_id)
        let_time_pass(None, minutes=16)
        new = self.start(invoice_id)
        for each in (old, new):
            self.pay(each)
        return self.come_back(new), self.come_back(old)

    def overpay(self, amount_rial: int = 50_000) -> HandOff:
        """Pay an invoice twice; the payment that became credit."""
        invoice_id = self.invoice(amount_rial)
        first = self.start(invoice_id)
        let_time_pass(None, minutes=16)
        self.pay_whole(invoice_id)
        before = self.credit()
        self.pay(first)
        self.come_back(first)
        assert self.credit() == before + amount_rial
        return first

    def take_back(self, hand_off: HandOff, act: str = "reverse") -> None:
        """Let the bank take a payment back, and us find out."""
        self.bank.act(track_of(hand_off), act)
        service.reconcile(SWEEPER, hand_off.attempt_id)

    def credit(self) -> int:
        return service.credit_balance(self.actor, self.tenant.id)


def track_of(hand_off: HandOff) -> int:
    return int(hand_off.start_url.rpartition("/")[2])


def callback_of(bank: Driver, track_id: int) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(bank.session(track_id)["callback"]).query, keep_blank_values=True)


def invoice_row(invoice_id: UUID) -> dict[str, Any]:
    with read() as connection:
        row = connection.execute(text("SELECT * FROM tenant_invoice WHERE id = :id"), {"id": invoice_id})
        return dict(row.mappings().one())


def status_of(invoice_id: UUID) -> str:
    return str(invoice_row(invoice_id)["status"])


def attempt_of(hand_off: HandOff) -> Attempt:
    from backend.payments import repository  # noqa: PLC0415 - a test looks behind the door

    found = repository.attempt(hand_off.attempt_id)
    assert found is not None
    return found


def ledger_of(tenant_id: TenantId) -> list[tuple[str, int]]:
    """Kinds and amounts of a tenant's movements, in order."""
    statement = text("SELECT kind, amount_rial FROM tenant_ledger WHERE tenant_id = :tenant ORDER BY id")
    with read() as connection:
        return [(row.kind, row.amount_rial) for row in connection.execute(statement, {"tenant": tenant_id})]


def mails(template: str = "payment_received") -> list[dict[str, Any]]:
    statement = text("SELECT * FROM outbox_mail WHERE template = :template ORDER BY created_at")
    with read() as connection:
        return [dict(row) for row in connection.execute(statement, {"template": template}).mappings()]


def let_time_pass(bank: Driver | None, **span: float) -> None:
    """Make every attempt older, and set the gateway's clock forward: what a jump of the clock comes to."""
    moved = ", ".join(f"{name} = {name} - :span" for name in _INSTANTS)
    with transaction() as connection:
        connection.execute(text(f"UPDATE payment_attempt SET {moved}"), {"span": timedelta(**span)})
    if bank is not None:
        bank.advance(timedelta(**span).total_seconds())


def set_columns(hand_off: HandOff, **values: object) -> None:
    """Make an attempt's row another one, as something outside of the product would."""
    assigned = ", ".join(f"{name} = :{name}" for name in values)
    with transaction() as connection:
        statement = text(f"UPDATE payment_attempt SET {assigned} WHERE id = :id")
        connection.execute(statement, {**values, "id": hand_off.attempt_id})


def sweep() -> None:
    report = service.sweep(SWEEPER)
    assert report.failed == 0
    assert not report.was_busy


def count_rows(table: str, where: str = "true") -> int:
    with read() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table} WHERE {where}")) or 0)
