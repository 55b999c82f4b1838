"""Another tenant, with the real names of what is not its own, against every handler; and what a process remembers."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from reflex_base.registry import RegistrationContext
from sqlalchemy import text

from backend.accounts import service as accounts
from backend.actor import Role
from backend.db.engine import read
from backend.i18n import format as fmt
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from backend.payments.types import HandOff
from backend.sandbox.zibal.driver import Driver
from portal import routes
from tests.integration.payments import payer
from tests.integration.payments.conftest import (
    bank,  # noqa: F401 (a fixture)
    payments_stand_in,  # noqa: F401 (a fixture)
)
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers, shown

AMOUNT_RIAL = 7_345_670
TABLES = ("tenant_invoice", "payment_attempt", "payment_allocation", "user_session", "user_account")


class Belongings:
    """What the first company has: an issued invoice and a held one, an open payment, people who are signed in."""

    def __init__(self, house: House) -> None:
        admin = house.people[Role.TENANT_ADMIN]
        self.house = house
        self.invoices: list[InvoiceId] = [
            payer.invoice(house.own.id, AMOUNT_RIAL, status=status) for status in ("pending", "held")
        ]
        self.hand_off: HandOff = payments.start(admin.actor, self.invoices[:1])
        self.sessions = [session.id for session in accounts.sessions(admin.actor)]

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
                fmt.toman_bare(AMOUNT_RIAL, "en"),
                str(payer.track_of(self.hand_off)),
            ]

    def rows(self) -> dict[str, list[str]]:
        """All of it as the database has it."""
        with read() as connection:
            return {
                table: sorted(connection.scalars(text(f"SELECT t::text FROM {table} t"))) for table in TABLES
            }


@pytest.fixture
def belongings(bank: Driver, house: House) -> Belongings:  # noqa: F811 (the fixture of that name)
    return Belongings(house)


def payloads(handler: str, name: str) -> dict[str, Any]:
    """A handler's arguments, each of them naming somebody else's thing."""
    parameters = list(
        inspect.signature(RegistrationContext.get().event_handlers[handler].handler.fn).parameters
    )
    form = {"key": name, "day": name, "reason": "because it is not mine", "invoices": name}
    return {each: form if each == "form" else name for each in parameters[1:]}


def test_another_tenant_is_told_nothing_and_changes_nothing(
    belongings: Belongings, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal import guard  # noqa: PLC0415 (only this test sends more than a person can)

    monkeypatch.setattr(guard, "_EVENTS_AT_ONCE", 1e9)
    cookie, before = belongings.house.neighbour.cookie, belongings.rows()
    handlers = [name for name in own_handlers() if not name.endswith(".setvar")]

    async def steps(tab: Tab) -> list[Delta]:
        told: list[Delta] = []
        for name in belongings.names:
            for page in (routes.invoice(name), routes.hand_off(name), f"{routes.INVOICES}?tenant={name}"):
                await tab.open(cookie=cookie, path=page, told=told)
            for handler in handlers:
                await tab.send(
                    handler, payloads(handler, name), cookie=cookie, path=routes.invoice(name), told=told
                )
        return told

    told = shown(pipeline.run(steps))

    assert [secret for secret in belongings.secrets() if secret in told] == []
    assert belongings.house.other.name_en in told
    assert belongings.rows() == before


def test_the_tenant_itself_is_told(belongings: Belongings, pipeline: Pipeline) -> None:
    """Otherwise the test above would pass with pages that show nothing to anybody."""
    cookie = belongings.house.people[Role.TENANT_ADMIN].cookie

    async def steps(tab: Tab) -> list[Delta]:
        told: list[Delta] = []
        for page in (routes.invoice(belongings.invoices[0]), routes.ACCOUNT):
            await tab.open(cookie=cookie, path=page, told=told)
        return told

    told = shown(pipeline.run(steps))

    missing = {secret for secret in belongings.secrets() if secret not in told}
    # The page is English, and the number given to the bank is the payer's own business there.
    assert missing <= {belongings.house.own.name_fa, str(payer.track_of(belongings.hand_off))}


def test_another_tenant_ends_no_foreign_session(belongings: Belongings, pipeline: Pipeline) -> None:
    revoke = next(name for name in own_handlers() if name.endswith("account_state.revoke"))
    neighbour, admin = belongings.house.neighbour, belongings.house.people[Role.TENANT_ADMIN]

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=neighbour.cookie)
        return await tab.send(revoke, {"key": str(belongings.sessions[0])}, cookie=neighbour.cookie)

    told = shown(pipeline.run(steps))

    assert "There is no such thing here" in told
    assert accounts.session_of(admin.token) is not None


def test_what_an_operator_has_loaded_reaches_no_tenants_tab(
    belongings: Belongings, pipeline: Pipeline
) -> None:
    operator, viewer = belongings.house.people[Role.OPERATOR], belongings.house.people[Role.TENANT_VIEWER]
    foreign = payer.invoice(belongings.house.other.id, 9_876_540, status="held")

    async def steps(tab: Tab) -> tuple[list[Delta], list[Delta]]:
        filled: list[Delta] = []
        for page in (routes.BILLING, routes.PAYMENTS, routes.ACCOUNT, routes.invoice(foreign)):
            await tab.open(cookie=operator.cookie, tab="operator", path=page, told=filled)
        told = await tab.open(cookie=viewer.cookie, tab="viewer", path=routes.INVOICES)
        # And the operator's own tab, by whoever has its token.
        await tab.open(cookie=viewer.cookie, tab="operator", path=routes.INVOICES, told=told)
        return filled, told

    filled, told = (shown(deltas) for deltas in pipeline.run(steps))

    for value in (
        operator.email,
        belongings.house.other.name_en,
        fmt.toman_bare(9_876_540, "en"),
        '"can_act_rx_state_": true',
        '"is_staff": true',
    ):
        assert value in filled, value
        assert value not in told, value
    for value in (operator.token, viewer.token, "_bound_to", "_chosen_day", "_plan_hash"):
        assert value not in filled + told, value
