"""Staff find companies and invoices by any part; where they are in a list stands in the address."""

from typing import Any

import pytest

from backend.actor import Role
from backend.i18n.catalog import text
from backend.payments import service as payments
from backend.sandbox.zibal.driver import Driver
from portal.features.companies.state import CompaniesState
from portal.features.invoices.staff_state import AllInvoicesState
from portal.features.payments.state import PaymentsState
from tests.integration.payments import payer
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab

STAFF = (Role.OPERATOR, Role.APPROVER, Role.AUDITOR)


def shown(pipeline: Pipeline, state: type[Any], cookie: str, path: str) -> dict[str, Any]:
    """What a tab at an address shows of a state."""
    name = state.get_full_name()

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(f"{name}.load", cookie=cookie, path=path)

    told: dict[str, Any] = {}
    for delta in pipeline.run(steps):
        told |= delta.get(name, {})
    return {key.removesuffix("_rx_state_"): value for key, value in told.items()}


def test_a_company_is_found_and_leads_to_its_invoices(house: House, pipeline: Pipeline) -> None:
    payer.invoice(house.other.id, 50_000)
    mine = payer.invoice(house.own.id, 70_000)
    cookie = house.people[Role.AUDITOR].cookie

    [row] = shown(pipeline, CompaniesState, cookie, "/companies?q=ALPH")["view"].rows
    told = shown(pipeline, AllInvoicesState, cookie, row.url)

    assert (row.name, row.due_count, row.due, row.credit) == ("Alpha", "1", "7,000.0", "0.0")
    assert [each.key for each in told["view"].rows] == [str(mine)]
    assert [each.title for each in told["view"].narrowed] == ["Alpha"]
    assert told["view"].narrowed[0].url == "/all-invoices"


@pytest.mark.parametrize("role", STAFF)
def test_everybodys_invoices_are_searched_narrowed_and_paged(
    house: House, pipeline: Pipeline, role: Role
) -> None:
    ids = [str(payer.invoice(house.own.id, 50_000 + n)) for n in range(21)]
    held = str(payer.invoice(house.other.id, 0, status="held"))
    cookie = house.people[role].cookie

    first = shown(pipeline, AllInvoicesState, cookie, "/all-invoices?q=alpha")
    second = shown(pipeline, AllInvoicesState, cookie, first["view"].pager.following)
    only_held = shown(pipeline, AllInvoicesState, cookie, "/all-invoices?status=held")

    assert [each.key for each in (*first["view"].rows, *second["view"].rows)] == ids[::-1]
    assert "q=alpha" in first["view"].pager.following
    assert [(each.key, each.amount, each.left) for each in only_held["view"].rows] == [(held, "—", "—")]


def test_a_run_leads_to_the_invoices_of_its_day(house: House, pipeline: Pipeline) -> None:
    wanted = payer.invoice(house.own.id, 50_000)
    payer.invoice(house.own.id, 50_000)
    day = payer.invoice_row(wanted)["day"]

    told = shown(pipeline, AllInvoicesState, house.people[Role.OPERATOR].cookie, f"/all-invoices?day={day}")

    assert [each.key for each in told["view"].rows] == [str(wanted)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("company=x", "error.not_found"),
        ("company=00000000-0000-0000-0000-000000000000", "error.not_found"),
        ("day=1405-13-01", "error.invalid.day"),
        ("day=9999-01-01", "error.invalid.day_out_of_range"),
    ],
)
def test_an_address_that_means_nothing_is_refused_in_a_sentence(
    house: House, pipeline: Pipeline, query: str, code: str
) -> None:
    told = shown(pipeline, AllInvoicesState, house.people[Role.OPERATOR].cookie, f"/all-invoices?{query}")

    assert (told["phase"], told["problem"].text) == ("problem", text(code, "en"))


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.TENANT_VIEWER])
@pytest.mark.parametrize("state", [CompaniesState, AllInvoicesState])
def test_customers_are_told_nothing(house: House, pipeline: Pipeline, role: Role, state: type[Any]) -> None:
    payer.invoice(house.other.id, 50_000)

    told = shown(pipeline, state, house.people[role].cookie, "/all-invoices")

    assert "view" not in told


def test_all_payments_stand_in_pages_whose_place_is_an_address(
    house: House, pipeline: Pipeline, bank: Driver
) -> None:
    admin = house.people[Role.TENANT_ADMIN].actor
    opened = [payments.start(admin, [payer.invoice(house.own.id, 50_000)]).attempt_id for _ in range(21)]
    cookie = house.people[Role.AUDITOR].cookie

    first = shown(pipeline, PaymentsState, cookie, "/payments?tab=all")
    second = shown(pipeline, PaymentsState, cookie, first["every"].pager.following)

    assert {first["tab"], second["tab"]} == {"all"}
    keys = [each.key for each in (*first["every"].rows, *second["every"].rows)]
    assert keys == [str(each) for each in reversed(opened)]


def test_a_payment_is_found_by_a_part_of_what_the_payer_reads_out(
    house: House, pipeline: Pipeline, bank: Driver
) -> None:
    admin = house.people[Role.TENANT_ADMIN].actor
    wanted, _ = [payments.start(admin, [payer.invoice(house.own.id, amount)]) for amount in (123_450, 50_000)]
    cookie = house.people[Role.OPERATOR].cookie

    told = shown(pipeline, PaymentsState, cookie, "/payments?track=alpha 12,345")

    assert told["evidence"].file.key == str(wanted.attempt_id)
