"""Silences: seen before they are made, with a reason, an end and a name; ours and Alertmanager's own words for them.

Alertmanager is asked first and the database afterwards: what it took and we could not store, the next reconciliation
finds and stores.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from backend import clock
from backend.actor import OPERATOR_ROLES, STAFF_ROLES, Actor, require_role
from backend.alerts import matcher_rules, report_repository, rules, silence_rules, source
from backend.alerts import silence_keeping_service as keeping
from backend.alerts.types import (
    KnownSilence,
    NewSilence,
    Silence,
    SilenceChangeKind,
    SilencePreview,
    SilenceState,
)
from backend.audit.rules import checked_reason
from backend.errors import Conflict, NotFound, Refused

MOST_SILENCES = 200


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
    return keeping.known(silence_id)


def proposed_matchers(actor: Actor, fingerprint: str) -> str:
    """Matchers that fit just this alert, a line for each, as a beginning. For operators.

    Empty for an unknown alert, and for one whose labels a silence cannot name.
    """
    require_role(actor, *OPERATOR_ROLES)
    found = report_repository.newest_firing(rules.storable_text(fingerprint)[: rules.LONGEST_FINGERPRINT])
    with suppress(Refused):
        return "\n".join(map(str, matcher_rules.matchers_of(found.labels))) if found else ""
    return ""


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
    return SilencePreview(matchers=matchers, ends_at=ends_at, alerts=alerts, equal=keeping.equal(matchers))


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
    if keeping.equal(matchers) is not None:
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
    return keeping.put(actor, silence, SilenceChangeKind.CREATED)


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
    known = keeping.known(silence_id)
    if silence_rules.state_at(known, now) == SilenceState.EXPIRED:
        raise NotFound(reason="silence")
    kind = SilenceChangeKind.EXTENDED if ends_at > known.ends_at else SilenceChangeKind.SHORTENED
    changed = replace(known, ends_at=ends_at, created_by=actor.name, comment=reason)
    return keeping.put(actor, changed, kind)


def end_silence(actor: Actor, silence_id: str) -> None:
    """End a silence now; one that has ended already is fine. Audited. For operators.

    Raises:
        NotFound: nobody knows this silence.
        Unavailable: no Alertmanager ended it.
    """
    require_role(actor, *OPERATOR_ROLES)
    keeping.end(actor, silence_id)
