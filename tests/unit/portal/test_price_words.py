"""Prices in words where a price list requires one of each model: what waits is neither billed nor called billed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from backend.days import read_day
from backend.i18n.catalog import Lang
from backend.invoices.types import HoldReason, Invoice, InvoiceDetail, InvoiceStatus, Seller
from backend.pricing import change_rules
from backend.pricing.types import Amount, ChangeKind, ChangePreview, PriceChange, PricedUsage, PriceList
from portal.features.invoices import rows as invoices
from portal.features.prices import rows as prices
from portal.features.usage import rows as usage
from tests.unit.invoices.test_rules import tenant
from tests.unit.invoices.test_staff import held_invoice

TODAY, TOMORROW = date(2026, 11, 22), date(2026, 11, 23)
STRICT = PriceList(
    version=2,
    valid_from=date(2026, 11, 1),
    rial_per_1000_tokens=Decimal(200),
    overrides={("gpt-big", ""): Decimal(250), ("gpt-big", "prompt"): Decimal("62.5")},
    requires_own_price=True,
)


def preview(kind: ChangeKind, model: str, rial: str | None = None, usage: PricedUsage | None = None) -> str:
    """What the page says of a change of the strict list."""
    change = PriceChange(
        valid_from=TOMORROW,
        kind=kind,
        model=model,
        type="",
        rial_per_1000_tokens=Decimal(rial) if rial else None,
    )
    base, new = change_rules.changed_list([STRICT], change, TODAY)
    seen = ChangePreview(
        change=change,
        base=base,
        new=new,
        first_day=TODAY,
        last_day=TODAY,
        usage=usage or PricedUsage(),
        preview_hash="",
    )
    view = prices.to_change(seen, "en")
    return (view.waiting or view.priced) if usage else view.said


def test_a_first_price_replaces_none_and_not_the_general_one() -> None:
    said = preview(ChangeKind.PRICE, "gpt-new", "125")

    assert said.endswith("any type: no price becomes 12.5 Toman for 1,000 tokens.")


def test_what_loses_its_price_is_said_to_have_none() -> None:
    assert preview(ChangeKind.REMOVE, "gpt-big").endswith(
        "its own price of 25 Toman ends, and instead holds: no price."
    )


def test_a_price_that_ends_beside_an_alias_is_said_to_end_and_the_alias_to_hold() -> None:
    aliased = replace(
        STRICT,
        overrides={("m", "prompt"): Decimal(100), ("gpt-5.2", ""): Decimal(900)},
        aliases={"m": "gpt-5.2"},
    )
    change = PriceChange(valid_from=TOMORROW, kind=ChangeKind.REMOVE, model="m", type="prompt")

    base, new = change_rules.changed_list([aliased], change, TODAY)
    said, persian = [prices.said(change, base, new, lang) for lang in ("en", "fa")]

    assert "its own price of 10 Toman ends, and instead holds: 90 Toman" in said
    assert ("۱۰ تومان" in persian, "۹۰ تومان" in persian) == (True, True)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(0, 5, "5 tokens of these days would wait"), (5, 0, "5 tokens of these days have no price by now")],
)
def test_what_begins_or_ends_to_wait_is_said(before: int, after: int, said: str) -> None:
    counted = PricedUsage(tokens=9, old_waiting_tokens=before, new_waiting_tokens=after)

    assert preview(ChangeKind.PRICE, "gpt-new", "125", counted).startswith(said)


def test_prices_stand_without_zeros_and_what_is_not_billed_shows_none() -> None:
    shown = prices.to_prices([STRICT], [], TODAY, "en").prices

    assert [(row.model, row.price) for row in shown] == [
        ("any model", "waits"),
        ("gpt-big", "25"),
        ("gpt-big", "6.25"),
    ]
    lenient = prices.to_prices([replace(STRICT, requires_own_price=False)], [], TODAY, "fa").prices
    assert [row.price for row in lenient] == ["۲۰", "۲۵", "۶٫۲۵"]


@pytest.mark.parametrize(("lang", "written"), [("en", "2026-11-23"), ("fa", "۱۴۰۵-۰۹-۰۲")])
def test_the_first_day_is_filled_in_as_a_person_of_the_language_types_it(lang: Lang, written: str) -> None:
    typed = prices.to_prices([STRICT], [], TODAY, lang).first_day

    assert (typed, read_day(typed)) == (written, TOMORROW)


def test_a_day_says_which_tokens_are_in_no_cost_yet() -> None:
    [flag] = usage.to_day(TODAY, [], Amount(tokens=9, waiting_tokens=1234), "en").flags

    assert flag.sentence.startswith("1,234 tokens are of a model whose price is not set yet")
    assert usage.to_day(TODAY, [], Amount(tokens=9, rial=1), "en").flags == []


PRICELESS = replace(held_invoice(tenant(1).id), held_reasons=(HoldReason.MODEL_WITHOUT_PRICE.value,))
ALSO_HELD = replace(PRICELESS, held_reasons=(*PRICELESS.held_reasons, "low_coverage"))


@pytest.mark.parametrize(
    ("invoice", "status", "title", "note"),
    [
        pytest.param(PRICELESS, "Waiting for a price", "waiting for a price", "has no price yet", id="price"),
        pytest.param(ALSO_HELD, "Under review", "under review", "checking how that day", id="and coverage"),
    ],
)
def test_an_invoice_that_waits_for_a_price_alone_is_not_said_to_be_under_review(
    invoice: Invoice, status: str, title: str, note: str
) -> None:
    detail = InvoiceDetail(
        invoice=invoice, seller=Seller(), tenant=tenant(1), lines=[], usage=[], readings=[]
    )

    shown = invoices.to_view(detail, None, "en")

    assert (shown.status, invoices.to_row(invoice, None, "en").status) == (status, status)
    assert title in shown.title
    assert note in shown.held_note
    assert invoices.held_note(replace(invoice, status=InvoiceStatus.VOID), "en") == ""
