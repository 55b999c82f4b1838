"""Silences at Alertmanager and in our database: what its cluster took is stored, with who did what."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from backend import clock
from backend.actor import Actor
from backend.alerts import matcher_rules, repository, rules, silence_rules, source, wake_service
from backend.alerts.types import Matcher, Silence, SilenceChange, SilenceChangeKind, SilenceState
from backend.audit import service as audit
from backend.clients.alertmanager import Alertmanager
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.errors import NotFound, Unavailable
from backend.log import get_logger

log = get_logger(__name__)

LONGEST_ID = 100

T = TypeVar("T")


def put(actor: Actor, wanted: Silence, kind: SilenceChangeKind) -> Silence:
    """Create or change a silence at Alertmanager, and store what it made of it. Raises Unavailable."""
    made = first_that_answers(lambda manager: source.put_silence(manager, wanted))
    # Another id than asked for is another silence: Alertmanager had forgotten the old one.
    store(actor, made, kind if made.id == wanted.id else SilenceChangeKind.CREATED)
    return made


def end(actor: Actor, silence_id: str) -> None:
    """End a silence now; one that has ended already is fine. Raises NotFound and Unavailable."""
    now, silence = clock.utc_now(), known(silence_id)
    ended = first_that_answers(lambda manager: source.expire_silence(manager, silence))
    if silence_rules.state_at(silence, now) != SilenceState.EXPIRED:
        store(actor, ended, SilenceChangeKind.ENDED)


def store(actor: Actor, silence: Silence, kind: SilenceChangeKind) -> None:
    """Store a silence as Alertmanager has it now, with what was done to it; audited."""
    change = SilenceChange(
        silence_id=silence.id,
        at=clock.utc_now(),
        kind=kind,
        actor=actor.label,
        comment="" if kind == SilenceChangeKind.ENDED else silence.comment,
        ends_at=silence.ends_at,
    )
    detail = {
        "matchers": [str(matcher) for matcher in silence.matchers],
        "ends_at": silence.ends_at.isoformat(),
        "reason": change.comment,
    }
    with transaction():
        repository.put_silences([silence])
        repository.add_silence_changes([change])
        tell(Topic.ALERTS)
        audit.record(actor, f"silence.{kind}", f"silence:{silence.id}", detail)
    log.info("alerts.silence_changed", silence=silence.id, kind=kind.value, by=actor.label)
    wake_service.look_soon()


def equal(matchers: Sequence[Matcher]) -> Silence | None:
    """The live silence with the same matchers that ends last."""
    live = repository.live_silences(clock.utc_now())
    return next((each for each in reversed(live) if matcher_rules.are_equal(each.matchers, matchers)), None)


def known(silence_id: str) -> Silence:
    """A silence by its id. Raises NotFound."""
    found = repository.silences([rules.storable_text(silence_id)[:LONGEST_ID]])
    if not found:
        raise NotFound(reason="silence")
    return found[0]


def first_that_answers(ask: Callable[[Alertmanager], T]) -> T:
    """The answer of an Alertmanager of the cluster; who did not answer lately is asked last."""
    failing = {each.name for each in repository.sources() if each.failing_since}
    managers = sorted(source.managers(), key=lambda manager: source.name_of(manager.url) in failing)
    lost = Unavailable(service="alertmanager")
    for manager in managers:
        try:
            return ask(manager)
        except Unavailable as error:
            lost = error
    raise lost
