"""Rows of a run's page: formatted strings in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backend.actor import OPERATOR_ROLES, Actor, Role
from backend.alerts.summary_rules import shown
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.i18n.names import named, target_words
from backend.runbooks import rules
from backend.runbooks.types import ENDED, Plan, Risk, RunbookRun, RunStage, RunStep
from backend.runbooks.words_rules import said, said_side
from portal import routes
from portal.run_words import (
    RISK_TONES,
    STATE_TONES,
    StepLine,
    person,
    seconds,
    state_words,
    to_step,
)
from runbooks.wording import action_name, field_label

SHORT_HASH = 12
LONGEST_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """A parameter and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A planned change: what, and its value before and after."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlanView:
    """A plan. ``key`` is its whole hash, which goes back with a confirmation; empty while there is no plan."""

    key: str = ""
    short: str = ""
    changes: list[ChangeRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    typed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLink:
    """Another run that belongs to this one."""

    sentence: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoices:
    """Everything that the reader can do with a run now, and why not."""

    confirm: bool = False
    decide: bool = False
    cancel: bool = False
    go_on: bool = False
    undo: bool = False
    repeat: bool = False
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run, as its page shows it; an empty key says that none is shown yet."""

    key: str = ""
    action: str = ""
    title: str = ""
    stage: str = ""
    state: str = ""
    tone: str = ""
    explains: str = ""
    risk: str = ""
    risk_tone: str = ""
    is_dangerous: bool = False
    is_ended: bool = False
    until: str = ""
    until_s: int = 0
    asked: str = ""
    approved: str = ""
    cancelled: str = ""
    began: str = ""
    began_s: int = 0
    took: str = ""
    targets: list[str] = field(default_factory=list)
    parameters: list[ValueRow] = field(default_factory=list)
    plan: RunPlanView = RunPlanView()
    steps: list[StepLine] = field(default_factory=list)
    outcome: str = ""
    results: list[str] = field(default_factory=list)
    undo_until: str = ""
    related: list[RunLink] = field(default_factory=list)
    choices: RunChoices = RunChoices()
    origin: str = ""
    origin_url: str = ""
    origin_said: str = ""
    origin_tone: str = ""
    form_url: str = ""
    log_url: str = ""
    log_text_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStanding:
    """The alert that a run began from: its words, and how it stands."""

    name: str = ""
    url: str = ""
    said: str = ""
    tone: str = ""


def to_run_view(
    run: RunbookRun,
    steps: Sequence[RunStep],
    *,
    undo_runs: Sequence[RunbookRun],
    alert: AlertStanding,
    undo_until: datetime | None,
    waits_for: str,
    has_secret: bool,
    actor: Actor,
    now: datetime,
    lang: Lang,
) -> RunView:
    """A run's page. ``undo_until`` is None where it cannot be undone now; ``waits_for`` keeps it from beginning."""
    is_act = run.started_at is not None
    choices = _choices(
        run, steps, undo_until is not None, has_secret=has_secret, actor=actor, now=now, lang=lang
    )
    return RunView(
        key=str(run.id),
        log_url=routes.run_log(run.id, run.launch) if run.launch else "",
        log_text_url=routes.run_log_text(run.id),
        action=run.action,
        title=_title(run, lang),
        stage=run.state,
        state=state_words(run.state, lang),
        tone=STATE_TONES[run.state],
        explains=waits_for or _explains(run, choices, now, lang),
        risk=text(f"runs.risk.{run.risk}", lang),
        risk_tone=RISK_TONES[run.risk],
        is_dangerous=run.risk is Risk.DANGEROUS,
        is_ended=run.state in ENDED,
        until=fmt.moment(run.expires_at, lang) if run.expires_at and not run.is_ended else "",
        until_s=seconds(run.expires_at),
        asked=_by(run.requester, run.requested_at, lang),
        approved=_by(run.approver, run.approved_at, lang),
        cancelled=_by(run.cancelled_by, run.cancel_asked_at, lang),
        began=fmt.moment(run.started_at, lang) if run.started_at else "",
        began_s=seconds(run.started_at) if not run.is_ended else 0,
        took=_took(run, lang) if is_act else "",
        targets=[target_words(each, lang) for each in run.targets],
        parameters=_parameters(run, lang),
        plan=_plan(run, lang),
        steps=[to_step(run.action, each, lang) for each in steps],
        outcome=said(run.outcome, lang) if run.outcome else "",
        results=[said(each, lang) for each in run.result],
        undo_until=fmt.moment(undo_until, lang) if undo_until else "",
        related=_related(run, undo_runs, lang),
        choices=choices,
        origin=alert.name,
        origin_url=alert.url,
        origin_said=alert.said,
        origin_tone=alert.tone,
        form_url=routes.action(
            run.action, _known(run), alert=run.origin.get("fingerprint", ""), like_run=str(run.id)
        )
        if has_secret and run.undo_of is None
        else "",
    )


def _title(run: RunbookRun, lang: Lang) -> str:
    name = action_name(run.action, lang)
    return name if run.undo_of is None else text("runs.undo_of", lang, action=name)


def _by(label: str, at: datetime | None, lang: Lang) -> str:
    if not label or at is None:
        return ""
    return text("runs.by_at", lang, who=person(label, lang), at=fmt.moment(at, lang))


def _took(run: RunbookRun, lang: Lang) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return fmt.duration(max(0.0, (run.ended_at - run.started_at).total_seconds()), lang)


def _known(run: RunbookRun) -> dict[str, str]:
    return {name: str(value) for name, value in run.parameters.items() if value is not None}


def _parameters(run: RunbookRun, lang: Lang) -> list[ValueRow]:
    return [
        ValueRow(
            name=field_label(run.action, name, lang),
            value=value_words(name, value, lang),
        )
        for name, value in run.parameters.items()
        if value is not None
    ]


def value_words(name: str, value: object, lang: Lang) -> str:
    """The value of a parameter as its reader calls it: yes or no, a number, the name of a job, or itself."""
    if isinstance(value, bool):
        return text("page.action.yes" if value else "page.action.no", lang)
    if isinstance(value, int):
        return fmt.number(value, lang)
    return named(name, str(value), lang) or shown(str(value), LONGEST_SHOWN)


def _plan(run: RunbookRun, lang: Lang) -> RunPlanView:
    plan: Plan | None = run.plan
    if plan is None:
        return RunPlanView()
    return RunPlanView(
        key=run.plan_hash,
        short=run.plan_hash[:SHORT_HASH],
        changes=[
            ChangeRow(
                what=said(each.what, lang),
                before=said_side(each.before, lang),
                after=said_side(each.after, lang),
            )
            for each in plan.changes
        ],
        notes=[said(each, lang) for each in plan.notes],
        commands=list(plan.commands),
        typed=plan.confirmation,
    )


def _explains(run: RunbookRun, choices: RunChoices, now: datetime, lang: Lang) -> str:
    """The meaning of the state, and what comes next."""
    if rules.may_mend(run, now):
        return text("runs.explains.mending", lang)
    if run.state is RunStage.CANCELLING and run.stopped_at is not None:
        return text("runs.explains.stopping", lang)
    if run.state is RunStage.WAITING and choices.decide:
        return text("runs.explains.waiting_for_you", lang)
    return text(f"runs.explains.{run.state}", lang)


def _choices(
    run: RunbookRun,
    steps: Sequence[RunStep],
    can_undo: bool,
    *,
    has_secret: bool,
    actor: Actor,
    now: datetime,
    lang: Lang,
) -> RunChoices:
    if actor.role not in OPERATOR_ROLES:
        return RunChoices(why_not=text("page.run.reads_only", lang))
    is_own = run.requester_id is not None and actor.user_id == run.requester_id
    is_open = run.expires_at is None or now < run.expires_at
    return RunChoices(
        confirm=run.state is RunStage.PLANNED and is_own and is_open,
        decide=run.state is RunStage.WAITING and actor.role is Role.APPROVER and not is_own and is_open,
        cancel=run.state not in ENDED and run.state is not RunStage.CANCELLING,
        go_on=run.state is RunStage.LOST and is_own and rules.is_continuable(run, steps, now),
        undo=can_undo,
        repeat=run.is_ended and run.undo_of is None and not has_secret,
        why_not=_why_not(run, steps, is_own=is_own, actor=actor, now=now, lang=lang),
    )


def _why_not(
    run: RunbookRun, steps: Sequence[RunStep], *, is_own: bool, actor: Actor, now: datetime, lang: Lang
) -> str:
    """The reason that keeps the reader from confirming, approving or going on; empty where there is none."""
    if run.state is RunStage.LOST:
        return _why_not_on(run, steps, is_own=is_own, now=now, lang=lang)
    if run.state is RunStage.PLANNED and not is_own:
        return text("page.run.not_yours", lang, who=person(run.requester, lang))
    if run.state is RunStage.WAITING and is_own:
        return text("page.run.own_approval", lang)
    if run.state is RunStage.WAITING and actor.role is not Role.APPROVER:
        return text("page.run.no_approver", lang)
    return ""


def _why_not_on(run: RunbookRun, steps: Sequence[RunStep], *, is_own: bool, now: datetime, lang: Lang) -> str:
    """The reason that keeps the reader from letting a lost run go on; empty where there is none."""
    if rules.has_lapsed(run, now):
        return text("error.conflict.run_approval_lapsed", lang)
    if not is_own:
        return text("error.forbidden.run_of_another", lang)
    return "" if rules.is_continuable(run, steps, now) else text("error.conflict.run_not_repeatable", lang)


def _related(run: RunbookRun, undo_runs: Sequence[RunbookRun], lang: Lang) -> list[RunLink]:
    found = []
    if run.undo_of is not None:
        found.append(RunLink(sentence=text("page.run.undoes", lang), url=routes.run(run.undo_of)))
    if run.repeat_of is not None:
        found.append(RunLink(sentence=text("page.run.repeats", lang), url=routes.run(run.repeat_of)))
    return found + [
        RunLink(
            sentence=text("page.run.undone_by", lang, state=state_words(each.state, lang)),
            url=routes.run(each.id),
        )
        for each in undo_runs
    ]


def alert_standing(
    *, name: str, url: str, resolved_at: datetime | None, is_known: bool, run: RunbookRun, lang: Lang
) -> AlertStanding:
    """Whether the alert that a run began from has resolved since, and when."""
    if not is_known:
        return AlertStanding(name=name, url=url, said=text("page.run.alert_unknown", lang))
    if resolved_at is None:
        tone = "warn" if run.state is RunStage.SUCCEEDED else "info"
        return AlertStanding(name=name, url=url, said=text("page.run.alert_fires", lang), tone=tone)
    at = fmt.moment(resolved_at, lang)
    if run.started_at is None or resolved_at < run.started_at:
        return AlertStanding(
            name=name, url=url, said=text("page.run.alert_resolved_before", lang, at=at), tone="ok"
        )
    after: timedelta = resolved_at - run.started_at
    return AlertStanding(
        name=name,
        url=url,
        said=text("page.run.alert_resolved", lang, at=at, after=fmt.duration(after.total_seconds(), lang)),
        tone="ok",
    )
