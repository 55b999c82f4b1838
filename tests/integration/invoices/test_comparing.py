"""A finished day is measured again and held against what was stored; nothing is written by it."""

from datetime import timedelta

import jdatetime
import pytest
from sqlalchemy import text

from backend.actor import Role
from backend.days import in_both
from backend.db.engine import read, transaction
from backend.errors import Forbidden, Invalid, NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.tenants import service as tenants
from portal.features.billing.compare_state import read_comparison
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


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_the_page_says_whether_a_day_agrees_and_names_both_calendars(measured: Past, lang: Lang) -> None:
    factories.many_tenants(["alpha", "beta"])
    day = measured.yesterday
    invoices.bill_day(OPERATOR, day)
    wanted = jdatetime.date.fromgregorian(date=day).isoformat()

    agreed = read_comparison(OPERATOR, wanted, lang)
    with transaction() as connection:
        connection.execute(text("UPDATE daily_usage SET tokens = tokens + 5 WHERE tenant = 'beta'"))
    differs = read_comparison(OPERATOR, wanted, lang)

    assert agreed.agrees
    assert agreed.rows == []
    assert fmt.identifier(in_both(day), lang) in agreed.day
    assert [(row.difference, row.company) for row in differs.rows] == [
        (
            fmt.number(-5, lang),
            next(each.name(lang) for each in tenants.all_tenants(OPERATOR) if each.label == "beta"),
        )
    ]


@pytest.mark.parametrize(
    ("wanted", "key"), [("", "day"), ("1405-13-01", "day"), ("9999-01-01", "day_out_of_range")]
)
def test_what_is_no_day_is_not_compared(wanted: str, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_comparison(OPERATOR, wanted, "en")

    assert refused.value.key == f"error.invalid.{key}"
