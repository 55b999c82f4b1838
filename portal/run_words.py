"""Runs in words, for the pages that show them: risks, states, steps, permissions and faults of a field."""

from dataclasses import dataclass
from datetime import datetime

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.runbooks.types import Risk, RunStage, RunStep, StepPlan, StepState
from runbooks.action import Need
from runbooks.wording import step_label

RISK_TONES = {Risk.SAFE: "ok", Risk.DISRUPTIVE: "info", Risk.DESTRUCTIVE: "warn", Risk.DANGEROUS: "bad"}
STATE_TONES = {
    RunStage.PLANNING: "info",
    RunStage.PLANNED: "warn",
    RunStage.WAITING: "warn",
    RunStage.QUEUED: "info",
    RunStage.RUNNING: "info",
    RunStage.CANCELLING: "warn",
    RunStage.SUCCEEDED: "ok",
    RunStage.FAILED: "bad",
    RunStage.CANCELLED: "",
    RunStage.DECLINED: "bad",
    RunStage.EXPIRED: "",
    RunStage.LOST: "bad",
}
_STEP_TONES = {
    StepState.WAITING: "",
    StepState.RUNNING: "info",
    StepState.DONE: "ok",
    StepState.FAILED: "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A step, and how it stands where it has begun. ``began_s`` is the start of one that is at work, for its age."""

    title: str
    warning: str = ""
    state: str = ""
    tone: str = ""
    times: str = ""
    began_s: int = 0


def to_step_plan(action: str, step: StepPlan, lang: Lang) -> StepLine:
    """A step that will be taken."""
    return StepLine(title=step_label(action, step.name, lang), warning=_warning(step.is_cancellable, lang))


def to_step(action: str, step: RunStep, lang: Lang) -> StepLine:
    """A step of a run."""
    return StepLine(
        title=step_label(action, step.name, lang),
        warning="" if step.state is StepState.DONE else _warning(step.is_cancellable, lang),
        state=text(f"runs.step.{step.state}", lang),
        tone=_STEP_TONES[step.state],
        times=_times(step, lang),
        began_s=seconds(step.started_at) if step.state is StepState.RUNNING else 0,
    )


def _warning(is_cancellable: bool, lang: Lang) -> str:
    return "" if is_cancellable else text("runs.not_cancellable", lang)


def _times(step: RunStep, lang: Lang) -> str:
    if step.started_at is None:
        return ""
    began = fmt.exact_time(step.started_at, lang)
    if step.ended_at is None:
        return began
    took = max(0.0, (step.ended_at - step.started_at).total_seconds())
    return f"{began} · {fmt.duration(took, lang)}"


def seconds(at: datetime | None) -> int:
    """Whole seconds since 1970; zero where there is no instant."""
    return int(at.timestamp()) if at else 0


def state_words(state: RunStage, lang: Lang) -> str:
    """A state of a run, in a word or two."""
    return text(f"runs.state.{state}", lang)


def person(label: str, lang: Lang) -> str:
    """The person who asked for a run or approved it, or the schedule."""
    kind, _, name = label.partition(":")
    return text("runs.by_schedule", lang) if kind == "process" else fmt.code(name, lang)


def need_words(need: Need, lang: Lang) -> str:
    """A permission that the runner's account lacks: verb, resource and where."""
    resource = "/".join(part for part in (need.resource, need.subresource) if part)
    if need.group:
        resource = f"{resource}.{need.group}"
    named = f"{resource} {need.name}".strip()
    return text(
        "runs.missing_need",
        lang,
        verb=fmt.code(need.verb, lang),
        resource=fmt.code(named, lang),
        namespace=fmt.code(need.namespace or "*", lang),
    )


_BOUNDS = ("greater_than_equal", "less_than_equal", "greater_than", "less_than")
_LENGTHS = ("string_too_short", "string_too_long")


def problem_words(fault: str, lang: Lang, *, least: int | None = None, most: int | None = None) -> str:
    """The fault of a field's value in words, from pydantic's name of it."""
    if fault in _BOUNDS and least is not None and most is not None:
        return text("page.action.between", lang, least=fmt.number(least, lang), most=fmt.number(most, lang))
    if fault in _LENGTHS:
        return text(f"runs.fault.{fault}", lang)
    known = {"int_parsing": "number", "missing": "missing", "choice": "choice"}
    return text(f"runs.fault.{known.get(fault, 'other')}", lang)
