"""Prices and tax by day: every signed-in user may read them; operators add future ones."""

from datetime import date
from decimal import Decimal

from backend import clock
from backend.actor import OPERATOR_ROLES, Actor, Role, require_role_or_process
from backend.audit import service as audit
from backend.db.engine import transaction
from backend.errors import Conflict, NotFound
from backend.pricing import change_service, repository, rules
from backend.pricing.types import NewPriceList, PriceList, TaxRate

# A change of the prices: previewed first, then stored.
preview_change = change_service.preview_change
confirm_change = change_service.confirm_change


def price_list_on(actor: Actor, day: date) -> PriceList:
    """The price list that is valid on a Tehran day. Raises NotFound when the first one begins later."""
    return rules.price_list_on(price_lists(actor), day)


def tax_percent_on(actor: Actor, day: date) -> Decimal:
    """Value added tax in percent on a Tehran day."""
    return rules.tax_percent_on(tax_rates(actor), day)


def price_lists(actor: Actor) -> list[PriceList]:
    """Every version of the price list, the newest first."""
    require_role_or_process(actor, *Role)
    return repository.price_lists()


def tax_rates(actor: Actor) -> list[TaxRate]:
    """Every tax rate, the newest first."""
    require_role_or_process(actor, *Role)
    return repository.tax_rates()


def add_price_list(actor: Actor, new: NewPriceList) -> PriceList:
    """Add prices from a future Tehran midnight on; earlier usage keeps its price.

    For operators and processes.

    Raises:
        Invalid: the day is not in the future, or a price does not fit.
        Conflict: another list begins on the same day.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    rules.check_new_list(new, clock.billing_day(now))
    with transaction():
        repository.lock_prices()
        version = repository.insert_price_list(new, actor.name, now)
        if version is None:
            raise Conflict(reason="price_day_taken")
        audit.record(actor, "price_list.added", f"price_list:{version}", rules.audit_detail(new))
        return next(each for each in repository.price_lists() if each.version == version)


def withdraw_price_list(actor: Actor, version: int) -> None:
    """Take back a price list that has not begun. For operators and processes.

    Raises:
        NotFound: it has begun, or does not exist.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    with transaction():
        repository.lock_prices()
        if not repository.delete_price_list(version, clock.billing_day(clock.utc_now())):
            raise NotFound(reason="price_list")
        audit.record(actor, "price_list.withdrawn", f"price_list:{version}", {})


def add_tax_rate(actor: Actor, valid_from: date, percent: Decimal) -> None:
    """Set the value added tax from a future Tehran midnight on. For operators and processes.

    Raises:
        Invalid: the day is not in the future, or the rate is no percentage with two decimals.
        Conflict: another rate begins on the same day.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    rules.check_new_tax(valid_from, percent, clock.billing_day(now))
    rate = TaxRate(valid_from=valid_from, percent=percent, created_by=actor.name)
    with transaction():
        if not repository.insert_tax_rate(rate, now):
            raise Conflict(reason="tax_day_taken")
        audit.record(actor, "tax_rate.added", f"tax_rate:{valid_from.isoformat()}", {"percent": str(percent)})
