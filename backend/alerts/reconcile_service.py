"""Reconciling: ask every Alertmanager, compare with what is stored, and store the difference as history."""

from datetime import timedelta

from backend import clock
from backend.actor import Actor, require_process
from backend.alerts import repository, rules, source
from backend.alerts.types import AlertSource, Reconciled, Snapshot
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.log import get_logger

KEPT = timedelta(days=396)

log = get_logger(__name__)


def reconcile(actor: Actor) -> Reconciled:
    """Bring the stored alerts in line with Alertmanager. Idempotent; several may do it at once. For processes.

    What nobody observed stays a gap: nothing is invented for it. An Alertmanager that is away is recorded and raises
    nothing.
    """
    require_process(actor)
    snapshot = source.look(clock.utc_now())
    with transaction():
        repository.lock()
        return _store(snapshot)


def forget_old(actor: Actor) -> int:
    """Delete history that is older than 13 months; returns the number of firings. For processes."""
    require_process(actor)
    return repository.delete_before(clock.utc_now() - KEPT)


def _store(snapshot: Snapshot) -> Reconciled:
    now, last = snapshot.asked_at, repository.last_observation()
    if last is not None and last.until >= now:
        return Reconciled(is_stale=True)
    before = repository.sources()
    after = rules.sources_after(before, snapshot.sources, now)
    repository.replace_sources(after)
    is_news = rules.is_source_news(before, after)
    if is_news:
        _log_failures(before, after)
    if snapshot.alerts is None:
        if is_news:
            tell(Topic.ALERTS)
        return Reconciled(is_blind=True)
    gap = rules.gap_before(last, now)
    found = rules.changes(
        repository.open_firings(),
        snapshot.alerts,
        last_look=last.until if last else None,
        now=now,
        was_unwatched=gap is not None,
        proves_absence=snapshot.proves_absence,
    )
    repository.end_firings(found.ended, now)
    repository.change_firings(found.changed, now)
    repository.open_new_firings(found.opened, now)
    has_silences_changed = _store_silences(snapshot)
    if last is None or gap is not None:
        repository.begin_observation(now)
    else:
        repository.extend_observation(now)
    if is_news or found.is_news or has_silences_changed or gap is not None:
        tell(Topic.ALERTS)
    return Reconciled(firing=len(snapshot.alerts), opened=len(found.opened), ended=len(found.ended))


def _store_silences(snapshot: Snapshot) -> bool:
    shown = snapshot.silences or ()
    different, found = rules.silence_changes(
        repository.silences([each.id for each in shown]), shown, snapshot.asked_at
    )
    repository.put_silences(different)
    repository.add_silence_changes(found)
    return bool(different)


def _log_failures(before: list[AlertSource], after: list[AlertSource]) -> None:
    """A line for each party that began to fail or answers again, and none for one that goes on."""
    failed = {each.name for each in before if each.failing_since}
    for each in after:
        if each.failing_since and each.name not in failed:
            log.warning("alerts.source_failed", source=each.name, cause=each.cause)
        if not each.failing_since and each.name in failed:
            log.info("alerts.source_recovered", source=each.name)
