"""A change of prices: seen with what it costs whom, and then made once, exactly as it was seen."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from threading import Thread

import pytest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor, Role, TenantId
from backend.audit import service as audit
from backend.db.engine import transaction
from backend.errors import AppError, Conflict, Forbidden, Invalid
from backend.invoices import rules as invoice_rules
from backend.invoices.types import BilledTotal, BilledTotalKey, Limits
from backend.money import Rial
from backend.pricing import service as pricing
from backend.pricing.types import ChangeKind, NewPriceList, PriceChange, PriceList
from backend.tenants.types import Tenant
from backend.usage.types import UsageRow
from tests import factories

OPERATOR = factories.actor(Role.OPERATOR)


def in_days(days: int) -> date:
    return clock.billing_day(clock.utc_now()) + timedelta(days=days)


def price(model: str, rial: str, *, days: int = 1, kind: str = "") -> PriceChange:
    return PriceChange(
        valid_from=in_days(days),
        kind=ChangeKind.PRICE,
        model=model,
        type=kind,
        rial_per_1000_tokens=Decimal(rial),
    )


def change(kind: ChangeKind, model: str = "", priced_as: str = "") -> PriceChange:
    return PriceChange(valid_from=in_days(1), kind=kind, model=model, priced_as=priced_as)


def use(label: str, model: str, tokens: int, *, days: int = -5, kind: str = "prompt") -> None:
    with transaction() as connection:
        connection.execute(
            text("INSERT INTO daily_usage VALUES (:day, :label, :model, :kind, :tokens, 1, 0, false, '{}')"),
            {"day": in_days(days), "label": label, "model": model, "kind": kind, "tokens": tokens},
        )


def make(wish: PriceChange) -> int:
    return pricing.confirm_change(OPERATOR, wish, pricing.preview_change(OPERATOR, wish).preview_hash).version


def test_a_preview_shows_the_last_days_at_both_prices_and_who_changes_most(database: str) -> None:
    for number in range(12):
        factories.tenant(f"t{number:02}", billed_from=date(2022, 1, 1))
        use(f"t{number:02}", "gpt-big-2026-03-17", 1000 * number)
    use("t00", "gpt-small", 5000)
    use("t01", "gpt-small", 7000, days=-31)
    use("t02", "gpt-small", 9000, days=0)
    use("nobody", "gpt-big", 10**9)

    seen = pricing.preview_change(OPERATOR, price("gpt-big", "1000"))

    assert (seen.first_day, seen.last_day) == (in_days(-30), in_days(-1))
    assert seen.usage.tokens == 66_000 + 5000
    assert (seen.usage.old_rial, seen.usage.new_rial) == (200 * 71, 200 * 5 + 1000 * 66)
    assert seen.usage.changed_tenants == 11
    shown = [(each.name_en, each.old_rial, each.new_rial) for each in seen.usage.most_changed]
    assert len(shown) == 10
    assert [(old, new) for _, old, new in shown] == [(200 * n, 1000 * n) for n in range(11, 1, -1)]
    assert len(pricing.price_lists(OPERATOR)) == 1


def test_tokens_that_would_wait_are_told_apart_from_free_ones(database: str) -> None:
    factories.tenant("t", billed_from=date(2022, 1, 1))
    use("t", "gpt-small", 5000)

    seen = pricing.preview_change(OPERATOR, change(ChangeKind.REQUIRE))

    assert (seen.usage.old_waiting_tokens, seen.usage.new_waiting_tokens) == (0, 5000)
    assert (seen.usage.old_rial, seen.usage.new_rial) == (1000, 0)


def test_what_was_seen_is_made_once_however_often_it_is_clicked(database: str) -> None:
    wish = price("gpt-big", "1000")
    seen = pricing.preview_change(OPERATOR, wish).preview_hash
    made: list[int | str] = []

    def click() -> None:
        try:
            made.append(pricing.confirm_change(OPERATOR, wish, seen).version)
        except AppError as error:
            made.append(str(error))

    clicks = [Thread(target=click) for _ in range(4)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()

    [planned, _] = pricing.price_lists(OPERATOR)
    assert set(made) == {planned.version}
    assert planned.rate("gpt-big", "prompt") == 1000
    assert [each.event.action for each in audit.entries(OPERATOR)] == ["price_list.added"]


def test_changes_of_one_day_come_together_in_one_list(database: str) -> None:
    first = make(price("gpt-big", "1000"))
    make(change(ChangeKind.ALIAS, "our-deployment", "gpt-big"))
    make(change(ChangeKind.REQUIRE))
    last = make(price("", "250.5"))

    [planned, now] = pricing.price_lists(OPERATOR)
    assert (planned.version, now.version) == (last, 1)
    assert last > first
    assert planned.rate("our-deployment", "prompt") == 1000
    assert planned.rial_per_1000_tokens == Decimal("250.5")
    assert planned.requires_own_price
    make(change(ChangeKind.REMOVE, "our-deployment"))
    make(change(ChangeKind.ALLOW))
    assert pricing.price_list_on(OPERATOR, in_days(1)).rate("our-deployment", "prompt") == Decimal("250.5")


@pytest.mark.parametrize("meanwhile", ["another change", "more usage"])
def test_a_world_that_changed_since_is_refused(database: str, meanwhile: str) -> None:
    factories.tenant("t", billed_from=date(2022, 1, 1))
    wish = price("gpt-big", "1000")
    seen = pricing.preview_change(OPERATOR, wish).preview_hash
    if meanwhile == "more usage":
        use("t", "gpt-small", 1)
    else:
        make(price("gpt-small", "90"))
    before = pricing.price_lists(OPERATOR)

    with pytest.raises(Conflict) as refused:
        pricing.confirm_change(OPERATOR, wish, seen)

    assert refused.value.data["reason"] == "price_preview_changed"
    assert pricing.price_lists(OPERATOR) == before


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        pytest.param(lambda: price("gpt-big", "1", days=0), "not_future", id="a day that has begun"),
        pytest.param(lambda: price("gpt-big", "-1"), "price", id="a negative price"),
        pytest.param(lambda: price("gpt-big", "1000000001"), "price", id="above the bound"),
        pytest.param(lambda: price("gpt-big", "NaN"), "price", id="no number"),
        pytest.param(lambda: price("", "0"), "price_general_zero", id="all for free"),
        pytest.param(lambda: price("", "200"), "price_same", id="the price of now"),
        pytest.param(lambda: change(ChangeKind.ALLOW), "price_same", id="the duty of now"),
        pytest.param(
            lambda: change(ChangeKind.ALIAS, "a", "b"), "alias_without_price", id="an alias of nothing"
        ),
        pytest.param(lambda: change(ChangeKind.REMOVE, "a"), "no_price_to_remove", id="what is not there"),
        pytest.param(lambda: change(ChangeKind.REMOVE), "no_price_to_remove", id="the general price"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(database: str, wish: object, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        pricing.preview_change(OPERATOR, wish())  # type: ignore[operator]  # a lambda of the table above

    assert refused.value.data["reason"] == reason


def test_a_change_that_a_planned_list_would_take_back_is_refused(database: str) -> None:
    pricing.add_price_list(OPERATOR, NewPriceList(valid_from=in_days(9), rial_per_1000_tokens=Decimal(90)))

    with pytest.raises(Conflict) as refused:
        pricing.preview_change(OPERATOR, price("gpt-big", "1000"))

    assert refused.value.data["reason"] == "prices_planned_later"
    assert make(price("gpt-big", "1000", days=9)) == pricing.price_list_on(OPERATOR, in_days(9)).version


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.TENANT_ADMIN])
def test_only_operators_look_at_changes_and_make_them(database: str, role: Role) -> None:
    someone: Actor = factories.actor(role)

    for attempt in (
        lambda: pricing.preview_change(someone, price("gpt-big", "1")),
        lambda: pricing.confirm_change(someone, price("gpt-big", "1"), ""),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_both_totals_of_a_preview_are_what_invoices_of_these_days_add_up_to(database: str) -> None:
    companies = {label: factories.tenant(label, billed_from=in_days(-20)) for label in ("t1", "t2")}
    rows = []
    for number, (label, model, kind, day) in enumerate(
        product(companies, ("gpt-big", "gpt-small"), ("prompt", "completion"), range(-22, 0))
    ):
        rows.append(
            (in_days(day), UsageRow(label, model, kind, 7 + 113 * number % 977, Decimal(1), 0, False, ()))
        )
    for day, row in rows:
        use(row.tenant, row.model, row.tokens, days=(day - in_days(0)).days, kind=row.type)

    seen = pricing.preview_change(OPERATOR, price("gpt-big", "333.333333"))

    billed = [billed_days(prices, rows, companies) for prices in (seen.base, as_stored(seen.new))]
    assert (seen.usage.old_rial, seen.usage.new_rial) == tuple(sum(each.values()) for each in billed)
    assert {(each.tenant_id, each.old_rial, each.new_rial) for each in seen.usage.most_changed} == {
        (each.id, billed[0][each.id], billed[1][each.id]) for each in companies.values()
    }


def billed_days(
    prices: PriceList, rows: Sequence[tuple[date, UsageRow]], companies: dict[str, Tenant]
) -> Counter[TenantId]:
    """What invoices of days, one after the other under one list, ask of each company before tax."""
    totals: dict[BilledTotalKey, BilledTotal] = {}
    billed = Counter[TenantId]()
    for day in sorted({day for day, _ in rows}):
        bill = invoice_rules.bill(
            day,
            [row for each, row in rows if each == day],
            companies,
            billed=set(),
            price_list=prices,
            tax_percent=Decimal(0),
            billed_totals=totals,
            limits=Limits(amount_rial=Rial(10**15), usual_rial=Rial(10**15), usual_tokens={}),
        )
        totals |= bill.billed_totals
        billed.update({draft.tenant.id: draft.net_rial for draft in bill.issued})
    return billed


def as_stored(new: NewPriceList) -> PriceList:
    return PriceList(
        version=2,
        valid_from=new.valid_from,
        rial_per_1000_tokens=new.rial_per_1000_tokens,
        overrides=new.overrides,
    )
