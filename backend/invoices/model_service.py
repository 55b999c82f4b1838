"""Models that have no price of their own: billed at the general price, or waiting for one."""

from collections.abc import Iterable, Sequence
from datetime import date
from operator import attrgetter

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_role_or_process
from backend.db.engine import read
from backend.invoices import model_repository
from backend.invoices.model_repository import ModelKey
from backend.invoices.types import UnpricedModel
from backend.pricing import rules as pricing_rules
from backend.pricing import service as pricing
from backend.pricing.types import PriceList


def unpriced_models(actor: Actor) -> list[UnpricedModel]:
    """The models that were billed at the general price or wait for one of their own, the most tokens first.

    The general price here is any that does not name the model, so that of a type as well. For staff and processes.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    lists = pricing.price_lists(actor)
    with read():
        billed = _without_price(model_repository.billed_models(), lists, required=False)
        waiting = _without_price(model_repository.waiting_models(), lists, required=True)
        totals = {each.model: each for each in model_repository.billed_totals_of(billed)}
        held = {each.model: each for each in model_repository.waiting_totals_of(waiting)}
    kinds: dict[str, set[str]] = {}
    for key in (*billed, *waiting):
        kinds.setdefault(key.model, set()).add(key.type)
    found = [
        UnpricedModel(
            model=model,
            billed=totals.get(model),
            waiting=held.get(model),
            priced_from=_priced_from(lists, model, kinds[model]),
        )
        for model in totals.keys() | held.keys()
    ]
    return sorted(found, key=lambda each: (each.priced_from is not None, -each.tokens, each.model))


def _without_price(keys: Iterable[ModelKey], lists: Iterable[PriceList], *, required: bool) -> list[ModelKey]:
    """The keys without a price of their own in their list, of the lists that require one, or of the others.

    Tokens that a list which requires prices has billed without one had waited for the price of a later list.
    """
    known = {each.version: each for each in lists if each.requires_own_price == required}
    return [
        key
        for key in keys
        if key.price_version in known and known[key.price_version].own_rate(key.model, key.type) is None
    ]


def _priced_from(lists: Sequence[PriceList], model: str, kinds: set[str]) -> date | None:
    """The day from which on a model has prices of its own until the newest list; None while it has none there."""
    since = None
    for each in sorted(lists, key=attrgetter("valid_from"), reverse=True):
        if any(each.own_rate(model, kind) is None for kind in kinds):
            break
        since = each.valid_from
    return since


def count_unpriced(actor: Actor) -> int:
    """Number of used models for which today's price list has no price, although it names others.

    Without a price that names a model the general price is what an operator chose for all, and the answer is 0. Read
    at each scrape: as cheap with many tenants. For staff and processes.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    today = pricing_rules.price_list_on(pricing.price_lists(actor), clock.billing_day(clock.utc_now()))
    if not any(model for model, _ in today.overrides):
        return 0
    is_strict = today.requires_own_price
    keys = model_repository.waiting_models() if is_strict else model_repository.billed_models()
    return len({key.model for key in _without_price(keys, [today], required=is_strict)})
