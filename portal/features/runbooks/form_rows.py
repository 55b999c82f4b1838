"""Rows of an action's form: formatted strings in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from backend.i18n.names import target_words
from backend.runbooks.words_rules import said
from portal import routes
from portal.run_words import RISK_TONES, StepLine, need_words, problem_words, to_step_plan
from runbooks.form_types import FieldKind, Form, FormField, Obstacles
from runbooks.wording import action_name, action_says, field_label

NO, YES = "false", "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChoice:
    """A value of a field that can be chosen."""

    value: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """A field of the form. Another ``key`` is another box: what the server does not offer is no longer shown."""

    key: str
    name: str
    element_id: str
    label: str
    kind: str
    value: str
    hint: str
    problem: str
    is_required: bool
    choices: list[ValueChoice]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionObstacle:
    """A reason why the button is grey, with a link to what stands in the way."""

    sentence: str
    url: str = ""
    url_words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """An action's form; an empty name says that none is shown yet."""

    name: str = ""
    title: str = ""
    what: str = ""
    risk: str = ""
    risk_tone: str = ""
    risk_says: str = ""
    undo: str = ""
    deadline: str = ""
    durations: str = ""
    origin: str = ""
    origin_url: str = ""
    not_offered: list[str] = field(default_factory=list)
    fields: list[FieldView] = field(default_factory=list)
    steps: list[StepLine] = field(default_factory=list)
    obstacles: list[ActionObstacle] = field(default_factory=list)
    is_unknown: bool = False
    is_blocked: bool = False


def to_form(form: Form, given: Mapping[str, str], lang: Lang, look_no: int = 0) -> FormView:
    """The form as the page shows it. ``given`` are the values that were asked for, ``look_no`` counts the looks."""
    name = form.card.name
    obstacles = _obstacles(form.obstacles, lang)
    return FormView(
        name=name,
        title=action_name(name, lang),
        what=action_says(name, lang),
        risk=text(f"runs.risk.{form.card.risk}", lang),
        risk_tone=RISK_TONES[form.card.risk],
        risk_says=text(f"runs.risk_says.{form.card.risk}", lang),
        undo=text("page.action.can_undo" if form.card.can_be_undone else "page.action.no_undo", lang),
        deadline=fmt.duration(form.deadline_s, lang),
        durations=fmt.listed([fmt.duration(each, lang) for each in form.last_durations_s], lang),
        not_offered=_not_offered(form, given, lang),
        fields=[_field(name, each, lang, look_no) for each in form.fields],
        steps=[to_step_plan(name, each, lang) for each in form.steps],
        obstacles=obstacles,
        is_unknown=form.obstacles.is_unknown,
        is_blocked=bool(obstacles) or _has_nothing_to_choose(form),
    )


def _has_nothing_to_choose(form: Form) -> bool:
    return any(
        each.kind is FieldKind.CHOICE and each.is_required and not each.choices for each in form.fields
    )


def _not_offered(form: Form, given: Mapping[str, str], lang: Lang) -> list[str]:
    """A sentence for each value that was asked for and cannot be chosen now."""
    return [
        text(
            "page.action.not_offered",
            lang,
            field=field_label(form.card.name, each.name, lang),
            value=fmt.code(given[each.name], lang),
        )
        for each in form.fields
        if each.kind is FieldKind.CHOICE and given.get(each.name) and not each.value
    ]


def _field(action: str, each: FormField, lang: Lang, look_no: int) -> FieldView:
    return FieldView(
        key=f"{each.name}:{look_no}",
        name=each.name,
        element_id=f"field-{each.name}",
        label=field_label(action, each.name, lang),
        kind=FieldKind.CHOICE if each.kind is FieldKind.SWITCH else each.kind,
        value=fmt.digits(each.value, lang) if each.kind is FieldKind.NUMBER else each.value,
        hint=_hint(each, lang),
        problem=problem_words(each.problem, lang, least=each.least, most=each.most) if each.problem else "",
        is_required=each.is_required,
        choices=_choices(each, lang),
    )


def _choices(each: FormField, lang: Lang) -> list[ValueChoice]:
    if each.kind is FieldKind.SWITCH:
        return [
            ValueChoice(value=NO, title=text("page.action.no", lang)),
            ValueChoice(value=YES, title=text("page.action.yes", lang)),
        ]
    offered = [
        ValueChoice(value=choice.value, title=said(choice.words, lang) if choice.words else choice.value)
        for choice in each.choices
    ]
    if each.kind is FieldKind.CHOICE and not each.value:
        return [ValueChoice(value="", title=text("page.action.choose", lang)), *offered]
    return offered


def _hint(each: FormField, lang: Lang) -> str:
    if each.kind is FieldKind.SECRET:
        return text("page.action.secret_hint", lang)
    if each.kind is FieldKind.CHOICE and not each.choices:
        return text("page.action.no_choices", lang)
    if each.kind is FieldKind.NUMBER and each.least is not None and each.most is not None:
        return text(
            "page.action.between", lang, least=fmt.number(each.least, lang), most=fmt.number(each.most, lang)
        )
    return "" if each.is_required else text("page.action.optional", lang)


def _obstacles(found: Obstacles, lang: Lang) -> list[ActionObstacle]:
    if found.refusal is not None:
        return [ActionObstacle(sentence=error_text(found.refusal, lang))]
    missing = [ActionObstacle(sentence=need_words(need, lang)) for need in found.needs]
    held = [
        ActionObstacle(
            sentence=text(
                "page.action.held",
                lang,
                target=target_words(holder.target, lang),
                who=fmt.code(holder.requester.partition(":")[2], lang),
                action=action_name(holder.action, lang),
                since=fmt.moment(holder.taken_at, lang),
            ),
            url=routes.run(holder.run_id),
            url_words=text("page.action.that_run", lang),
        )
        for holder in found.holders
    ]
    if found.cool_down_until is None:
        return [*missing, *held]
    until = fmt.moment(found.cool_down_until, lang)
    return [*missing, *held, ActionObstacle(sentence=text("page.action.cool_down", lang, until=until))]
