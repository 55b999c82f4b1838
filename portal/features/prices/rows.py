"""Rows of the prices page: formatted strings in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import jdatetime

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.invoices.types import UnpricedModel
from backend.money import RIAL_PER_TOMAN
from backend.pricing.rules import price_list_on
from backend.pricing.types import (
    ANY,
    ChangeKind,
    ChangePreview,
    NewPriceList,
    PriceChange,
    PriceList,
    TenantChange,
)
from portal import routes

NONE = "—"
MOST_LISTS = 50
# Whoever made the first list: the migration that brought the table.
FIRST_LIST_BY = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """A price or an alias of a list that holds or is planned. ``since`` names the list at its first row only."""

    key: str
    since: str
    model: str
    is_any_model: bool
    type: str
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """A price list."""

    key: str
    since: str
    state: str
    tone: str
    general: str
    models: str
    duty: str
    by: str
    is_planned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A model without a price of its own."""

    model: str
    since: str
    tokens: str
    amount: str
    tenants: str
    state: str
    tone: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCompany:
    """A company whose costs change."""

    key: str
    name: str
    url: str
    old: str
    new: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesView:
    """Everything on the page but the form and its preview."""

    prices: list[PriceRow] = field(default_factory=list)
    lists: list[ListRow] = field(default_factory=list)
    models: list[ModelRow] = field(default_factory=list)
    open_models: str = ""
    has_open_models: bool = False
    requires_own_price: bool = False
    known_models: list[str] = field(default_factory=list)
    first_day: str = ""
    first_day_shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """Effect of a change; without ``said`` there is none."""

    said: str = ""
    since: str = ""
    days: str = ""
    old: str = ""
    new: str = ""
    difference: str = ""
    waiting: str = ""
    priced: str = ""
    replaced: str = ""
    changed: str = ""
    tenants: list[ChangedCompany] = field(default_factory=list)


def to_prices(
    lists: Sequence[PriceList], models: Sequence[UnpricedModel], today: date, lang: Lang
) -> PricesView:
    """The page as of a day: the lists newest first, and the models without a price."""
    now = price_list_on(lists, today)
    shown = [each for each in lists if each.valid_from >= now.valid_from]
    first_day = _written_day(max([today, *(each.valid_from for each in lists)]), today, lang)
    return PricesView(
        prices=[row for each in shown for row in _price_rows(each, lang)],
        lists=[_list_row(each, now, today, lang) for each in lists[:MOST_LISTS]],
        models=[_model_row(each, lang) for each in models],
        open_models=fmt.number(sum(each.priced_from is None for each in models), lang),
        has_open_models=any(each.priced_from is None for each in models),
        requires_own_price=now.requires_own_price,
        known_models=_known_models(lists, models),
        first_day=first_day,
        first_day_shown=fmt.identifier(first_day, lang),
    )


def _written_day(newest: date, today: date, lang: Lang) -> str:
    """The earliest day that a change may begin on, as a person of the language types it."""
    earliest = newest if newest > today else date.fromordinal(today.toordinal() + 1)
    if lang == "en":
        return earliest.isoformat()
    return fmt.digits(jdatetime.date.fromgregorian(date=earliest).isoformat(), lang)


def _known_models(lists: Sequence[PriceList], models: Sequence[UnpricedModel]) -> list[str]:
    named = {model for each in lists for model, _ in each.overrides if model}
    aliases = {name for each in lists for name in each.aliases}
    return sorted(named | aliases | {each.model for each in models})


def _price_rows(prices: PriceList, lang: Lang) -> list[PriceRow]:
    entries = sorted({(ANY, ANY): prices.rial_per_1000_tokens, **prices.overrides}.items())
    cells = [
        *(
            (
                model,
                type_words(kind, lang),
                # No tokens are billed at a price that names no model where the list requires one that does.
                rate_in_toman(rate, lang)
                if model or not prices.requires_own_price
                else text("prices.required", lang),
            )
            for (model, kind), rate in entries
        ),
        *(
            (name, text("prices.any_type", lang), text("prices.as_model", lang, model=model))
            for name, model in sorted(prices.aliases.items())
        ),
    ]
    since = text("prices.from_day", lang, day=fmt.day(prices.valid_from, lang))
    return [
        PriceRow(
            key=f"{prices.version}-{place}",
            since=since if place == 0 else "",
            model=model or text("prices.any_model", lang),
            is_any_model=not model,
            type=kind,
            price=price,
        )
        for place, (model, kind, price) in enumerate(cells)
    ]


