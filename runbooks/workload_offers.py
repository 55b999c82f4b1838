"""The actions that a workload's page offers, with the workload filled in."""

from collections.abc import Sequence

from backend.deploys.types import WorkloadId
from runbooks import form_rules, registry, rollouts
from runbooks.offers import ActionOffer

_FIELD = "workload"
_PAUSE, _RESUME = "pause_rollout", "resume_rollout"
_ACTIONS = ("restart_workload", "scale_workload", "rollback_deployment", _PAUSE, _RESUME)


def offers(workload: WorkloadId, *, is_paused: bool) -> Sequence[ActionOffer]:
    """The actions for a workload of this kind; a paused rollout can be resumed, any other can be paused."""
    value, known = rollouts.value_for(workload), registry.actions()
    left_out = _PAUSE if is_paused else _RESUME
    return [
        ActionOffer(action=name, fields={_FIELD: value})
        for name in _ACTIONS
        if name in known
        and name != left_out
        and _FIELD not in form_rules.problems_of(known[name].parameters, {_FIELD: value})
    ]
