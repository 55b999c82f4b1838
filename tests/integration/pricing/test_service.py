"""Prices in the database: who may change them, and that what was used keeps its price."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.pricing import service as pricing
from backend.pricing.types import NewPriceList
from tests import factories

OPERATOR = factories.actor(Role.OPERATOR)


def tomorrow() -> date:
    return clock.billing_day(clock.utc_now()) + timedelta(days=1)


def new_list(valid_from: date) -> NewPriceList:
    return NewPriceList(
        valid_from=valid_from,
        rial_per_1000_tokens=Decimal("250.5"),
        overrides={("gpt-big", ""): Decimal(900)},
        aliases={"our-deployment": "gpt-big"},
    )


def test_the_default_price_is_twenty_toman_and_there_is_no_tax(database: str) -> None:
    assert pricing.price_list_on(OPERATOR, date(2026, 11, 22)).rate("any", "prompt") == 200
    assert pricing.tax_percent_on(OPERATOR, date(2026, 11, 22)) == 0


def test_a_new_list_holds_from_its_day_and_the_old_one_until_then(database: str) -> None:
    added = pricing.add_price_list(OPERATOR, new_list(tomorrow()))

    assert pricing.price_list_on(OPERATOR, tomorrow()) == added
    assert pricing.price_list_on(OPERATOR, tomorrow() - timedelta(days=1)).version == 1
    assert (added.rate("gpt-big", "prompt"), added.rate("gpt-small", "prompt")) == (900, Decimal("250.5"))
    assert added.rate("our-deployment", "prompt") == 900
    assert [each.version for each in pricing.price_lists(OPERATOR)] == [added.version, 1]


def test_prices_of_today_cannot_change(database: str) -> None:
    with pytest.raises(Invalid):
        pricing.add_price_list(OPERATOR, new_list(tomorrow() - timedelta(days=1)))

    assert len(pricing.price_lists(OPERATOR)) == 1


def test_two_lists_cannot_begin_on_one_day(database: str) -> None:
    pricing.add_price_list(OPERATOR, new_list(tomorrow()))

    with pytest.raises(Conflict):
        pricing.add_price_list(OPERATOR, new_list(tomorrow()))

    assert len(pricing.price_lists(OPERATOR)) == 2


def test_only_a_list_that_has_not_begun_can_be_withdrawn(database: str) -> None:
    added = pricing.add_price_list(OPERATOR, new_list(tomorrow()))

    pricing.withdraw_price_list(OPERATOR, added.version)

    assert [each.version for each in pricing.price_lists(OPERATOR)] == [1]
    with pytest.raises(NotFound):
        pricing.withdraw_price_list(OPERATOR, 1)


def test_a_tax_holds_from_its_day(database: str) -> None:
    pricing.add_tax_rate(OPERATOR, tomorrow(), Decimal(10))

    assert pricing.tax_percent_on(OPERATOR, tomorrow()) == 10
    assert pricing.tax_percent_on(OPERATOR, tomorrow() - timedelta(days=1)) == 0
    with pytest.raises(Conflict):
        pricing.add_tax_rate(OPERATOR, tomorrow(), Decimal(9))


def test_every_change_is_in_the_audit(database: str) -> None:
    added = pricing.add_price_list(OPERATOR, new_list(tomorrow()))
    pricing.add_tax_rate(OPERATOR, tomorrow(), Decimal(10))
    pricing.withdraw_price_list(OPERATOR, added.version)

    day, target = tomorrow().isoformat(), f"price_list:{added.version}"
    prices = {
        "valid_from": day,
        "rial_per_1000_tokens": "250.5",
        "overrides": {"gpt-big/": "900"},
        "aliases": {"our-deployment": "gpt-big"},
        "requires_own_price": False,
    }
    events = [entry.event for entry in audit.entries(OPERATOR)]
    assert [(each.action, each.target, each.detail) for each in events] == [
        ("price_list.withdrawn", target, {}),
        ("tax_rate.added", f"tax_rate:{day}", {"percent": "10"}),
        ("price_list.added", target, prices),
    ]
    assert {each.actor for each in events} == {f"user:{OPERATOR.name}"}


@pytest.mark.parametrize(
    "actor",
    [
        factories.actor(Role.AUDITOR),
        factories.actor(Role.TENANT_ADMIN),
        factories.actor(Role.TENANT_VIEWER),
        Actor(name="nobody"),
    ],
    ids=lambda actor: actor.name,
)
def test_only_operators_change_prices(database: str, actor: Actor) -> None:
    with pytest.raises(Forbidden):
        pricing.add_price_list(actor, new_list(tomorrow()))
    with pytest.raises(Forbidden):
        pricing.add_tax_rate(actor, tomorrow(), Decimal(10))
    with pytest.raises(Forbidden):
        pricing.withdraw_price_list(actor, 1)


def test_a_stranger_reads_no_prices(database: str) -> None:
    with pytest.raises(Forbidden):
        pricing.price_lists(Actor(name="nobody"))
