"""A change of the prices: first its effect, then exactly that; ``service`` is the door to it."""

from backend import clock
from backend.actor import OPERATOR_ROLES, Actor, require_role_or_process
from backend.audit import service as audit
from backend.db.engine import transaction
from backend.errors import Conflict
from backend.pricing import change_repository, change_rules, repository, rules
from backend.pricing.types import ChangePreview, PriceChange, PriceList

MOST_CHANGED = 10


def preview_change(actor: Actor, change: PriceChange) -> ChangePreview:
    """Effect of a change, with the last 30 closed days at the prices before and after it; writes nothing.

    For operators and processes.

    Raises:
        Invalid: the day has begun, a price or a name does not fit, or nothing would change.
        Conflict: a list that begins later would take the change back.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    today = clock.billing_day(clock.utc_now())
    # What it adds up lies in the database until the transaction ends, which keeps nothing else.
    with transaction():
        base, new = change_rules.changed_list(repository.price_lists(), change, today)
        days = change_rules.preview_days(today)
        rates = change_rules.rates_of(change_repository.add_up_usage(*days), base, new)
        usage = change_repository.priced_usage(rates, MOST_CHANGED)
    return ChangePreview(
        change=change,
        base=base,
        new=new,
        first_day=days[0],
        last_day=days[1],
        usage=usage,
        preview_hash=change_rules.preview_hash(change, base, new, days, usage),
    )


def confirm_change(actor: Actor, change: PriceChange, preview_hash: str) -> PriceList:
    """Make a change exactly as it was previewed, and return the list that it made. Audited.

    Idempotent: the same preview is confirmed once, and a second click returns the same list. A list that begins on the
    same day is replaced. For operators and processes.

    Raises:
        Invalid: as ``preview_change``.
        Conflict: the preview would no longer be the same, or a list that begins later would take the change back.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    with transaction():
        repository.lock_prices()
        version = repository.version_confirmed_by(preview_hash)
        if version is None:
            version = _make(actor, change, preview_hash)
        return next(each for each in repository.price_lists() if each.version == version)


def _make(actor: Actor, change: PriceChange, seen_hash: str) -> int:
    preview = preview_change(actor, change)
    if preview.preview_hash != seen_hash:
        raise Conflict(reason="price_preview_changed")
    now = clock.utc_now()
    if preview.is_replacing:
        repository.delete_price_list(preview.base.version, clock.billing_day(now))
        audit.record(actor, "price_list.withdrawn", f"price_list:{preview.base.version}", {})
    version = repository.insert_price_list(preview.new, actor.name, now, confirmed_hash=seen_hash)
    if version is None:
        raise Conflict(reason="price_day_taken")
    audit.record(actor, "price_list.added", f"price_list:{version}", rules.audit_detail(preview.new))
    return version
