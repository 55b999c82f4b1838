"""Use cases of runs of runbooks: silence an alert that fires, and end that silence."""

from datetime import datetime

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.alerts import matcher_rules, report_repository, rules, silence_rules, source
from backend.alerts import silence_keeping_service as keeping
from backend.alerts.types import (
    WATCHDOG,
    Firing,
    Matcher,
    NewSilence,
    Silence,
    SilenceChangeKind,
    SilencePreview,
    SilenceState,
)
from backend.audit.rules import checked_reason
from backend.clients.alertmanager import Alertmanager
from backend.errors import NotFound, Refused


def can_be_silenced(actor: Actor) -> list[Firing]:
    """The alerts that fire now, without the Watchdog: its absence is the alarm. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return [each for each in report_repository.firing_now() if each.name != WATCHDOG]


def matchers_of(actor: Actor, fingerprint: str, *, is_wide: bool) -> tuple[Matcher, ...]:
    """Matchers that fit just an alert, or every alert of its name. For processes.

    Raises:
        NotFound: it has never fired.
        Refused: it is the Watchdog, or has more labels, or longer ones, than a silence can name.
    """
    require_process(actor)
    firing = report_repository.newest_firing(rules.storable_text(fingerprint)[: rules.LONGEST_FINGERPRINT])
    if firing is None:
        raise NotFound(reason="alert")
    if firing.name == WATCHDOG:
        raise Refused(reason="silence_watchdog")
    if is_wide:
        return (Matcher(name="alertname", value=firing.name),)
    return matcher_rules.matchers_of(firing.labels)


def preview_for_run(actor: Actor, matchers: tuple[Matcher, ...], ends_at: datetime) -> SilencePreview:
    """The alerts that a silence would cover if it began now. For processes. Raises Unavailable."""
    require_process(actor)
    return SilencePreview(
        matchers=matchers,
        ends_at=silence_rules.checked_end(ends_at, clock.utc_now()),
        alerts=source.matching(matchers),
        equal=keeping.equal(matchers),
    )


def silence_for_run(actor: Actor, new: NewSilence, *, by: str) -> Silence:
    """Silence what the matchers fit, in the name of who asked for the run. For processes; audited.

    Idempotent: a live silence of the same person with the same matchers and reason is taken instead, also one that
    Alertmanager took while its answer was lost.

    Raises:
        Invalid: the end or the reason does not fit, or Alertmanager refuses the matchers.
        Unavailable: no Alertmanager took it.
    """
    require_process(actor)
    now = clock.utc_now()
    wanted = Silence(
        id="",
        matchers=matcher_rules.matchers_in(new.matchers),
        starts_at=now,
        ends_at=silence_rules.checked_end(new.ends_at, now),
        updated_at=now,
        created_by=by.partition(":")[2],
        comment=checked_reason(new.reason),
        state=SilenceState.ACTIVE,
    )
    made = keeping.first_that_answers(lambda manager: _made_before(manager, wanted))
    if made is None:
        return keeping.put(actor, wanted, SilenceChangeKind.CREATED)
    keeping.store(actor, made, SilenceChangeKind.CREATED)
    return made


def is_live(actor: Actor, silence_id: str) -> bool:
    """Whether a silence of ours still holds. For processes. Raises NotFound for an unknown one."""
    require_process(actor)
    return silence_rules.state_at(keeping.known(silence_id), clock.utc_now()) is not SilenceState.EXPIRED


def end_for_run(actor: Actor, silence_id: str) -> None:
    """End a silence now; one that has ended already is fine. For processes; audited.

    Raises:
        NotFound: nobody knows this silence.
        Unavailable: no Alertmanager ended it.
    """
    require_process(actor)
    keeping.end(actor, silence_id)


def _made_before(manager: Alertmanager, wanted: Silence) -> Silence | None:
    """The live silence that an earlier try made: nobody else's has the same author, reason and matchers."""
    now = clock.utc_now()
    known = (source.to_silence(each) for each in manager.silences())
    return next(
        (
            each
            for each in known
            if silence_rules.state_at(each, now) is not SilenceState.EXPIRED
            and (each.created_by, each.comment) == (wanted.created_by, wanted.comment)
            and matcher_rules.are_equal(each.matchers, wanted.matchers)
        ),
        None,
    )
