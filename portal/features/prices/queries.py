"""Queries of the prices page; each is one call for the bridge."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from backend import clock
from backend.actor import Actor
from backend.days import read_day
from backend.errors import Invalid
from backend.free_text import number, pasted
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices import service as invoices
from backend.money import RIAL_PER_TOMAN
from backend.pricing import service as pricing
from backend.pricing.rules import MAX_RIAL_PER_1000_TOKENS, SMALLEST_STEP
from backend.pricing.types import ChangeKind, PriceChange
from portal.features.prices import rows
from portal.features.prices.rows import ChangeView, PricesView

_VERSION = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A change that was looked at, as it was typed, with what it would do."""

    change: PriceChange
    preview_hash: str
    view: ChangeView


def overview(actor: Actor, lang: Lang) -> PricesView:
    """The prices and the models without one."""
    today = clock.billing_day(clock.utc_now())
    return rows.to_prices(pricing.price_lists(actor), invoices.unpriced_models(actor), today, lang)


def look(actor: Actor, form: dict[str, str], lang: Lang) -> Looked:
    """Effect of the change that a form describes. Raises Invalid for what does not fit."""
    change = to_change(form)
    preview = pricing.preview_change(actor, change)
    return Looked(change=change, preview_hash=preview.preview_hash, view=rows.to_change(preview, lang))


def to_change(form: dict[str, str]) -> PriceChange:
    """The change that a form describes; the price is typed in toman."""
    kind = next((each for each in ChangeKind if each == form.get("kind")), None)
    if kind is None:
        raise Invalid(field="kind")
    return PriceChange(
        valid_from=read_day(form.get("day", "")),
        kind=kind,
        model=pasted(form.get("model", "")),
        type=form.get("type", ""),
        rial_per_1000_tokens=_rial(form.get("price", "")) if kind is ChangeKind.PRICE else None,
        priced_as=pasted(form.get("priced_as", "")),
    )


def _rial(typed: str) -> Decimal:
    try:
        rial = Decimal(number(typed)) * RIAL_PER_TOMAN
        if 0 <= rial <= MAX_RIAL_PER_1000_TOKENS and not rial % SMALLEST_STEP:
            return rial
    except InvalidOperation:
        pass
    raise Invalid(field="price", reason="price_toman")


def confirm(actor: Actor, looked: Looked, lang: Lang) -> str:
    """Make the change that was looked at, and say so."""
    made = pricing.confirm_change(actor, looked.change, looked.preview_hash)
    return text("prices.saved", lang, day=fmt.day(made.valid_from, lang))


def withdraw(actor: Actor, version: str, lang: Lang) -> str:
    """Take back a planned list, and say so."""
    pricing.withdraw_price_list(actor, int(version) if _VERSION.fullmatch(str(version)) else 0)
    return text("prices.withdrawn", lang)
