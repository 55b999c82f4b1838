"""Silences: seen before they are made, with a reason, an end and a name; ours and Alertmanager's own words for them.

Alertmanager is asked first and the database afterwards: what it took and we could not store, the next reconciliation
finds and stores.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from backend import clock
from backend.actor import OPERATOR_ROLES, STAFF_ROLES, Actor, require_role
from backend.alerts import (
    matcher_rules,
    report_repository,
    repository,
    rules,
    silence_rules,
    source,
    wake_service,
)
from backend.alerts.types import (
    KnownSilence,
    Matcher,
    NewSilence,
    Silence,
    SilenceChange,
    SilenceChangeKind,
    SilencePreview,
    SilenceState,
)
from backend.audit import service as audit
from backend.audit.rules import checked_reason
from backend.clients.alertmanager import Alertmanager
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.errors import Conflict, NotFound, Unavailable
from backend.log import get_logger

log = get_logger(__name__)

MOST_SILENCES = 200
LONGEST_ID = 100

T = TypeVar("T")


def silences(actor: Actor) -> list[KnownSilence]:
    """The silences of the last days, the live ones first and of these the one that ends first. For staff."""
    require_role(actor, *STAFF_ROLES)
    now = clock.utc_now()
    found = report_repository.recent_silences(now, MOST_SILENCES)
    changes = report_repository.silence_changes([each.id for each in found])
    muting = report_repository.muting_counts()
    return [
        KnownSilence(
            silence=silence,
            muting=muting.get(silence.id, 0),
            changes=tuple(each for each in changes if each.silence_id == silence.id),
        )
        for silence in found
    ]


def ending_soon(actor: Actor) -> list[KnownSilence]:
    """The silences that end within the hour, each with the number of alerts that are heard again then. For staff."""
    require_role(actor, *STAFF_ROLES)
    heard_again = report_repository.heard_again_counts()
    known = {each.silence.id: each for each in silences(actor)}
    soon = silence_rules.ending_soon([each.silence for each in known.values()], heard_again, clock.utc_now())
    return [replace(known[each.id], muting=heard_again[each.id]) for each in soon]


def silence_named(actor: Actor, silence_id: str) -> Silence:
    """A silence by its id, live or not. For staff. Raises NotFound for an unknown one."""
    require_role(actor, *STAFF_ROLES)
    return _known(silence_id)


def proposed_matchers(actor: Actor, fingerprint: str) -> str:
    """Matchers that fit just this alert, a line for each, as a beginning; empty for an unknown alert. For operators."""
    require_role(actor, *OPERATOR_ROLES)
    found = report_repository.newest_firing(rules.storable_text(fingerprint)[: rules.LONGEST_FINGERPRINT])
    return "\n".join(map(str, matcher_rules.matchers_of(found.labels))) if found else ""


def preview_silence(actor: Actor, new: NewSilence) -> SilencePreview:
    """Show the alerts that a silence would cover if it began now; nothing is changed. For operators.

    Raises:
        Invalid: the matchers, the end or the reason do not fit, or Alertmanager refuses the matchers.
        Unavailable: no Alertmanager answers.
    """
    require_role(actor, *OPERATOR_ROLES)
    matchers = matcher_rules.matchers_in(new.matchers)
    ends_at = silence_rules.checked_end(new.ends_at, clock.utc_now())
    checked_reason(new.reason)
    alerts = source.matching(matchers)
    return SilencePreview(matchers=matchers, ends_at=ends_at, alerts=alerts, equal=_equal(matchers))


def create_silence(actor: Actor, new: NewSilence) -> Silence:
    """Silence what the matchers fit, from now on until the end. Audited. For operators.

    Raises:
        Invalid: the matchers, the end or the reason do not fit, or Alertmanager refuses them.
        Conflict: a live silence has the same matchers already (``silence_exists``).
        Unavailable: no Alertmanager took it.
    """
    require_role(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    matchers = matcher_rules.matchers_in(new.matchers)
    ends_at, reason = silence_rules.checked_end(new.ends_at, now), checked_reason(new.reason)
    if _equal(matchers) is not None:
        raise Conflict(reason="silence_exists")
    silence = Silence(
        id="",
        matchers=matchers,
        starts_at=now,
        ends_at=ends_at,
        updated_at=now,
        created_by=actor.name,
        comment=reason,
        state=SilenceState.ACTIVE,
    )
    return _put(actor, silence, SilenceChangeKind.CREATED)


def change_silence_end(actor: Actor, silence_id: str, ends_at: datetime, reason: str) -> Silence:
    """Give a live silence another end, with a reason. Audited; earlier comments stay in our history. For operators.

    Raises:
        NotFound: nobody knows this silence, or it has ended.
        Invalid: the end or the reason does not fit.
        Unavailable: no Alertmanager took it.
    """
    require_role(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    ends_at, reason = silence_rules.checked_end(ends_at, now), checked_reason(reason)
    known = _known(silence_id)
    if silence_rules.state_at(known, now) == SilenceState.EXPIRED:
        raise NotFound(reason="silence")
    kind = SilenceChangeKind.EXTENDED if ends_at > known.ends_at else SilenceChangeKind.SHORTENED
    changed = replace(known, ends_at=ends_at, created_by=actor.name, comment=reason)
    return _put(actor, changed, kind)


def end_silence(actor: Actor, silence_id: str) -> None:
    """End a silence now; one that has ended already is fine. Audited. For operators.

    Raises:
        NotFound: nobody knows this silence.
        Unavailable: no Alertmanager ended it.
    """
    require_role(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    known = _known(silence_id)
    ended = _first_that_answers(lambda manager: source.expire_silence(manager, known))
    if silence_rules.state_at(known, now) != SilenceState.EXPIRED:
        _store(actor, ended, SilenceChangeKind.ENDED)


def _put(actor: Actor, wanted: Silence, kind: SilenceChangeKind) -> Silence:
    made = _first_that_answers(lambda manager: source.put_silence(manager, wanted))
    # Another id than asked for is another silence: Alertmanager had forgotten the old one.
    _store(actor, made, kind if made.id == wanted.id else SilenceChangeKind.CREATED)
    return made


def _store(actor: Actor, silence: Silence, kind: SilenceChangeKind) -> None:
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


def _equal(matchers: Sequence[Matcher]) -> Silence | None:
    """The live silence with the same matchers that ends last."""
    live = repository.live_silences(clock.utc_now())
    return next((each for each in reversed(live) if matcher_rules.are_equal(each.matchers, matchers)), None)


def _known(silence_id: str) -> Silence:
    found = repository.silences([rules.storable_text(silence_id)[:LONGEST_ID]])
    if not found:
        raise NotFound(reason="silence")
    return found[0]


def _first_that_answers(ask: Callable[[Alertmanager], T]) -> T:
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
