"""Pages with several lists: each has a name of its own in the address, and turning one leaves the others."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from backend import clock
from backend.accounts import service as accounts
from backend.actor import Role
from backend.db.engine import transaction
from backend.payments import service as payments
from backend.payments.types import AttemptId
from backend.sandbox.zibal.driver import Driver
from backend.usage import repository as usage_repository
from portal.features.accounts.account_state import AccountState
from portal.features.billing.state import BillingState
from portal.features.invoices.detail_state import InvoiceState
from portal.features.payments.state import PaymentsState
from tests.integration.payments import payer
from tests.integration.portal.conftest import PASSWORD, House, Pipeline
from tests.integration.portal.test_staff_lists import shown

_STRANGER = """
INSERT INTO daily_usage (day, tenant, model, type, tokens, coverage, unseen_estimate, held, flags)
SELECT :day, 'stranger-' || to_char(n, 'FM00'), 'gpt-5', 'prompt', n, 1, 0, false, '{}' FROM generate_series(1, 21) n
"""
_WAITING = """
UPDATE payment_attempt SET state = 'redirected', flags = '["surplus"]', redirected_at = created_at - interval '2 days'
"""
_READING = """
INSERT INTO meter_reading SELECT :day, 'alpha', 'gpt-5', 'prompt', '10.0.0.' || n, now(), 0, now(), 'born',
                                 n, now() FROM generate_series(1, 21) n
