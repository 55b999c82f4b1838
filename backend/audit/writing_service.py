"""The use case of recording an action."""

from collections.abc import Mapping, Sequence

from backend.actor import Actor
from backend.audit import repository, rules
from backend.clock import utc_now
from backend.db.engine import transaction


def record(actor: Actor, action: str, target: str, detail: Mapping[str, object] | None = None) -> None:
    """Append an action; it is kept if, and only if, the open transaction is. For every actor.

    Entries are written one after the other, so record last in a long transaction: others wait until it ends.
    Secrets in the detail are blacked out; fractions, dates and ids are kept as text.
    """
    record_all(actor, action, [(target, detail or {})])


def record_all(actor: Actor, action: str, done: Sequence[tuple[str, Mapping[str, object]]]) -> None:
    """Append the same action on many targets, each with its detail, in their order; otherwise as ``record``."""
    now = utc_now()
    events = [rules.event_of(actor, action, target, detail, now) for target, detail in done]
    if not events:
        return
    with transaction():
        repository.lock_chain()
        previous_hash = repository.last_hash() or rules.BEGINNING
        entries = []
        for event in events:
            own_hash = rules.chained(previous_hash, event)
            entries.append((event, previous_hash, own_hash))
            previous_hash = own_hash
        repository.append(entries)
