"""Access control: bearer tokens, and the least privilege of the portal's accounts in production."""

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from backend.sandbox.kubernetes.workloads import RUNBOOKS_SUFFIX

READ = frozenset({"get", "list", "watch"})
_WORKLOADS = ("deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions")
_OPERATED = frozenset({"docuchat-api", "docuchat-worker"})
_ROTATED = frozenset({"docuchat-openai", "docuchat-jwt", "docuchat-database", "docuchat-metrics"})
_CREATE = frozenset({"create"})
AUTHORIZATION = "authorization.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Verbs on resources (``pods`` or ``pods/log``), perhaps only on some names, or only in the runbook namespace."""

    group: str
    resources: tuple[str, ...]
    verbs: frozenset[str]
    names: frozenset[str] = frozenset()
    is_for_runs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A permission that a request needs."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


VIEWER = (
    Rule(group="apps", resources=_WORKLOADS, verbs=READ),
    Rule(group="", resources=("pods", "events"), verbs=READ),
    Rule(group="", resources=("pods/log",), verbs=frozenset({"get"})),
    Rule(group="batch", resources=("jobs", "cronjobs"), verbs=READ),
    Rule(group=AUTHORIZATION, resources=("localsubjectaccessreviews",), verbs=_CREATE),
    # What people give to a run. Creating shows nothing.
    Rule(group="", resources=("secrets",), verbs=_CREATE, is_for_runs=True),
)
OPERATOR = (
    *VIEWER,
    Rule(group="apps", resources=("deployments",), verbs=frozenset({"patch"}), names=_OPERATED),
    Rule(group="apps", resources=("deployments/scale",), verbs=frozenset({"get", "patch"}), names=_OPERATED),
    Rule(group="", resources=("secrets",), verbs=frozenset({"patch"}), names=_ROTATED),
    Rule(group="batch", resources=("jobs",), verbs=frozenset({"create", "delete"})),
    Rule(group="", resources=("secrets",), verbs=frozenset({"get", "delete"}), is_for_runs=True),
)
ACCOUNTS: dict[str, tuple[Rule, ...] | None] = {
    "portal-viewer": VIEWER,
    "portal-operator": OPERATOR,
    "cluster-admin": None,
}


@dataclass(slots=True)
class Access:
    """The permissions of accounts: their rules hold in some namespaces, and a tester may take some away."""

    home: str
    namespaces: frozenset[str]
    denied: list[tuple[str, str, str]] = field(default_factory=list)

    def user_name(self, account: str) -> str:
        """An account as the API calls it."""
        if ACCOUNTS.get(account) is None:
            return account
        return f"system:serviceaccount:{self.home}:{account}"

    def account_of(self, user_name: str) -> str:
        """The account that the API calls so; a stranger is called as it is."""
        return next((one for one in ACCOUNTS if self.user_name(one) == user_name), user_name)

    def allows(self, account: str, wish: Wish) -> bool:
        """Whether an account may; the one without rules may everything, and a stranger nothing."""
        if (account, wish.verb, wish.resource) in self.denied:
            return False
        rules = ACCOUNTS.get(account, ())
        if rules is None:
            return True
        # Anybody may ask what it may do itself.
        if (wish.verb, wish.resource) == ("create", "selfsubjectaccessreviews"):
            return True
        return wish.namespace in self.namespaces and any(_covers(rule, wish) for rule in rules)

    def refusal(self, account: str, wish: Wish) -> str:
        """The sentence with which the API refuses."""
        where = f' in the namespace "{wish.namespace}"' if wish.namespace else " at the cluster scope"
        what = f"{wish.resource}.{wish.group}" if wish.group else wish.resource
        name = f' "{wish.name}"' if wish.name else ""
        return (
            f'{what}{name} is forbidden: User "{self.user_name(account)}" cannot {wish.verb} resource '
            f'"{wish.resource}" in API group "{wish.group}"{where}'
        )


def _covers(rule: Rule, wish: Wish) -> bool:
    return (
        wish.group == rule.group
        and wish.resource in rule.resources
        and wish.verb in rule.verbs
        and (not rule.names or wish.name in rule.names)
        and (not rule.is_for_runs or wish.namespace.endswith(RUNBOOKS_SUFFIX))
    )


def read_or_make_tokens(kubeconfig: Path | None) -> dict[str, str]:
    """Token to account; those of an earlier start are kept, so that running clients stay signed in."""
    if kubeconfig and kubeconfig.is_file():
        users = orjson.loads(kubeconfig.read_bytes())["users"]
        return {one["user"]["token"]: one["name"] for one in users}
    return {secrets.token_urlsafe(24): account for account in ACCOUNTS}


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    namespace: str,
    tokens: dict[str, str],
    authority: Path | None = None,
    account: str = "portal-viewer",
) -> None:
    """A file for kubectl and every client library, readable by us alone. JSON is YAML too.

    A client that names no context gets ``account``.
    """
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority.read_bytes()).decode()
    users = list(tokens.values())
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": account, "user": {"token": token}} for token, account in tokens.items()],
        "contexts": [
            {"name": user, "context": {"cluster": "sandbox", "user": user, "namespace": namespace}}
            for user in users
        ],
        "current-context": account,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(config, option=orjson.OPT_INDENT_2))
