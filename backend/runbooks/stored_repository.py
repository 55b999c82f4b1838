"""From rows to the nouns of runs and back."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from backend.actor import UserId
from backend.audit.types import Plain
from backend.runbooks.types import (
    LineKind,
    Plan,
    PlannedChange,
    Risk,
    RunbookRun,
    RunId,
    RunLine,
    RunStage,
    RunStep,
    StepState,
)
from backend.runbooks.words_rules import (
    all_from_plain,
    from_plain,
    side_from_plain,
    side_to_plain,
    to_plain,
)

_COLUMNS_AS_THEY_ARE = (
    "action",
    "parameters",
    "deadline_s",
    "request_key",
    "origin",
    "scheduled_at",
    "requester",
    "requested_at",
    "plan_hash",
    "planned_at",
    "confirmed_at",
    "expires_at",
    "approver",
    "approved_at",
    "cancelled_by",
    "cancel_asked_at",
    "launch",
    "launched_at",
    "process",
    "heartbeat_at",
    "started_at",
    "ended_at",
    "stopped_at",
    "memory",
)


def plan_to_plain(plan: Plan) -> dict[str, Plain]:
    """A plan as JSON can hold it."""
    return {
        "changes": [
            {
                "what": to_plain(each.what),
                "before": side_to_plain(each.before),
                "after": side_to_plain(each.after),
            }
            for each in plan.changes
        ],
        "versions": dict(plan.versions),
        "notes": [to_plain(note) for note in plan.notes],
        "commands": list(plan.commands),
        "confirmation": plan.confirmation,
    }


def plan_from_plain(plain: Mapping[str, Any]) -> Plan:
    """The plan that ``plan_to_plain`` wrote."""
    return Plan(
        changes=tuple(
            PlannedChange(
                what=from_plain(each["what"]),
                before=side_from_plain(each["before"]),
                after=side_from_plain(each["after"]),
            )
            for each in plain["changes"]
        ),
        versions=plain["versions"],
        notes=all_from_plain(plain["notes"]),
        commands=tuple(plain["commands"]),
        confirmation=plain["confirmation"],
    )


def to_run(row: RowMapping) -> RunbookRun:
    """A row as a run."""
    return RunbookRun(
        id=RunId(row["id"]),
        risk=Risk(row["risk"]),
        targets=tuple(row["targets"]),
        undo_of=_run_id(row["undo_of"]),
        repeat_of=_run_id(row["repeat_of"]),
        requester_id=_user_id(row["requester_id"]),
        approver_id=_user_id(row["approver_id"]),
        state=RunStage(row["state"]),
        plan=None if row["plan"] is None else plan_from_plain(row["plan"]),
        outcome=None if row["outcome"] is None else from_plain(row["outcome"]),
        result=all_from_plain(row["result"]),
        **{name: row[name] for name in _COLUMNS_AS_THEY_ARE},
    )


def to_step(row: RowMapping) -> RunStep:
    """A row as a step."""
    values = {name: row[name] for name in RunStep.__slots__}
    return RunStep(**values | {"state": StepState(row["state"])})


def to_line(row: RowMapping) -> RunLine:
    """A row as a log line."""
    values = {name: row[name] for name in RunLine.__slots__}
    return RunLine(**values | {"kind": LineKind(row["kind"])})


def _run_id(value: Any) -> RunId | None:  # noqa: ANN401 - a column's value
    return None if value is None else RunId(value)


def _user_id(value: Any) -> UserId | None:  # noqa: ANN401 - a column's value
    return None if value is None else UserId(value)
