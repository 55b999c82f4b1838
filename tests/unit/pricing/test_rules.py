"""Which price holds for which tokens on which day."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from backend.errors import Invalid, NotFound
from backend.i18n.catalog import LANGUAGES, text
from backend.i18n.errors import error_text
from backend.invoices.types import InvoiceLine
from backend.pricing import rules
from backend.pricing.types import NewPriceList, PriceList, TaxRate

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)
LIST = PriceList(
    version=1,
    valid_from=date(2026, 1, 1),
    rial_per_1000_tokens=Decimal(200),
    overrides={
        ("gpt-big", "completion"): Decimal(900),
        ("gpt-big", ""): Decimal(600),
        ("gpt-big-2026-03-17", ""): Decimal(700),
        ("", "cached_prompt"): Decimal(100),
    },
)


@pytest.mark.parametrize(
    ("model", "kind", "price"),
    [
        pytest.param("gpt-big", "completion", 900, id="model and type come first"),
        pytest.param("gpt-big", "cached_prompt", 600, id="then the model, before the type"),
        pytest.param(
            "gpt-big-2026-01-05", "completion", 900, id="a dated snapshot has the prices of its model"
        ),
        pytest.param("gpt-big-2026-01-05", "cached_prompt", 600, id="of the model before those of the type"),
        pytest.param("gpt-big-2026-03-17", "completion", 700, id="its own price comes before its model's"),
        pytest.param("gpt-big-mini-2026-01-05", "prompt", 200, id="another model is no snapshot"),
        pytest.param("gpt-big-0613", "prompt", 200, id="and four digits are no date"),
        pytest.param("gpt-small", "cached_prompt", 100, id="then the type"),
        pytest.param("gpt-small", "prompt", 200, id="then the general price"),
    ],
)
def test_the_most_exact_price_holds(model: str, kind: str, price: int) -> None:
    assert LIST.rate(model, kind) == price


ALIASED = replace(
    LIST,
    aliases={
        "our-deployment": "gpt-big",
        "our-dated": "gpt-big-2026-03-17",
        "our-next": "gpt-big-2026-05-01",
        "gpt-big-2026-01-05": "gpt-tiny",
    },
    overrides={**LIST.overrides, ("gpt-tiny", ""): Decimal(50)},
)


@pytest.mark.parametrize(
    ("model", "kind", "price"),
    [
        pytest.param("our-deployment", "completion", 900, id="an alias has the prices of its model"),
        pytest.param("our-deployment", "cached_prompt", 600, id="of the model before those of the type"),
        pytest.param("our-deployment-2026-01-01", "prompt", 600, id="also where it is dated"),
        pytest.param("our-dated", "prompt", 700, id="an alias may name a snapshot"),
        pytest.param("our-next", "completion", 900, id="which may have the price of its model"),
        pytest.param("gpt-big-2026-03-17", "prompt", 700, id="the exact price comes before all"),
        pytest.param("gpt-big-2026-01-05", "completion", 50, id="an alias before the dated name's model"),
        pytest.param("unknown", "prompt", 200, id="whoever has no alias has the general price"),
    ],
)
def test_exact_beats_alias_beats_dated_beats_general(model: str, kind: str, price: int) -> None:
    assert ALIASED.rate(model, kind) == price


def test_only_a_price_that_names_the_model_is_its_own() -> None:
    assert LIST.own_rate("gpt-small", "cached_prompt") is None
    assert LIST.own_rate("gpt-big-2026-01-05", "prompt") == 600


@pytest.mark.parametrize(
    ("aliases", "reason"),
    [
        pytest.param({"a": "gpt-none"}, "alias_without_price", id="of a model without a price"),
        pytest.param({"a": "a"}, "alias_without_price", id="of itself"),
        pytest.param({"a": "b", "b": "gpt-big"}, "alias_without_price", id="of an alias"),
        pytest.param({"gpt-big": "gpt-big-2026-03-17"}, "alias_has_price", id="of a model with a price"),
        pytest.param({" a": "gpt-big"}, "price_name", id="with a space"),
        pytest.param({"": "gpt-big"}, "price_name", id="of nothing"),
    ],
)
def test_an_alias_that_would_do_nothing_is_refused(aliases: dict[str, str], reason: str) -> None:
    new = NewPriceList(
        valid_from=TOMORROW, rial_per_1000_tokens=Decimal(1), overrides=LIST.overrides, aliases=aliases
    )

    with pytest.raises(Invalid) as refused:
        rules.check_new_list(new, TODAY)

    assert refused.value.data["reason"] == reason


STRICT = replace(LIST, requires_own_price=True)
GIVEN = replace(STRICT, version=2, valid_from=date(2026, 11, 20), overrides={("gpt-small", ""): Decimal(30)})
RAISED = replace(GIVEN, version=3, valid_from=TODAY, overrides={("gpt-small", ""): Decimal(90)})


@pytest.mark.parametrize(
    ("lists", "today", "rate"),
    [
        pytest.param([LIST], TODAY, 200, id="a list that requires none has the general price"),
        pytest.param([STRICT], TODAY, None, id="none as long as no list gives one"),
        pytest.param([STRICT, GIVEN], date(2026, 11, 19), None, id="none before that list begins"),
        pytest.param([STRICT, GIVEN], date(2026, 11, 20), 30, id="its price from its first day on"),
        pytest.param([RAISED, GIVEN, STRICT], TODAY, 30, id="and for ever, whatever comes later"),
    ],
)
def test_held_tokens_have_the_first_price_that_their_model_is_given(
    lists: list[PriceList], today: date, rate: int | None
) -> None:
    line = InvoiceLine("gpt-small", "prompt", 1000, Decimal(0), 0)

    assert rules.held_rate(lists, 1, line, today) == rate


UNNAMEABLE = ("", "gpt-5 ", "gpt\u200b5", "x" * 201)


@pytest.mark.parametrize("model", UNNAMEABLE)
def test_a_name_that_no_list_can_price_costs_what_all_others_do_once_an_operator_issues_it(
    model: str,
) -> None:
    by_type = replace(STRICT, overrides={("", "completion"): Decimal(70)})
    prompt, completion = (InvoiceLine(model, kind, 9, Decimal(0), 0) for kind in ("prompt", "completion"))
    named = prompt._replace(model="gpt-small")

    assert [rules.held_rate([by_type], 1, each, TODAY) for each in (prompt, completion)] == [None, None]
    assert [rules.released_rate([by_type], 1, each, TODAY) for each in (prompt, completion)] == [200, 70]
    assert rules.released_rate([by_type], 1, named, TODAY) is None


@pytest.mark.parametrize(
    ("day", "version"),
    [
        pytest.param(date(2026, 1, 1), 1, id="first day"),
        pytest.param(date(2026, 10, 31), 1, id="day before the change"),
        pytest.param(date(2026, 11, 1), 2, id="day of the change"),
        pytest.param(TODAY, 2, id="later"),
    ],
)
def test_a_list_holds_from_its_day_until_the_next_one(day: date, version: int) -> None:
    later = PriceList(version=2, valid_from=date(2026, 11, 1), rial_per_1000_tokens=Decimal(300))

    assert rules.price_list_on([later, LIST], day).version == version


@pytest.mark.parametrize("lists", [[LIST], []], ids=["before the first list", "without any list"])
def test_a_day_without_prices_is_refused_with_its_own_sentence(lists: list[PriceList]) -> None:
    with pytest.raises(NotFound) as refused:
        rules.price_list_on(lists, date(2025, 12, 31))

    told = {lang: error_text(refused.value, lang) for lang in LANGUAGES}
    assert told == {lang: text("error.not_found.prices_of_day", lang) for lang in LANGUAGES}
    assert all("python -m backend.pricing list" in sentence for sentence in told.values())


@pytest.mark.parametrize("valid_from", [TODAY, date(2026, 1, 1)], ids=["today", "past"])
def test_prices_of_days_that_began_cannot_change(valid_from: date) -> None:
    new = NewPriceList(valid_from=valid_from, rial_per_1000_tokens=Decimal(100))

    with pytest.raises(Invalid) as refused:
        rules.check_new_list(new, TODAY)

    assert refused.value.data["field"] == "valid_from"


@pytest.mark.parametrize("price", ["-1", "0.0000001", "NaN", "Infinity", "1e10"])
def test_a_price_that_cannot_be_stored_exactly_is_refused(price: str) -> None:
    tomorrow = date(2026, 11, 24)

    with pytest.raises(Invalid):
        rules.check_new_list(NewPriceList(valid_from=tomorrow, rial_per_1000_tokens=Decimal(price)), TODAY)
    with pytest.raises(Invalid):
        rules.check_new_list(
            NewPriceList(
                valid_from=tomorrow, rial_per_1000_tokens=Decimal(1), overrides={("m", ""): Decimal(price)}
            ),
            TODAY,
        )


FINE, TOO_FINE = Decimal(1), Decimal("0.0000001")


@pytest.mark.parametrize(
    ("valid_from", "price", "overrides", "told"),
    [
        pytest.param(TODAY, FINE, {}, {"field": "valid_from", "reason": "not_future"}, id="today"),
        pytest.param(
            TOMORROW,
            TOO_FINE,
            {},
            {"field": "rial_per_1000_tokens", "reason": "price"},
            id="too fine a price",
        ),
        pytest.param(
            TOMORROW,
            FINE,
            {("m", ""): TOO_FINE},
            {"field": "overrides", "reason": "price"},
            id="too fine for a model",
        ),
        pytest.param(
            TOMORROW,
            FINE,
            {("", ""): FINE},
            {"field": "overrides", "reason": "price_of_nothing"},
            id="for everything",
        ),
        pytest.param(
            TOMORROW,
            FINE,
            {(" m", ""): FINE},
            {"field": "overrides", "reason": "price_name"},
            id="a name with a blank",
        ),
    ],
)
def test_a_refused_list_names_field_and_reason(
    valid_from: date, price: Decimal, overrides: dict[tuple[str, str], Decimal], told: dict[str, str]
) -> None:
    new = NewPriceList(valid_from=valid_from, rial_per_1000_tokens=price, overrides=overrides)

    with pytest.raises(Invalid) as refused:
        rules.check_new_list(new, TODAY)

    assert refused.value.data == told


@pytest.mark.parametrize(
    ("valid_from", "percent", "told"),
    [
        (TODAY, "10", {"field": "valid_from", "reason": "not_future"}),
        (TOMORROW, "100.01", {"field": "percent", "reason": "tax_percent"}),
        (TOMORROW, "9.999", {"field": "percent", "reason": "tax_percent"}),
    ],
)
def test_a_refused_tax_names_field_and_reason(valid_from: date, percent: str, told: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check_new_tax(valid_from, Decimal(percent), TODAY)

    assert refused.value.data == told


def test_the_highest_price_and_tax_are_fine() -> None:
    highest = NewPriceList(valid_from=TOMORROW, rial_per_1000_tokens=Decimal(10**9))

    rules.check_new_list(highest, TODAY)
    rules.check_new_tax(TOMORROW, Decimal(100), TODAY)


def test_a_list_from_tomorrow_is_fine() -> None:
    rules.check_new_list(
        NewPriceList(
            valid_from=date(2026, 11, 24),
            rial_per_1000_tokens=Decimal("199.5"),
            overrides={("", "prompt"): Decimal(0)},
        ),
        TODAY,
    )


@pytest.mark.parametrize(
    ("day", "percent"),
    [(date(2019, 1, 1), 0), (date(2026, 3, 20), 0), (date(2026, 3, 21), 10)],
    ids=["before any rate", "before the change", "from the change on"],
)
def test_tax_holds_from_its_day(day: date, percent: int) -> None:
    rates = [
        TaxRate(valid_from=date(2020, 1, 1), percent=Decimal(0)),
        TaxRate(valid_from=date(2026, 3, 21), percent=Decimal(10)),
    ]

    assert rules.tax_percent_on(rates, day) == percent


@pytest.mark.parametrize("percent", ["-1", "100.01", "9.999", "NaN"])
def test_a_tax_that_is_no_percentage_is_refused(percent: str) -> None:
    with pytest.raises(Invalid):
        rules.check_new_tax(date(2026, 11, 24), Decimal(percent), TODAY)