def _list_row(prices: PriceList, now: PriceList, today: date, lang: Lang) -> ListRow:
    is_planned = prices.valid_from > today
    state = "planned" if is_planned else "now" if prices is now else "ended"
    return ListRow(
        key=str(prices.version),
        since=fmt.day(prices.valid_from, lang),
        state=text(f"prices.state.{state}", lang),
        tone={"planned": "info", "now": "ok"}.get(state, ""),
        general=rate_in_toman(prices.rial_per_1000_tokens, lang),
        models=fmt.number(len({model for model, _ in prices.overrides if model} | {*prices.aliases}), lang),
        duty=text("prices.required" if prices.requires_own_price else "prices.not_required", lang),
        by=text("prices.installed", lang) if prices.created_by == FIRST_LIST_BY else prices.created_by,
        is_planned=is_planned,
    )


def _model_row(found: UnpricedModel, lang: Lang) -> ModelRow:
    totals = [each for each in (found.billed, found.waiting) if each is not None]
    return ModelRow(
        model=found.model,
        since=fmt.day(min(each.since for each in totals), lang),
        tokens=fmt.number(found.tokens, lang),
        amount=NONE if found.billed is None else fmt.toman_bare(found.billed.rial, lang),
        tenants=fmt.number(max(each.tenants for each in totals), lang),
        state=_model_state(found, lang),
        tone="ok" if found.priced_from else "bad" if found.waiting else "warn",
        is_open=found.priced_from is None,
    )


def _model_state(found: UnpricedModel, lang: Lang) -> str:
    if found.priced_from is not None:
        return text("prices.priced_from", lang, day=fmt.day(found.priced_from, lang))
    return text("prices.waits" if found.waiting else "prices.at_general", lang)


def to_change(preview: ChangePreview, lang: Lang) -> ChangeView:
    """A preview as the page shows it."""
    usage = preview.usage
    change = usage.new_rial - usage.old_rial
    waits = usage.new_waiting_tokens - usage.old_waiting_tokens
    return ChangeView(
        said=said(preview.change, preview.base, preview.new, lang),
        since=text("prices.begins", lang, day=fmt.day(preview.new.valid_from, lang)),
        days=text(
            "prices.days", lang, first=fmt.day(preview.first_day, lang), last=fmt.day(preview.last_day, lang)
        ),
        old=fmt.toman(usage.old_rial, lang),
        new=fmt.toman(usage.new_rial, lang),
        difference=_signed(change, lang),
        waiting=text("prices.would_wait", lang, tokens=fmt.number(waits, lang)) if waits > 0 else "",
        priced=text("prices.would_be_priced", lang, tokens=fmt.number(-waits, lang)) if waits < 0 else "",
        replaced=text("prices.replaces", lang) if preview.is_replacing else "",
        changed=fmt.number(usage.changed_tenants, lang),
        tenants=[_changed_company(each, lang) for each in usage.most_changed],
    )


def said(change: PriceChange, base: NewPriceList, new: NewPriceList, lang: Lang) -> str:
    """A change in one sentence."""
    old_rate, new_rate = (_price_words(change, each, lang) for each in (base, new))
    name = f"\u2068{change.model}\u2069" if change.model else text("prices.any_model", lang)
    kind = change.kind
    # A name with an alias may have a price of its own for one type.
    if kind is ChangeKind.REMOVE and (change.model, change.type) not in base.overrides:
        return text("prices.said.remove_alias", lang, model=name)
    return text(
        f"prices.said.{kind}",
        lang,
        model=name,
        type=type_words(change.type, lang),
        old=old_rate,
        new=new_rate,
        priced_as=f"\u2068{change.priced_as}\u2069",
    )


def _price_words(change: PriceChange, prices: NewPriceList, lang: Lang) -> str:
    """Price of a change's model by a list; for any model the general one, billed or not."""
    rate = prices.billed_rate if change.model else prices.rate
    found = rate(change.model, change.type)
    if found is None:
        return text("prices.said.nothing", lang)
    return text("unit.toman", lang, amount=rate_in_toman(found, lang))


def _signed(rial: int, lang: Lang) -> str:
    """An amount with its sign in front, which no sentence from right to left can turn round."""
    sign = "+" if rial > 0 else "−" if rial < 0 else ""
    return f"\u2066{sign}{fmt.toman_bare(abs(rial), lang)}\u2069"


def _changed_company(change: TenantChange, lang: Lang) -> ChangedCompany:
    return ChangedCompany(
        key=str(change.tenant_id),
        name=change.name(lang),
        url=routes.invoices_of_company(change.tenant_id),
        old=fmt.toman_bare(change.old_rial, lang),
        new=fmt.toman_bare(change.new_rial, lang),
        change=_signed(change.new_rial - change.old_rial, lang),
    )


def type_words(kind: str, lang: Lang) -> str:
    """A type of tokens in words, as far as there are some."""
    if not kind:
        return text("prices.any_type", lang)
    key = f"usage.type.{kind}"
    return text(key, lang) if has(key) else kind


def rate_in_toman(rial_per_1000_tokens: Decimal, lang: Lang) -> str:
    """A price in toman, exact, without zeros at its end: written alike in every table and sentence."""
    return fmt.digits(f"{(rial_per_1000_tokens / RIAL_PER_TOMAN).normalize():,f}", lang)