"""
_USE_OF_CREDIT = """
INSERT INTO tenant_ledger (tenant_id, invoice_id, kind, amount_rial, at, actor)
SELECT :tenant, :invoice, 'credit_use', -n, now(), 'process:tests' FROM generate_series(1, 21) n
"""
_EVENTS = """
INSERT INTO payment_event (attempt_id, at, actor, kind, detail)
SELECT :attempt, now() + n * interval '1 second', 'process:tests', 'judged', '{}' FROM generate_series(1, 25) n
"""


def held_invoices(house: House) -> list[str]:
    return [str(payer.invoice(house.own.id, 0, status="held")) for _ in range(21)]


def strange_labels(house: House) -> list[str]:
    del house
    yesterday = clock.billing_day(clock.utc_now()) - timedelta(days=1)
    with transaction() as connection:
        connection.execute(text(_STRANGER), {"day": yesterday})
    return [f"stranger-{n:02}" for n in range(1, 22)]


@pytest.mark.parametrize(
    ("make", "name", "key"), [(held_invoices, "held", "key"), (strange_labels, "unknown", "label")]
)
def test_each_list_of_billing_has_its_own_pages_in_the_address(
    house: House, pipeline: Pipeline, make: Callable[[House], list[str]], name: str, key: str
) -> None:
    made, cookie = make(house), house.people[Role.AUDITOR].cookie
    other = "unknown" if name == "held" else "held"

    first = shown(pipeline, BillingState, cookie, f"/billing?{other}=3&tab={name}")
    second = shown(pipeline, BillingState, cookie, getattr(first["view"], f"{name}_pager").following)
    beyond = shown(pipeline, BillingState, cookie, f"/billing?{name}=9")

    pages = "&".join(sorted([f"{name}=2", f"{other}=3"]))
    assert getattr(first["view"], f"{name}_pager").following == f"/billing?tab={name}&{pages}"
    assert [
        getattr(row, key) for row in (*getattr(first["view"], name), *getattr(second["view"], name))
    ] == made
    assert second["tab"] == name
    assert getattr(beyond["view"], name) == getattr(second["view"], name)
    assert beyond["view"].held_count == ("21" if name == "held" else "0")


def test_the_runs_lead_back_to_the_runs_from_whichever_view_they_were_loaded(
    house: House, pipeline: Pipeline
) -> None:
    with transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO billing_run (id, day, started_by, state, started_at)"
                " SELECT gen_random_uuid(), '2026-03-01', 'tests', 'running', now() FROM generate_series(1, 21)"
            )
        )

    told = shown(pipeline, BillingState, house.people[Role.OPERATOR].cookie, "/billing?tab=held&held=2")

    assert told["view"].pager.following == "/billing?held=2&page=2"


def test_the_own_sessions_stand_in_pages(house: House, pipeline: Pipeline) -> None:
    person = house.people[Role.TENANT_VIEWER]
    for _ in range(21):
        accounts.sign_in(person.email, PASSWORD, address="127.0.0.1", user_agent="test")
    ended = accounts.sessions(person.actor).rows[0]
    accounts.revoke(person.actor, ended.id)

    first = shown(pipeline, AccountState, person.cookie, "/account")
    second = shown(pipeline, AccountState, person.cookie, first["view"].pager.following)

    assert (first["view"].pager.shown, second["view"].pager.shown) == ("1 to 20 of 21", "21 to 21 of 21")
    assert first["view"].pager.following == "/account?page=2"
    keys = [row.key for row in (*first["view"].sessions, *second["view"].sessions)]
    assert len(set(keys)) == 21
    assert str(ended.id) not in keys
    assert sum(row.is_current for row in (*first["view"].sessions, *second["view"].sessions)) == 1


def test_a_session_that_is_idle_or_past_its_end_is_not_listed(house: House, pipeline: Pipeline) -> None:
    person: Any = house.people[Role.TENANT_VIEWER]
    for _ in range(2):
        accounts.sign_in(person.email, PASSWORD, address="127.0.0.1", user_agent="test")
    mine, idle, past = [str(each.id) for each in accounts.sessions(person.actor).rows[::-1]]
    with transaction() as connection:
        connection.execute(
            text("UPDATE user_session SET last_seen_at = now() - interval '13 hours' WHERE id = :id"),
            {"id": idle},
        )
        connection.execute(text("UPDATE user_session SET expires_at = now() WHERE id = :id"), {"id": past})

    told = shown(pipeline, AccountState, person.cookie, "/account")

    assert [row.key for row in told["view"].sessions] == [mine]
    assert told["view"].pager.shown == "1 to 1 of 1"


def test_the_events_of_a_payment_stand_in_pages_beside_the_list_of_payments(
    house: House, pipeline: Pipeline, bank: Driver
) -> None:
    admin, cookie = house.people[Role.TENANT_ADMIN].actor, house.people[Role.AUDITOR].cookie
    opened = str(payments.start(admin, [payer.invoice(house.own.id, 50_000)]).attempt_id)
    with transaction() as connection:
        connection.execute(text(_EVENTS), {"attempt": opened})

    first = shown(pipeline, PaymentsState, cookie, f"/payments?tab=all&payment={opened}&events=1")
    second = shown(pipeline, PaymentsState, cookie, first["evidence"].events_pager.following)
    beyond = shown(pipeline, PaymentsState, cookie, f"/payments?payment={opened}&events=9")

    assert first["evidence"].events_pager.following == f"/payments?payment={opened}&tab=all&events=2"
    total = payments.file_of(house.people[Role.AUDITOR].actor, AttemptId(UUID(opened))).event_count
    assert total > 25
    assert len(first["evidence"].events) == 20
    assert [each.key for each in (*first["evidence"].events, *second["evidence"].events)] == [
        str(n) for n in range(total)
    ]
    assert (second["tab"], second["evidence"].file.key) == ("all", opened)
    assert beyond["evidence"].events == second["evidence"].events


def test_each_list_of_payments_has_its_own_pages_in_the_address(
    house: House, pipeline: Pipeline, bank: Driver
) -> None:
    admin, cookie = house.people[Role.TENANT_ADMIN].actor, house.people[Role.AUDITOR].cookie
    for _ in range(21):
        payments.start(admin, [payer.invoice(house.own.id, 50_000)])
    with transaction() as connection:
        connection.execute(text(_WAITING))

    for name, words in (("undecided", ""), ("flagged", "tab=flagged"), ("found", "track=alpha")):
        first = shown(pipeline, PaymentsState, cookie, f"/payments?{words}&page=3&events=2")
        second = shown(pipeline, PaymentsState, cookie, listed(first, name).pager.following)
        beyond = shown(pipeline, PaymentsState, cookie, f"/payments?{words}&{name}=9")

        assert listed(first, name).pager.shown == "1 to 20 of 21"
        pages = "&".join(sorted(["page=3", "events=2", f"{name}=2"]))
        assert listed(first, name).pager.following == f"/payments?{words}{words and '&'}{pages}"
        assert len({row.key for told in (first, second) for row in listed(told, name).rows}) == 21
        assert second["tab"] == first["tab"]
        assert listed(beyond, name) == replace(listed(second, name), pager=listed(beyond, name).pager)


def listed(told: dict[str, Any], name: str) -> Any:
    return told["found"] if name == "found" else getattr(told["view"], name)


def test_the_bookings_of_a_payment_stand_in_pages(house: House, pipeline: Pipeline, bank: Driver) -> None:
    paying = payer.Payer(bank)
    paid = paying.pay_whole(*[paying.invoice() for _ in range(21)])
    cookie = house.people[Role.AUDITOR].cookie

    first = shown(pipeline, PaymentsState, cookie, f"/payments?payment={paid.attempt_id}&events=1&found=2")
    second = shown(pipeline, PaymentsState, cookie, first["evidence"].booked_pager.following)
    another = shown(pipeline, PaymentsState, cookie, f"/payments?track={payer.track_of(paid)}&booked=2")

    following = f"/payments?payment={paid.attempt_id}&booked=2&found=2"
    assert first["evidence"].booked_pager.following == following
    assert [len(told["evidence"].booked) for told in (first, second)] == [20, 2]
    assert second["evidence"].events == first["evidence"].events
    assert another["evidence"].booked == first["evidence"].booked


def test_each_list_of_an_invoice_has_its_own_pages_in_the_address(
    house: House, pipeline: Pipeline, bank: Driver
) -> None:
    admin, cookie = house.people[Role.TENANT_ADMIN].actor, house.people[Role.TENANT_VIEWER].cookie
    invoice = payer.invoice(house.own.id, 50_000)
    day = payer.invoice_row(invoice)["day"]
    usage_repository.ensure_partition(day)
    with transaction() as connection:
        connection.execute(text(_READING), {"day": day})
    for _ in range(21):
        begun = payments.start(admin, [invoice])
        payer.set_columns(begun, state="cancelled")
        with transaction() as connection:
            connection.execute(text("UPDATE payment_allocation SET is_open = false"))
    with transaction() as connection:
        connection.execute(text(_USE_OF_CREDIT), {"tenant": house.own.id, "invoice": invoice})

    for name in ("readings", "movements", "attempts"):
        first = shown(pipeline, InvoiceState, cookie, f"/invoices/{invoice}?other=2")["view"]
        following = getattr(first, f"{name}_pager").following
        second = shown(pipeline, InvoiceState, cookie, following)["view"]

        assert following == f"/invoices/{invoice}?{name}=2"
        assert [len(getattr(told, name)) for told in (first, second)] == [20, 1]
        assert len({row.key for told in (first, second) for row in getattr(told, name)}) == 21
        assert len(second.annex) == 21
