"""Everything that a run's page reads, in one call."""

from backend import clock
from backend.actor import Actor
from backend.alerts import service as alerts
from backend.alerts.summary_rules import shown
from backend.alerts.types import Firing, HistoryQuery
from backend.i18n.catalog import Lang, has, text
from backend.job_runs import service as job_runs
from backend.job_runs.types import LAUNCHING
from backend.runbooks import service as runs
from backend.runbooks.types import LAUNCHED, RunbookRun, RunId
from portal import routes
from portal.features.runbooks.run_rows import AlertStanding, RunView, alert_standing, to_run_view
from portal.ids import uuid_of
from portal.job_words import job_name
from runbooks import asking_service as asking

MOST_FIRINGS = 50


def run_view(actor: Actor, named: str, lang: Lang) -> RunView:
    """A run by the id that an address names. Raises NotFound."""
    run = runs.run(actor, RunId(uuid_of(named)))
    now = clock.utc_now()
    return to_run_view(
        run,
        runs.steps(actor, run.id),
        undo_runs=runs.undo_runs(actor, run.id),
        alert=_alert(actor, run, lang),
        undo_until=asking.undo_until(run, now),
        waits_for=_waits_for(actor, run, lang),
        has_secret=asking.takes_secret(run.action),
        actor=actor,
        now=now,
        lang=lang,
    )


def _waits_for(actor: Actor, run: RunbookRun, lang: Lang) -> str:
    """The sentence of what keeps a run without a process from beginning; empty where nothing does."""
    if run.state not in LAUNCHED or run.launched_at is not None:
        return ""
    standing = job_runs.standing(actor)
    if standing.leader is None:
        return text("runs.explains.unled", lang)
    pause = next((each.pause for each in standing.jobs if each.job == LAUNCHING), None)
    if pause is None:
        return ""
    return text("runs.explains.paused", lang, who=pause.paused_by, job=job_name(LAUNCHING, lang))


def _alert(actor: Actor, run: RunbookRun, lang: Lang) -> AlertStanding:
    """The alert that a run began from, and whether that firing has resolved."""
    name, fingerprint = run.origin.get("alert", ""), run.origin.get("fingerprint", "")
    if not name:
        return AlertStanding()
    firing = _firing(actor, fingerprint, run.origin.get("firing", "")) if fingerprint else None
    return alert_standing(
        name=text(f"alerts.name.{name}", lang) if has(f"alerts.name.{name}") else shown(name),
        url=routes.alert(fingerprint) if fingerprint else routes.runbook(name),
        resolved_at=firing.resolved_at if firing else None,
        is_known=firing is not None,
        run=run,
        lang=lang,
    )


def _firing(actor: Actor, fingerprint: str, firing_id: str) -> Firing | None:
    past = alerts.history(actor, HistoryQuery(fingerprint=fingerprint), limit=MOST_FIRINGS, offset=0).rows
    return next((each.firing for each in past if str(each.firing.id) == firing_id), None)
