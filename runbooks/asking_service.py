"""Use cases of people and actions: the list, a form, what stands in its way, and asking for a plan."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from backend import clock
from backend.actor import OPERATOR_ROLES, STAFF_ROLES, Actor, require_process, require_role
from backend.audit.types import Plain
from backend.deploys import service as deploys
from backend.errors import AppError, Conflict, Invalid, Refused
from backend.runbooks import schedule_rules
from backend.runbooks import service as runs
from backend.runbooks.types import NewRun, RunbookRun, RunId, RunStage
from runbooks import form_rules, permissions, registry
from runbooks.action import Action, ActionParameters, ParameterChoice
from runbooks.action import Step as ActionStep
from runbooks.context import Planning
from runbooks.form_types import ActionCard, FieldKind, Form, FormField, Obstacles, RunWish
from runbooks.secret_input import NO_SECRET


def cards(actor: Actor) -> list[ActionCard]:
    """Every action, by the alphabet. For staff."""
    require_role(actor, *STAFF_ROLES)
    return [_card(action) for action in registry.actions().values()]


def card(actor: Actor, name: str) -> ActionCard:
    """An action as one sees it before it is asked for. For staff. Raises NotFound, whatever the name looks like."""
    require_role(actor, *STAFF_ROLES)
    return _card(registry.action_named(name))


def form(actor: Actor, name: str, given: Mapping[str, str]) -> Form:
    """The form of an action with the values so far, and what stands in the way. For staff. Raises NotFound.

    Choices and permissions are asked of the cluster, so never inside a transaction.
    """
    require_role(actor, *STAFF_ROLES)
    action = registry.action_named(name)
    planning = Planning(actor=actor, now=clock.utc_now(), connect=lambda: deploys.kubernetes(actor))
    try:
        fields, refusal = _fields(action, planning, given), None
    except Refused as refused:
        fields, refusal = (), refused
    values = {each.name: each.value for each in fields}
    # A secret is given last, and what stands in the way does not depend on it.
    secrets = {each.name: NO_SECRET for each in fields if each.kind is FieldKind.SECRET and not each.value}
    has_problem = refusal is not None or any(each.problem for each in fields)
    parameters = None if has_problem else _parameters_or_none(action, values | secrets)
    return Form(
        card=_card(action),
        fields=fields,
        steps=tuple(step.plan for step in action.steps),
        deadline_s=action.deadline_s,
        is_complete=parameters is not None and not secrets,
        obstacles=Obstacles(refusal=refusal) if parameters is None else _obstacles(actor, action, parameters),
        last_durations_s=tuple(runs.last_durations_s(actor, action.name)),
    )


def obstacles(actor: Actor, name: str, given: Mapping[str, str]) -> Obstacles:
    """Everything that stands in the way of an action with these parameters. For staff. Raises NotFound and Invalid."""
    require_role(actor, *STAFF_ROLES)
    action = registry.action_named(name)
    return _obstacles(actor, action, form_rules.parameters_of(action.parameters, given))


def ask(actor: Actor, wish: RunWish) -> RunbookRun:
    """Ask for the plan of an action. For operators; idempotent by the request key.

    Raises:
        NotFound: no such action.
        Invalid: a field does not fit, or its value is none of the choices.
        Conflict: it was done a short time ago and needs time to have an effect.
    """
    require_role(actor, *OPERATOR_ROLES)
    action = registry.action_named(wish.action)
    parameters = form_rules.parameters_of(action.parameters, wish.given)
    _require_choices(actor, action, wish.given)
    if until := _cool_down_until(actor, action, parameters):
        raise Conflict(reason="run_cool_down", until=until)
    return runs.ask(
        actor,
        _asked(action, parameters, wish.request_key, origin=dict(wish.origin), repeat_of=wish.repeat_of),
    )


def ask_undo(actor: Actor, run_id: RunId, request_key: str) -> RunbookRun:
    """Ask for the plan of undoing a run. For operators; idempotent by the request key.

    Raises:
        NotFound: no such run.
        Refused: its action has no undo, it did not get far enough, or the time for it is over.
    """
    require_role(actor, *OPERATOR_ROLES)
    done = runs.run(actor, run_id)
    action = registry.action_named(done.action)
    if not can_undo(done, clock.utc_now()) or action.undo is None:
        raise Refused(reason="run_no_undo" if action.undo is None else "run_undo_over")
    parameters = action.parameters.model_validate(done.parameters)
    return runs.ask(actor, _asked(action, parameters, request_key, undo_of=run_id, steps=action.undo.steps))


def can_undo(run: RunbookRun, now: datetime) -> bool:
    """Whether a run can be undone now: it did something, is no undo itself, and its time is not over."""
    return undo_until(run, now) is not None


def undo_until(run: RunbookRun, now: datetime) -> datetime | None:
    """The end of the time in which a run can be undone; None when it cannot be undone now."""
    action = registry.actions().get(run.action)
    if action is None or action.undo is None or run.undo_of is not None or run.ended_at is None:
        return None
    has_changed = run.state is RunStage.SUCCEEDED or (run.started_at is not None and bool(run.memory))
    until = run.ended_at + action.undo.holds
    return until if has_changed and now < until else None


def takes_secret(name: str) -> bool:
    """Whether an action has a field for a secret, which is used up by a run; False for one that is not known."""
    action = registry.actions().get(name)
    return action is not None and any(
        form_rules.kind_of(info, has_choices=field in action.choices) is FieldKind.SECRET
        for field, info in action.parameters.model_fields.items()
    )


def ask_scheduled(actor: Actor, name: str, given: Mapping[str, str], at: datetime) -> RunbookRun:
    """Enqueue a safe action because its time has come. For processes; idempotent by action and time."""
    require_process(actor)
    action = registry.action_named(name)
    parameters = form_rules.parameters_of(action.parameters, given)
    return runs.ask(actor, _asked(action, parameters, f"scheduled:{name}:{at.isoformat()}", scheduled_at=at))


def was_missed(actor: Actor, name: str, given: Mapping[str, str], due: datetime) -> bool:
    """Whether the moment of a scheduled action went by, or its target was held then, and nothing holds it now.

    For processes.
    """
    require_process(actor)
    action = registry.action_named(name)
    targets = action.targets(form_rules.parameters_of(action.parameters, given))
    asked = runs.scheduled_since(actor, name, due)
    return schedule_rules.is_wanted(asked, clock.utc_now()) and not runs.holders(actor, targets)


def new_request_key() -> str:
    """A key for a form that is opened."""
    return uuid4().hex


def _asked(
    action: Action[Any],
    parameters: ActionParameters,
    request_key: str,
    *,
    steps: Sequence[ActionStep[Any]] | None = None,
    **more: Any,  # noqa: ANN401 - fields of NewRun
) -> NewRun:
    plain: dict[str, Plain] = form_rules.plain_of(parameters)
    return NewRun(
        action=action.name,
        parameters=plain,
        risk=action.risk,
        targets=action.targets(parameters),
        steps=tuple(step.plan for step in (action.steps if steps is None else steps)),
        deadline_s=action.deadline_s,
        request_key=request_key[:100],
        **more,
    )


def _card(action: Action[Any]) -> ActionCard:
    return ActionCard(name=action.name, risk=action.risk, can_be_undone=action.undo is not None)


def _fields(action: Action[Any], planning: Planning, given: Mapping[str, str]) -> tuple[FormField, ...]:
    values = {
        name: given.get(name, form_rules.default_of(info))[: form_rules.LONGEST_VALUE]
        for name, info in action.parameters.model_fields.items()
    }
    problems = form_rules.problems_of(action.parameters, values)
    fields = []
    for name, info in action.parameters.model_fields.items():
        choices = tuple(_choices(action, planning, name, values))
        value = values[name]
        is_chosen = name not in action.choices or any(each.value == value for each in choices)
        if value and not is_chosen:
            value = values[name] = ""  # what an address asks for and the server does not offer
        elif not value and (suggested := [each.value for each in choices if each.is_suggested]):
            value = values[name] = suggested[0]
            problems = form_rules.problems_of(action.parameters, values)
        least, most = form_rules.bounds_of(info)
        fields.append(
            FormField(
                name=name,
                kind=form_rules.kind_of(info, has_choices=name in action.choices),
                value=value,
                is_required=info.is_required(),
                choices=tuple(each for each in choices if each.is_offered or each.value == value),
                least=least,
                most=most,
                problem=problems.get(name, "") if value else "",
            )
        )
    return tuple(fields)


def _choices(
    action: Action[Any], planning: Planning, name: str, values: Mapping[str, str]
) -> Sequence[ParameterChoice]:
    offered = action.choices.get(name)
    return () if offered is None else offered(planning, values)


def _parameters_or_none(action: Action[Any], given: Mapping[str, str]) -> ActionParameters | None:
    try:
        return form_rules.parameters_of(action.parameters, given)
    except Invalid:
        return None


def _require_choices(actor: Actor, action: Action[Any], given: Mapping[str, str]) -> None:
    planning = Planning(actor=actor, now=clock.utc_now(), connect=lambda: deploys.kubernetes(actor))
    for name in action.choices:
        value = given.get(name, "").strip()
        if value and value not in {each.value for each in _choices(action, planning, name, given)}:
            raise Invalid(field=name, reason="run_field", words="choice")


def _obstacles(actor: Actor, action: Action[Any], parameters: ActionParameters) -> Obstacles:
    try:
        missing, is_unknown = permissions.missing(actor, action.needs(parameters)), False
    except AppError:
        missing, is_unknown = (), True
    return Obstacles(
        needs=tuple(missing),
        holders=tuple(runs.holders(actor, action.targets(parameters))),
        cool_down_until=_cool_down_until(actor, action, parameters),
        is_unknown=is_unknown,
    )


def _cool_down_until(actor: Actor, action: Action[Any], parameters: ActionParameters) -> datetime | None:
    if not action.cool_down_s:
        return None
    last = runs.last_ended_at(actor, action.name, action.targets(parameters))
    until = None if last is None else last + timedelta(seconds=action.cool_down_s)
    return until if until is not None and until > clock.utc_now() else None
