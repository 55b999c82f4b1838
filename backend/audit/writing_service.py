"""The use case of recording an action."""

from collections.abc import Mapping

from backend.actor import Actor
from backend.audit import repository, rules
from backend.clock import utc_now
from backend.db.engine import transaction


def record(actor: Actor, action: str, target: str, detail: Mapping[str, object] | None = None) -> None:
    """Append an action; it is kept if, and only if, the open transaction is. For every actor.

    Entries are written one after the other, so record last in a long transaction: others wait until it ends.
    Secrets in the detail are blacked out; fractions, dates and ids are kept as text.
    """
    event = rules.event_of(actor, action, target, detail or {}, utc_now())
    with transaction():
        repository.lock_chain()
        previous_hash = repository.last_hash() or rules.BEGINNING
        repository.append(event, previous_hash, rules.chained(previous_hash, event))
