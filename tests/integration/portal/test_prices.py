"""An operator sees prices, looks at a change and makes it once; an auditor only sees; nobody else is told."""

from datetime import date, timedelta

from backend import clock
from backend.actor import Role
from backend.i18n.catalog import text
from backend.pricing import service as pricing
from portal import routes
from portal.features.prices.state import PricesState
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown

PRICES = PricesState.get_full_name()
Step = tuple[str, dict[str, object]]


def told(pipeline: Pipeline, cookie: str, *steps: Step) -> list[str]:
    """What one tab is told for each of its handlers."""

    async def walk(tab: Tab) -> list[list[Delta]]:
        await tab.open(cookie=cookie, path=routes.PRICES)
        return [await tab.send(f"{PRICES}.{name}", payload, cookie=cookie) for name, payload in steps]

    return [shown(deltas) for deltas in pipeline.run(walk)]


def tomorrow() -> date:
    return clock.billing_day(clock.utc_now()) + timedelta(days=1)


def form(**changed: str) -> Step:
    typed = {"kind": "price", "model": "gpt-big", "type": "", "price": "۱۲٫۵", "day": tomorrow().isoformat()}
    return "look", {"form": {**typed, **changed}}


LOAD, CONFIRM = ("load", {}), ("confirm_change", {})


def test_a_change_is_looked_at_and_a_double_click_makes_it_once(house: House, pipeline: Pipeline) -> None:
    operator = house.people[Role.OPERATOR]

    loaded, looked, saved, again = told(pipeline, operator.cookie, LOAD, form(), CONFIRM, CONFIRM)

    assert f'"first_day_shown":"{tomorrow().isoformat()}"' in loaded.replace('": "', '":"')
    assert "any type: 20 Toman becomes 12.5 Toman" in looked
    assert "Saved. It holds from" in saved
    assert "Saved" not in again
    [planned, now] = pricing.price_lists(operator.actor)
    assert (planned.valid_from, planned.rate("gpt-big", "prompt"), now.version) == (tomorrow(), 125, 1)
    assert planned.created_by == operator.actor.name


def test_a_planned_list_is_withdrawn_and_one_that_holds_is_not(house: House, pipeline: Pipeline) -> None:
    operator = house.people[Role.OPERATOR]
    told(pipeline, operator.cookie, LOAD, form(), CONFIRM)
    planned = pricing.price_lists(operator.actor)[0].version

    withdrawn, *refused = told(
        pipeline,
        operator.cookie,
        *[("withdraw_list", {"version": version}) for version in (str(planned), "1", "x", "9" * 99)],
    )

    assert text("prices.withdrawn", "en") in withdrawn
    assert all("so nothing was withdrawn" in each for each in refused)
    assert [each.version for each in pricing.price_lists(operator.actor)] == [1]


def test_what_does_not_fit_is_said_in_words_and_nothing_is_kept(house: House, pipeline: Pipeline) -> None:
    operator = house.people[Role.OPERATOR]
    wishes = {
        "price_toman": form(price="-1"),
        "not_future": form(day="2026-01-01"),
        "day": form(day="soon"),
        "price_general_zero": form(model="", price="0"),
        "price_same": form(model="", price="20"),
        "no_price_to_remove": form(kind="remove"),
    }

    _, *answers = told(pipeline, operator.cookie, LOAD, *wishes.values(), form(kind="x"), CONFIRM)

    for reason, answer in zip(wishes, answers, strict=False):
        assert text(f"error.invalid.{reason}", "en") in answer, reason
    assert text("error.invalid", "en") in answers[-2]
    assert len(pricing.price_lists(operator.actor)) == 1


def test_an_auditor_sees_the_prices_and_changes_none(house: House, pipeline: Pipeline) -> None:
    auditor, customer = (house.people[role].cookie for role in (Role.AUDITOR, Role.TENANT_ADMIN))

    seen, *refused = told(pipeline, auditor, LOAD, form(), CONFIRM, ("withdraw_list", {"version": "1"}))
    nothing = told(pipeline, customer, LOAD, form())

    assert "any model" in seen
    assert '"can_act' not in seen or '"can_act_rx_state_":false' in seen.replace(" ", "")
    assert PRICES not in "".join([*refused, *nothing])
    assert len(pricing.price_lists(house.people[Role.OPERATOR].actor)) == 1
