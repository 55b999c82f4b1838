"""Nouns of asking for a run: a form with its fields, what stands in its way, and what is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from backend.errors import Refused
from backend.runbooks.types import LockHolder, Risk, RunId, StepPlan
from runbooks.action import Need, ParameterChoice


class FieldKind(StrEnum):
    """Way in which a field is filled."""

    CHOICE = "choice"
    NUMBER = "number"
    TEXT = "text"
    SWITCH = "switch"
    SECRET = "secret"  # noqa: S105 - the kind of a field


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of a form. ``problem`` is the error key of a value that does not fit."""

    name: str
    kind: FieldKind
    value: str = ""
    is_required: bool = True
    choices: tuple[ParameterChoice, ...] = ()
    least: int | None = None
    most: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacles:
    """Obstacles of an action with these parameters: a refusal, missing permissions, locks, a cool-down.

    ``refusal`` is the reason why nothing can be chosen at all, such as a setting that is not made.
    ``unknown`` is set when the permissions could not be asked for: the button then works, and the run will tell.
    """

    refusal: Refused | None = None
    needs: tuple[Need, ...] = ()
    holders: tuple[LockHolder, ...] = ()
    cool_down_until: datetime | None = None
    is_unknown: bool = False

    @property
    def is_clear(self) -> bool:
        """Whether nothing stands in the way."""
        return not (self.refusal or self.needs or self.holders or self.cool_down_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCard:
    """An action in the list."""

    name: str
    risk: Risk
    can_be_undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of an action, as far as it is filled. ``is_complete``: every field fits, so a plan can be asked for."""

    card: ActionCard
    fields: tuple[FormField, ...]
    steps: tuple[StepPlan, ...]
    deadline_s: int
    is_complete: bool
    obstacles: Obstacles
    last_durations_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """A run that a person wants: action, fields as they were filled, and where one came from.

    ``request_key`` is made when the form is opened, so that a double click asks once.
    """

    action: str
    given: Mapping[str, str]
    request_key: str
    origin: Mapping[str, str] = field(default_factory=dict)
    repeat_of: RunId | None = None
