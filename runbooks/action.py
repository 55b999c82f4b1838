"""The parts of an action: typed parameters, a plan, named steps, perhaps an undo, and what it needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from backend.deploys.types import Permission
from backend.runbooks.types import Plan, Risk, RunbookRun, StepPlan, Words
from runbooks.context import Planning, Running


class ActionParameters(BaseModel):
    """The parameters of an action: named, typed, bounded. Whatever else is given is refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True
    )


P = TypeVar("P", bound=ActionParameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChoice:
    """A value to choose, and its words; the value itself where there are none.

    ``is_suggested``: the form has it chosen until somebody chooses another one.
    ``is_offered``: False for what is there and does not fit as far as the view of the cluster knows. The form does
    not list it. Who asks for it all the same is answered by the plan, which asks the cluster itself: a view is a
    moment behind.
    """

    value: str
    words: Words | None = None
    is_suggested: bool = False
    is_offered: bool = True


# A permission in Kubernetes that the runner's account must have.
Need = Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[P]):
    """A named step; a step that cannot be cancelled is past the point of no return, and says so beforehand.

    A repeatable one does no harm when a run goes on after its process died in it.
    """

    name: str
    run: Callable[[Running, P], None]
    is_cancellable: bool = True
    is_repeatable: bool = True

    @property
    def plan(self) -> StepPlan:
        """The step as a run stores it."""
        return StepPlan(name=self.name, is_cancellable=self.is_cancellable, is_repeatable=self.is_repeatable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Generic[P]):
    """The way to undo a run: by a run of its own, which reads what the first one remembered.

    ``alike`` are the actions that change the same thing of a target: where one of them succeeded later and stands, the
    run is not undone, and it is undone once. Without any, ``plan`` alone says whether it can be.
    """

    plan: Callable[[Planning, P, RunbookRun], Plan]
    steps: tuple[Step[P], ...]
    holds: timedelta
    alike: frozenset[str] = frozenset()


Choices = Callable[[Planning, Mapping[str, str]], Sequence[ParameterChoice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[P]):
    """An action. ``choices`` give the values of a field, from the server; they may look at the fields filled so far.

    ``clean_up`` takes away what steps made, when a run ends cancelled or failed; it does no harm where nothing is left.
    ``uses_backups``: it reads or writes backups, so its process must reach where they lie.
    ``targets`` are what it locks; ``plan`` only reads, and raises Refused when the action is not possible now.
    """

    name: str
    risk: Risk
    parameters: type[P]
    plan: Callable[[Planning, P], Plan]
    steps: tuple[Step[P], ...]
    targets: Callable[[P], tuple[str, ...]]
    deadline_s: int
    choices: Mapping[str, Choices] = field(default_factory=dict)
    needs: Callable[[P], tuple[Need, ...]] = lambda _parameters: ()
    undo: Undo[P] | None = None
    cool_down_s: int = 0
    uses_backups: bool = False
    clean_up: Callable[[Running, P], None] | None = None
