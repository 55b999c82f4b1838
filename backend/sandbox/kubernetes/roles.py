"""The Roles of the portal's accounts, as production has them: the only list of them.

The web reads and asks; the jobs start and end runs in the runbook namespace; the runner may exactly what the actions
declare by ``needs``. A test compares the list with those declarations.
"""

from dataclasses import dataclass
from enum import StrEnum

READ = frozenset({"get", "list", "watch"})
_READ_ONCE = frozenset({"get", "list"})
_PATCH = frozenset({"patch"})
_MADE = frozenset({"get", "create", "delete"})
SNAPSHOTS = "snapshot.storage.k8s.io"
AUTHORIZATION = "authorization.k8s.io"
WEB, JOBS, RUNNER = "portal-viewer", "portal-jobs", "portal-operator"
ADMINISTRATOR = "cluster-admin"

_WORKLOADS = ("deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions")
_DEPLOYMENTS = frozenset(
    {
        "docuchat-api",
        "docuchat-worker",
        "docuchat-ingest",
        "docuchat-frontend",
        "docuchat-gpu-worker",
        "docuchat-portal",
    }
)
_STATEFUL_SETS = frozenset({"docuchat-redis"})
_DAEMON_SETS = frozenset({"docuchat-log-agent"})
_ROTATED = frozenset({"docuchat-openai", "docuchat-jwt", "docuchat-database", "docuchat-metrics"})
_DATABASE_SERVICES = frozenset({"docuchat-postgresql"})


class RuleScope(StrEnum):
    """The part of the cluster in which a rule holds."""

    APPLICATION = "application"
    RUNBOOKS = "runbooks"
    BOTH = "both"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Verbs on resources (``pods`` or ``pods/log``), perhaps only on some names."""

    group: str = ""
    resources: tuple[str, ...]
    verbs: frozenset[str]
    names: frozenset[str] = frozenset()
    scope: RuleScope = RuleScope.APPLICATION


VIEWER = (
    Rule(group="apps", resources=_WORKLOADS, verbs=READ, scope=RuleScope.BOTH),
    Rule(resources=("pods", "events"), verbs=READ, scope=RuleScope.BOTH),
    Rule(resources=("pods/log",), verbs=frozenset({"get"}), scope=RuleScope.BOTH),
    Rule(group="batch", resources=("jobs", "cronjobs"), verbs=READ, scope=RuleScope.BOTH),
    Rule(
        group=AUTHORIZATION,
        resources=("localsubjectaccessreviews",),
        verbs=frozenset({"create"}),
        scope=RuleScope.BOTH,
    ),
    # About the runner's rights to what is in no namespace.
    Rule(
        group=AUTHORIZATION,
        resources=("subjectaccessreviews",),
        verbs=frozenset({"create"}),
        scope=RuleScope.CLUSTER,
    ),
    # What a restore may go back to.
    Rule(group=SNAPSHOTS, resources=("volumesnapshots",), verbs=frozenset({"list"})),
    # What people give to a run. Creating shows nothing.
    Rule(resources=("secrets",), verbs=frozenset({"create"}), scope=RuleScope.RUNBOOKS),
)
LAUNCHER = (
    Rule(group="batch", resources=("jobs",), verbs=READ | {"create", "delete"}, scope=RuleScope.RUNBOOKS),
    # A Job whose pod is refused says so in an event alone.
    Rule(resources=("pods", "events"), verbs=READ, scope=RuleScope.RUNBOOKS),
    Rule(resources=("pods/log",), verbs=frozenset({"get"}), scope=RuleScope.RUNBOOKS),
    # What a person gave and no run used.
    Rule(resources=("secrets",), verbs=frozenset({"delete"}), scope=RuleScope.RUNBOOKS),
)
OPERATOR = (
    Rule(group="apps", resources=("deployments",), verbs=READ),
    Rule(group="apps", resources=("replicasets", "statefulsets", "daemonsets"), verbs=_READ_ONCE),
    Rule(group="apps", resources=("controllerrevisions",), verbs=frozenset({"list"})),
    Rule(resources=("pods", "events", "resourcequotas"), verbs=frozenset({"list"})),
    Rule(resources=("nodes",), verbs=frozenset({"list"}), scope=RuleScope.CLUSTER),
    Rule(group="apps", resources=("deployments", "deployments/scale"), verbs=_PATCH, names=_DEPLOYMENTS),
    Rule(group="apps", resources=("statefulsets", "statefulsets/scale"), verbs=_PATCH, names=_STATEFUL_SETS),
    Rule(group="apps", resources=("daemonsets",), verbs=_PATCH, names=_DAEMON_SETS),
    Rule(resources=("secrets",), verbs=_PATCH, names=_ROTATED),
    # A second server beside the database's. Nobody can name beforehand what is made then and perhaps deleted again.
    Rule(group=SNAPSHOTS, resources=("volumesnapshots",), verbs=frozenset({"list"})),
    Rule(resources=("persistentvolumeclaims",), verbs=_MADE),
    Rule(group="apps", resources=("statefulsets",), verbs=frozenset({"create", "delete"})),
    Rule(resources=("services",), verbs=frozenset({"get", "patch"}), names=_DATABASE_SERVICES),
    # What a person gave to a run, under the run's own name.
    Rule(resources=("secrets",), verbs=frozenset({"get", "delete"}), scope=RuleScope.RUNBOOKS),
)
ROLES: dict[str, tuple[Rule, ...] | None] = {
    WEB: VIEWER,
    JOBS: LAUNCHER,
    RUNNER: OPERATOR,
    ADMINISTRATOR: None,
}
"""The rules of each account; the one without rules may everything."""
IN_RUNBOOKS = frozenset({RUNNER})
"""The accounts that live in the runbook namespace, where the Jobs of runs are."""
