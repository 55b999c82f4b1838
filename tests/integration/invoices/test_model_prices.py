"""What a model without a price waits for, where the price list requires one, and what it costs in the end."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.db.engine import transaction
from backend.errors import Conflict, Forbidden
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceStatus, ModelTotal
from backend.money import charge
from backend.notifications import service as notifications
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import Past
from tests.integration.invoices.test_health import statements

NIGHT = Actor.process_named("nightly_billing")
OPERATOR = factories.actor(Role.OPERATOR)


def list_from(day: date, **rial_of_types: int) -> int:
    """A price list that requires a price of each model, stored as if it had been added before its day."""
    with transaction() as connection:
        version = int(
            connection.scalar(
                text(
                    "INSERT INTO price_list (valid_from, rial_per_1000_tokens, created_at, created_by,"
                    " requires_own_price) VALUES (:day, 200, now(), 'test', true) RETURNING version"
                ),
                {"day": day},
            )
            or 0
        )
        for kind, rial in rial_of_types.items():
            connection.execute(
                text("INSERT INTO price_override VALUES (:version, 'gpt-small', :kind, :rial)"),
                {"version": version, "kind": kind, "rial": rial},
            )
        return version


def test_an_invoice_waits_for_the_price_of_its_model_and_is_issued_at_it_to_the_rial(measured: Past) -> None:
    alpha, beta = (factories.tenant(name, billed_from=measured.cold_day) for name in ("alpha", "beta"))
    list_from(measured.first_day, prompt=100)

    invoices.bill_open_days(NIGHT)

    held = invoices.held(OPERATOR)
    assert {each.invoice.tenant_id for each in held} == {alpha.id}
    assert {(each.invoice.held_reasons, each.would_cost_rial) for each in held} == {
        (("model_without_price",), None)
    }
    assert {each.status for each in invoices.invoices_of(NIGHT, beta.id).rows} == {InvoiceStatus.PENDING}
    [waiting] = invoices.unpriced_models(OPERATOR)
    assert (waiting.model, waiting.billed, waiting.priced_from) == ("gpt-small", None, None)
    days = sorted(each.invoice.day for each in held)
    completion = sum(measured.tokens("alpha", day, "completion") for day in days)
    assert waiting.waiting == ModelTotal(
        model="gpt-small", since=days[0], tokens=completion, rial=0, tenants=1
    )
    with pytest.raises(Conflict) as refused:
        invoices.release(OPERATOR, held[0].invoice.id, "looked at")
    assert refused.value.data == {"reason": "model_without_price", "model": "gpt-small"}

    list_from(clock.billing_day(clock.utc_now()), prompt=900, completion=333)
    before = invoices.held(OPERATOR)[0]
    invoices.bill_open_days(NIGHT)

    issued = invoices.invoices_of(NIGHT, alpha.id).rows
    tokens = {
        kind: sum(measured.tokens("alpha", day, kind) for day in days) for kind in ("prompt", "completion")
    }
    assert {each.status for each in issued} == {InvoiceStatus.PENDING}
    assert sum(each.net_rial for each in issued) == (
        charge(tokens["prompt"], Decimal(100)) + charge(tokens["completion"], Decimal(333))
    )
    assert abs(before.would_cost_rial or 0) > 0
    [entry] = audit.entries(OPERATOR, f"invoice:{before.invoice.id}")
    assert (entry.event.action, entry.event.actor) == ("invoice.priced", "process:nightly_billing")
    rates = {line.type: line.rial_per_1000_tokens for line in invoices.invoice(OPERATOR, issued[0].id).lines}
    assert rates == {"prompt": 100, "completion": 333}
    assert invoices.unpriced_models(OPERATOR) == []


def test_a_name_that_no_list_can_price_is_issued_by_an_operator_at_the_general_price(measured: Past) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.yesterday)
    list_from(measured.first_day, prompt=100)
    invoices.bill_open_days(NIGHT)
    with transaction() as connection:
        connection.execute(text("UPDATE invoice_line SET model = 'gpt-small ' WHERE type = 'completion'"))
    [held] = invoices.held(OPERATOR)

    assert invoices.bill_open_days(NIGHT) == []
    invoices.release(OPERATOR, held.invoice.id, "its name ends with a space")

    [issued] = invoices.invoices_of(NIGHT, alpha.id).rows
    rates = {line.type: line.rial_per_1000_tokens for line in invoices.invoice(OPERATOR, issued.id).lines}
    assert (issued.status, rates) == (InvoiceStatus.PENDING, {"prompt": 100, "completion": 200})
    assert abs(issued.amount_rial - (held.would_cost_rial or 0)) <= 2


def test_all_that_waited_on_a_day_is_issued_in_one_transaction_as_the_plan_said(measured: Past) -> None:
    companies = [
        factories.tenant(name, billed_from=measured.yesterday) for name in ("alpha", "beta", "ghost")
    ]
    list_from(measured.first_day)
    invoices.bill_open_days(NIGHT)
    list_from(clock.billing_day(clock.utc_now()), prompt=333, completion=333)
    [planned] = invoices.plan(OPERATOR).days

    with statements() as done:
        [run] = invoices.bill_open_days(NIGHT, plan_hash=invoices.plan(OPERATOR).plan_hash)

    assert (planned.day, planned.tenants, planned.has_waited) == (measured.yesterday, 3, True)
    assert (run.issued, run.tokens, run.amount_rial) == (3, planned.tokens, planned.amount_rial)
    assert len([each for each, _ in done if each.lstrip().startswith("UPDATE tenant_invoice")]) == 1
    issued = [each for company in companies for each in invoices.invoices_of(NIGHT, company.id).rows]
    assert [str(each.number)[-6:] for each in issued] == ["000001", "000002", "000003"]
    assert sum(each.amount_rial for each in issued) == run.amount_rial
    mails = notifications.counts(NIGHT, [f"invoice_issued:{each.id}" for each in issued])
    assert mails.waiting == 3
    told = [entry.event.target for entry in audit.entries(OPERATOR, limit=3)]
    assert told == [f"invoice:{each.id}" for each in reversed(issued)]
    assert audit.verify(OPERATOR).broken_at is None
    assert invoices.bill_open_days(NIGHT) == []


def test_a_plan_of_what_waits_that_an_operator_overtook_issues_nothing(measured: Past) -> None:
    alpha, beta = (factories.tenant(name, billed_from=measured.yesterday) for name in ("alpha", "beta"))
    list_from(measured.first_day)
    invoices.bill_open_days(NIGHT)
    held, other = (each.invoice for each in invoices.held(OPERATOR))
    list_from(clock.billing_day(clock.utc_now()), prompt=333, completion=333)
    [planned] = invoices.plan(OPERATOR).days
    released = invoices.release(OPERATOR, held.id, "looked at")

    with pytest.raises(Conflict) as refused:
        invoices.release_planned_day(NIGHT, planned.day, planned.plan_hash, started_by="reza")

    assert refused.value.data == {"reason": "plan_changed"}
    assert invoices.invoices_of(NIGHT, alpha.id).rows == [released]
    assert invoices.invoices_of(NIGHT, beta.id).rows == [other]
    invoices.release(OPERATOR, other.id, "looked at")
    assert invoices.release_planned_day(NIGHT, planned.day, planned.plan_hash, started_by="reza") is None


def test_an_invoice_beyond_the_limits_waits_on_for_that_reason(
    measured: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.tenant("alpha", billed_from=measured.yesterday)
    list_from(measured.first_day, prompt=100)
    invoices.bill_open_days(NIGHT)
    list_from(clock.billing_day(clock.utc_now()), completion=1_000_000)
    monkeypatch.setenv("INVOICE_MAX_RIAL", "1000000")
    forget_caches()

    invoices.bill_open_days(NIGHT)

    [held] = invoices.held(OPERATOR)
    assert held.invoice.held_reasons == ("amount_too_large",)
    assert held.would_cost_rial is not None


def test_an_operator_sees_what_was_billed_at_the_general_price_and_since_when(measured: Past) -> None:
    tenants = [factories.tenant(name, billed_from=measured.cold_day) for name in ("alpha", "beta")]
    invoices.bill_open_days(NIGHT)
    bills = [each for tenant in tenants for each in invoices.invoices_of(NIGHT, tenant.id).rows]

    [found] = invoices.unpriced_models(OPERATOR)

    assert found.billed == ModelTotal(
        model="gpt-small",
        since=measured.cold_day,
        tokens=sum(each.tokens for each in bills),
        rial=sum(each.net_rial for each in bills),
        tenants=2,
    )
    assert (found.waiting, found.priced_from) == (None, None)
    assert invoices.count_unpriced_models(NIGHT) == 0
    with transaction() as connection:
        connection.execute(text("INSERT INTO price_override VALUES (1, 'gpt-big', '', 900)"))
    assert invoices.count_unpriced_models(NIGHT) == 1
    with transaction() as connection:
        connection.execute(text("INSERT INTO price_alias VALUES (1, 'gpt-small', 'gpt-big')"))
    assert invoices.count_unpriced_models(NIGHT) == 0
    with pytest.raises(Forbidden):
        invoices.unpriced_models(factories.actor(Role.TENANT_ADMIN))
