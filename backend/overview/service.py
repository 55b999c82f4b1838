"""Use cases of the overview: one shared look at everything. The only door to the overview."""

from collections.abc import Callable
from contextlib import suppress
from threading import Lock

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role
from backend.overview import rules
from backend.overview.board import SourceBoard
from backend.overview.reading_service import SOURCES
from backend.overview.types import Facts, SystemOverview

FIRST_LOOK_S = 0.7
"""The first look of all waits this long for the sources; a page answers within a second."""

_lock = Lock()
_made: list[SourceBoard] = []
_listeners: list[Callable[[], None]] = []


def overview(actor: Actor) -> SystemOverview:
    """Everything that is known now, and the level that follows. For staff.

    All readers of this process share one snapshot, which is refreshed while somebody looks. A source that does not
    answer is unknown and delays nobody.
    """
    require_role(actor, *STAFF_ROLES)
    readings, version = _board().look(actor, FIRST_LOOK_S)
    facts = Facts(**{name.value: reading for name, reading in readings.items()})  # type: ignore[arg-type]  # by name
    now = clock.utc_now()
    return SystemOverview(facts=facts, health=rules.health(facts, now), read_at=now, version=version)


def listen(actor: Actor, heard: Callable[[], None]) -> Callable[[], None]:
    """Call ``heard`` after each change of the snapshot, in a thread of its own; returns what ends it. For processes."""
    require_process(actor)
    _listeners.append(heard)

    def end() -> None:
        with suppress(ValueError):
            _listeners.remove(heard)

    return end


def close(actor: Actor) -> None:
    """Forget the snapshot; the next look makes another one. Idempotent. For processes."""
    require_process(actor)
    with _lock:
        while _made:
            _made.pop().close()


def _board() -> SourceBoard:
    with _lock:
        if not _made:
            board = SourceBoard(SOURCES)
            board.on_change = _tell
            _made.append(board)
        return _made[0]


def _tell() -> None:
    for heard in [*_listeners]:
        heard()
