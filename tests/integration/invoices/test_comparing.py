"""A finished day is measured again and held against what was stored; nothing is written by it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from backend.actor import Role
from backend.db.engine import read, transaction
from backend.errors import Forbidden, NotFound
from backend.invoices import service as invoices
from tests import factories
from tests.integration.invoices.conftest import Past

OPERATOR = factories.actor(Role.OPERATOR)


def everything_stored() -> list[int]:
    tables = ("daily_usage", "meter_reading", "tenant_invoice", "billing_run", "outbox_mail", "audit_entry")
    with read() as connection:
        return [int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0) for table in tables]


def test_a_finished_day_that_is_still_in_prometheus_agrees_to_the_token(measured: Past) -> None:
    factories.many_tenants(["alpha", "beta"])
    invoices.bill_day(OPERATOR, measured.yesterday)
    before = everything_stored()

    compared = invoices.compare_day(factories.actor(Role.AUDITOR), measured.yesterday)

    assert compared.differences == []
    assert compared.stored_tokens == compared.measured_tokens > 0
    assert everything_stored() == before


def test_a_difference_names_label_tokens_and_about_what_they_cost(measured: Past) -> None:
    factories.many_tenants(["alpha", "beta"])
    invoices.bill_day(OPERATOR, measured.yesterday)
    true = measured.tokens("beta", measured.yesterday)
    with transaction() as connection:
        connection.execute(text("UPDATE daily_usage SET tokens = tokens - 1000 WHERE tenant = 'beta'"))
        connection.execute(text("DELETE FROM daily_usage WHERE tenant = 'alpha' AND type = 'completion'"))

    compared = invoices.compare_day(OPERATOR, measured.yesterday)

    told = {(each.label, each.type): each for each in compared.differences}
    assert told.keys() == {("beta", "prompt"), ("alpha", "completion")}
    assert told["beta", "prompt"][3:] == (true - 1000, true, 200)
    assert told["alpha", "completion"].stored_tokens == 0
    assert compared.measured_tokens - compared.stored_tokens == 1000 + measured.tokens(
        "alpha", measured.yesterday, "completion"
    )


def test_a_day_that_is_not_stored_has_nothing_to_compare_with(measured: Past) -> None:
    with pytest.raises(NotFound):
        invoices.compare_day(OPERATOR, measured.yesterday - timedelta(days=1))


def test_customers_compare_nothing(measured: Past) -> None:
    with pytest.raises(Forbidden):
        invoices.compare_day(factories.actor(Role.TENANT_ADMIN), measured.yesterday)
